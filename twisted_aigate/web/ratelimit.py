"""
Rate limits by client address, with the meaning of nginx's C{limit_req … burst=N nodelay}.

Source: C{ngx_http_limit_req_module}. Each address has a leaky bucket: a request adds one, the
rate drains it, and what would overflow the burst is refused at once and adds nothing.
"""

from __future__ import annotations

import math
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.kernel.units import MINUTE, Rate
from twisted_aigate.web.errors import HTTPError

_SWEEP_EVERY = 1 * MINUTE
_MOST_ADDRESSES = 100_000


class Limiter(Protocol):
    """A rate limit."""

    def take(self, address: str) -> Deferred[None] | None:
        """
        Count a request.

        @return: C{None}: it was taken. Otherwise fires when it is, or fails.
        @raise HTTPError: 429 with C{Retry-After}: the address has asked too much.
        """


def too_many(wait: int) -> HTTPError:
    """The refusal of an address that may ask again in C{wait} seconds."""
    return HTTPError(
        429,
        f"Too many requests from this address. Try again in {wait} s.",
        code="rate_limit_exceeded",
        headers=((b"Retry-After", b"%d" % wait),),
    )


class RateLimiter:
    """
    The buckets of one zone.

    @param rate: What drains a bucket.
    @param burst: How many requests a full bucket holds beyond the one in hand.
    @param clock: What time it is.
    """

    def __init__(self, rate: Rate, burst: int, clock: IReactorTime) -> None:
        self._rate = rate.per_second
        self._burst = burst
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self._swept_at = clock.seconds()

    def __len__(self) -> int:
        """How many addresses are remembered."""
        return len(self._buckets)

    def take(self, address: str) -> None:
        """See L{Limiter}."""
        now = self._clock.seconds()
        before = self._buckets.get(address)
        if before is None:
            self._make_room(now)
            self._buckets[address] = (0.0, now)
            return
        excess = max(0.0, before[0] - self._rate * (now - before[1]) + 1)
        if excess > self._burst:
            raise too_many(max(1, math.ceil((excess - self._burst) / self._rate)))
        self._buckets[address] = (excess, now)

    def _make_room(self, now: float) -> None:
        if now - self._swept_at > _SWEEP_EVERY:
            self._swept_at = now
            rate = self._rate
            self._buckets = {
                address: (excess, at)
                for address, (excess, at) in self._buckets.items()
                if excess - rate * (now - at) > -1
            }
        if len(self._buckets) >= _MOST_ADDRESSES:
            del self._buckets[next(iter(self._buckets))]
