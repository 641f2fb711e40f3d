"""What the platform has done in the last minutes, second by second."""

from __future__ import annotations

import math
from collections import Counter, deque

from attrs import Factory, define
from msgspec import Struct
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.kernel.units import MINUTE

SECONDS = 300
"""How many are kept."""

_PER_OCTAVE = 8
"""Buckets of durations between one and its double: percentiles are within 9 %."""

_LEAST = 1e-4
"""Seconds; what is quicker counts as this."""

_SERVER_ERROR = 500
_OPEN_ENDED = frozenset((101, 499))
"""WebSockets, and answers that clients have left: how long these took is up to the client."""


class Row(Struct, array_like=True, frozen=True):
    """
    A second.

    @ivar time: Which, in Unix time.
    @ivar errors: Answers with a status from 500 on.
    @ivar p50: Seconds that half of the requests took at most; null: there was none.
    @ivar cost: Dollars.
    """

    time: int
    requests: int
    errors: int
    p50: float | None
    p95: float | None
    tokens: int
    cost: float


class Summary(Struct, frozen=True):
    """
    The last minute.

    @ivar p50: As in L{Row}.
    """

    requests: int
    errors: int
    p50: float | None
    p95: float | None
    p99: float | None
    tokens: int
    cost: float


@define(eq=False)
class _Second:
    time: int
    requests: int = 0
    errors: int = 0
    tokens: int = 0
    cost: float = 0.0
    durations: Counter[int] = Factory(Counter)


class Figures:
    """
    Counts.

    @param clock: Keeps Unix time.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._seconds: deque[_Second] = deque(maxlen=SECONDS + 1)

    def _now(self) -> _Second:
        time = int(self._clock.seconds())
        if not self._seconds or self._seconds[-1].time != time:
            self._seconds.append(_Second(time))
        return self._seconds[-1]

    def answered(self, status: int, seconds: float) -> None:
        """A request is over that took so long."""
        second = self._now()
        second.requests += 1
        second.errors += status >= _SERVER_ERROR
        if status not in _OPEN_ENDED:
            bucket = int(math.log2(max(seconds, _LEAST) / _LEAST) * _PER_OCTAVE)
            second.durations[bucket] += 1

    def spent(self, tokens: int, dollars: float) -> None:
        """A call to a model is over that took so much."""
        second = self._now()
        second.tokens += tokens
        second.cost += dollars

    def rows(self, count: int) -> list[Row]:
        """The last whole seconds, in order; those in which nothing was, too."""
        now = int(self._clock.seconds())
        known = {second.time: second for second in self._seconds}
        times = range(now - count, now)
        return [_row(known.get(time) or _Second(time)) for time in times]

    def minute(self) -> Summary:
        """The last 60 whole seconds together."""
        now = int(self._clock.seconds())
        together = _Second(now)
        for second in self._seconds:
            if now - MINUTE <= second.time < now:
                together.requests += second.requests
                together.errors += second.errors
                together.tokens += second.tokens
                together.cost += second.cost
                together.durations.update(second.durations)
        return Summary(
            together.requests,
            together.errors,
            _percentile(together.durations, 0.5),
            _percentile(together.durations, 0.95),
            _percentile(together.durations, 0.99),
            together.tokens,
            together.cost,
        )


def _row(second: _Second) -> Row:
    return Row(
        second.time,
        second.requests,
        second.errors,
        _percentile(second.durations, 0.5),
        _percentile(second.durations, 0.95),
        second.tokens,
        second.cost,
    )


def _percentile(durations: Counter[int], share: float) -> float | None:
    wanted = share * durations.total()
    for bucket in sorted(durations):
        wanted -= durations[bucket]
        if wanted <= 0:
            return float(f"{_LEAST * 2 ** ((bucket + 0.5) / _PER_OCTAVE):.3g}")
    return None
