"""
How often keys call: counted in minutes of the clock, as LiteLLM does.

Source: https://docs.litellm.ai/docs/proxy/users#set-rate-limits
"""

from __future__ import annotations

import math

from attrs import define, frozen
from twisted.internet.interfaces import IReactorTime
from zope.interface import Interface, implementer

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.keys.models import KeyLimits
from twisted_aigate.kernel.units import MINUTE

_MOMENT = 1
"""Seconds after which one of several calls may be over: nobody knows."""


@frozen
class Standing:
    """
    How a key stands in this minute, a call that begins counted in.

    @ivar calls: Calls of this minute.
    @ivar tokens: Tokens of this minute, as far as answers are over.
    @ivar parallel: Calls in hand.
    @ivar reset: Seconds until the next minute.
    @ivar call: The call's id, for those who count it by one.
    """

    calls: int
    tokens: int
    parallel: int
    reset: float
    call: str | None = None


class ILimitCounters(Interface):
    """Counts keys' calls and tokens."""

    async def begin(token: str, limits: KeyLimits) -> Standing:
        """
        Count a call, if the limits allow it.

        @param token: What the key is known by.
        @return: How the key stands with it; beyond a limit nothing was counted.
        """

    def end(token: str, standing: Standing, tokens: int) -> None:
        """
        A call that was counted is over.

        @param standing: What L{begin} returned.
        @param tokens: What it took.
        """


@define(eq=False)
class _Count:
    minute: int = -1
    calls: int = 0
    tokens: int = 0
    parallel: int = 0


@implementer(ILimitCounters)
class LimitCounters:
    """
    Counts in memory, for this process alone.

    @param clock: Tells the time.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._counts: dict[str, _Count] = {}
        self._minute = -1

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._counts)

    async def begin(self, token: str, limits: KeyLimits) -> Standing:
        """See L{ILimitCounters}."""
        count = self._count(token)
        reset = MINUTE - self._clock.seconds() % MINUTE
        standing = Standing(count.calls + 1, count.tokens, count.parallel + 1, reset)
        if exceeded(limits, standing) is None:
            count.calls += 1
            count.parallel += 1
        return standing

    def end(self, token: str, standing: Standing, tokens: int) -> None:
        """See L{ILimitCounters}."""
        count = self._count(token)
        count.tokens += tokens
        count.parallel -= 1

    def _count(self, token: str) -> _Count:
        minute = int(self._clock.seconds() // MINUTE)
        if minute != self._minute:
            self._minute = minute
            # Of a minute that is over there is nothing to know but the calls still in hand.
            self._counts = {key: each for key, each in self._counts.items() if each.parallel}
        count = self._counts.get(token)
        if count is None:
            count = self._counts[token] = _Count(minute)
        elif count.minute != minute:
            count.minute, count.calls, count.tokens = minute, 0, 0
        return count


def exceeded(limits: KeyLimits, standing: Standing) -> str | None:
    """The limit that a call is beyond, by LiteLLM's name of it."""
    if limits.max_parallel is not None and standing.parallel > limits.max_parallel:
        return "max_parallel_requests"
    if limits.rpm is not None and standing.calls > limits.rpm:
        return "rpm_limit"
    if limits.tpm is not None and standing.tokens >= limits.tpm:
        return "tpm_limit"
    return None


def beyond(limits: KeyLimits, standing: Standing, name: str) -> GatewayError:
    """The refusal of a call that is beyond a limit."""
    wait = _MOMENT if name == "max_parallel_requests" else max(1, math.ceil(standing.reset))
    limit = {
        "max_parallel_requests": limits.max_parallel,
        "rpm_limit": limits.rpm,
        "tpm_limit": limits.tpm,
    }[name]
    return GatewayError(
        429,
        f"This key is at its limit: {name} is {limit}. Try again in {wait} s.",
        code="rate_limit_exceeded",
        retry_after=wait,
        headers=limit_headers(limits, standing),
    )


def limit_headers(limits: KeyLimits, standing: Standing) -> tuple[tuple[bytes, bytes], ...]:
    """How a key stands, as header fields; those of OpenAI's API."""
    fields = []
    reset = b"%ds" % math.ceil(standing.reset)
    for name, limit, used in (
        (b"requests", limits.rpm, standing.calls),
        (b"tokens", limits.tpm, standing.tokens),
    ):
        if limit is not None:
            fields += [
                (b"x-ratelimit-limit-" + name, b"%d" % limit),
                (b"x-ratelimit-remaining-" + name, b"%d" % max(0, limit - used)),
                (b"x-ratelimit-reset-" + name, reset),
            ]
    return tuple(fields)
