"""
A call's way through accounting: let in, made, written down.

::

    admit ── limits of the key ── its budget: the most that the call can cost is held
      │
    answered ── the answer's own words of what it took are read as it passes
      │
    over ── a row of what it was, its cost in place of what was held
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.gateway.accounting.budgets import Budgets, Wanted, check_spent
from twisted_aigate.gateway.accounting.estimate import (
    AnyCall,
    amounts_of,
    most_of,
    most_output,
    tokens_of,
)
from twisted_aigate.gateway.accounting.leases import Hold
from twisted_aigate.gateway.accounting.money import to_dollars
from twisted_aigate.gateway.accounting.price_book import PriceBook
from twisted_aigate.gateway.accounting.reader import UsageReader
from twisted_aigate.gateway.accounting.records import Spent
from twisted_aigate.gateway.accounting.tally import Tally
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.calls import Call, Result
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.keys.limits import (
    ILimitCounters,
    Standing,
    beyond,
    exceeded,
    limit_headers,
)
from twisted_aigate.gateway.keys.models import VirtualKey
from twisted_aigate.kernel.identifiers import current_request_id, new_id

Headers = tuple[tuple[bytes, bytes], ...]

_LONGEST_USER = 256
_text = msgspec.json.Decoder(str)


class Meter:
    """
    Lets calls in and has them paid.

    @param budgets: Hold the most that they can cost, and have them paid.
    @param counters: Count them.
    @param prices: What a deployment's work costs.
    @param clock: Keeps Unix time.
    @ivar tally: Sums up what they took.
    """

    def __init__(
        self,
        budgets: Budgets,
        counters: ILimitCounters,
        prices: PriceBook,
        clock: IReactorTime,
    ) -> None:
        self.tally = Tally()
        self._budgets = budgets
        self._counters = counters
        self._prices = prices
        self._clock = clock

    async def admit(
        self, caller: Caller, call: AnyCall, reachable: Callable[[], Iterable[Deployment]]
    ) -> Visit:
        """
        Let a call in.

        @param reachable: Says which deployments may answer it.
        @return: Whoever has it says how it ends: by L{Visit.answered} or L{Visit.failed}.
        @raise GatewayError: 429: the key has called too often; 400: it has no money left.
        """
        visit = self._visit(caller, call)
        key = caller.key
        if key is not None and key.limits:
            await self._count(key, visit)
        try:
            await self._prices.prepare(reachable)
            if key is not None and key.max_budget is not None:
                visit.hold = await self._budgets.hold(self._wanted(key, call, reachable()))
        except BaseException:
            visit.leave()
            raise
        return visit

    def _visit(self, caller: Caller, call: AnyCall) -> Visit:
        return Visit(self._budgets, self._prices, self.tally, self._clock, caller, call)

    async def _count(self, key: VirtualKey, visit: Visit) -> None:
        standing = await self._counters.begin(key.token, key.limits)
        name = exceeded(key.limits, standing)
        if name is not None:
            raise beyond(key.limits, standing, name)
        visit.counters, visit.standing = self._counters, standing

    def _wanted(self, key: VirtualKey, call: AnyCall, deployments: Iterable[Deployment]) -> Wanted:
        amount, or_rest = 0, False
        # Deployments of a name mostly are alike.
        for tariff, output in {(self._prices.of(d), most_output(d)) for d in deployments}:
            if tariff.is_free:
                continue
            most = most_of(call, output)
            cost = tariff.worst(most.amounts)
            if cost > amount:
                amount, or_rest = cost, not most.said
        return Wanted(key.token, amount, or_rest, key.updated_at)

    async def admit_hit(self, caller: Caller, call: AnyCall, model_id: str) -> Headers:
        """
        Let in a call that is answered without a model: it counts, and costs nothing.

        @param model_id: The deployment that once gave the answer.
        @return: Header fields for the caller.
        @raise GatewayError: 429: the key has called too often; 400: it has no money left.
        """
        visit = self._visit(caller, call)
        key = caller.key
        if key is not None:
            # As in LiteLLM who has spent all gets nothing, be it free; what is known of the key
            # will do for that.
            check_spent(key, self._clock.seconds())
            if key.limits:
                await self._count(key, visit)
        return visit.hit(model_id)


class Visit:
    """
    One call that was let in.

    @ivar hold: What is held for it.
    @ivar counters: Where it is counted, if it is.
    @ivar standing: How its key stands there.
    """

    __slots__ = (
        "_budgets", "_call", "_caller", "_clock", "_prices", "_started_at", "_tally", "counters",
        "hold", "standing",
    )  # fmt: skip

    def __init__(
        self,
        budgets: Budgets,
        prices: PriceBook,
        tally: Tally,
        clock: IReactorTime,
        caller: Caller,
        call: AnyCall,
    ) -> None:
        self._budgets = budgets
        self._prices = prices
        self._tally = tally
        self._clock = clock
        self._caller = caller
        self._call = call
        self._started_at = clock.seconds()
        self.hold: Hold | None = None
        self.counters: ILimitCounters | None = None
        self.standing: Standing | None = None

    def failed(self) -> None:
        """There was no answer: it costs nothing."""
        self._budgets.settle(self.hold, None, None)
        self.leave()

    def leave(self, tokens: int = 0) -> None:
        """It is over, for those who count."""
        if self.counters is not None and self.standing is not None:
            self.counters.end(self._caller.id, self.standing, tokens)

    def answered(self, result: Result, deployment: Deployment, reader: UsageReader) -> Headers:
        """
        There is an answer.

        @param reader: Reads it; when it is over, so is the call.
        @return: Header fields for the caller.
        """
        request_id = current_request_id.get() or new_id()
        key = self._caller.key
        if isinstance(result.body, bytes):
            cost = self._over(request_id, deployment, reader)
            told = ((b"x-litellm-response-cost", _dollars(cost)),)
            return told if key is None else (*told, *self._key_headers(key, cost))

        def ended() -> None:
            self._over(request_id, deployment, reader)

        reader.ended = ended
        return () if key is None else self._key_headers(key, 0)

    def _key_headers(self, key: VirtualKey, cost: int) -> Headers:
        # LiteLLM's: https://docs.litellm.ai/docs/proxy/response_headers
        fields = [(b"x-litellm-key-spend", _dollars(key.spend + cost))]
        if key.max_budget is not None:
            fields.append((b"x-litellm-key-max-budget", _dollars(key.max_budget)))
        for name, limit in ((b"rpm", key.limits.rpm), (b"tpm", key.limits.tpm)):
            if limit is not None:
                fields.append((b"x-litellm-key-%b-limit" % name, b"%d" % limit))
        if self.standing is not None:
            fields += limit_headers(key.limits, self.standing)
        return tuple(fields)

    def hit(self, model_id: str) -> Headers:
        """It is answered out of a cache; see L{Meter.admit_hit}."""
        request_id = current_request_id.get() or new_id()
        self._write(request_id, "", model_id, 0, (0, 0), 0, cache_hit=True)
        self.leave()
        told = ((b"x-litellm-response-cost", _dollars(0)),)
        key = self._caller.key
        return told if key is None else (*told, *self._key_headers(key, 0))

    def _over(self, request_id: str, deployment: Deployment, reader: UsageReader) -> int:
        """The call is over; what it has cost."""
        call = self._call
        prompt, completion = tokens_of(call, reader)
        tariff = self._prices.of(deployment)
        cost = 0
        if not tariff.is_free:
            cost = tariff.cost(amounts_of(call, reader, prompt, completion))
        cached = reader.usage.cache_read
        model = f"{deployment.provider}/{deployment.model}"
        self._write(request_id, model, deployment.id, cost, (prompt, completion), cached)
        self.leave(prompt + completion)
        return cost

    def _write(
        self,
        request_id: str,
        model: str,
        model_id: str,
        cost: int,
        tokens: tuple[int, int],
        cached: int,
        *,
        cache_hit: bool = False,
    ) -> None:
        caller, call = self._caller, self._call
        key = caller.key
        spent = Spent(
            request_id=request_id,
            call_type=call.task.value,
            api_key=caller.id,
            user_id=None if key is None else key.user_id,
            team_id=None if key is None else key.team_id,
            end_user=_end_user(call),
            model=model,
            model_group=call.model,
            model_id=model_id,
            spend=cost,
            prompt_tokens=tokens[0],
            completion_tokens=tokens[1],
            cached_tokens=cached,
            cache_hit=cache_hit,
            started_at=self._started_at,
            ended_at=self._clock.seconds(),
        )
        self._tally.add(spent)
        self._budgets.settle(self.hold, None if key is None else key.token, spent)


def _end_user(call: AnyCall) -> str | None:
    """Whom the caller calls for, by OpenAI's field C{user}."""
    if not isinstance(call, Call):
        return None
    raw = call.fields.get("user")
    try:
        user = None if raw is None else _text.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    # PostgreSQL's texts cannot hold a NUL.
    return user and user.replace("\0", "")[:_LONGEST_USER]


def _dollars(nanos: int) -> bytes:
    return repr(to_dollars(nanos)).encode("ascii")
