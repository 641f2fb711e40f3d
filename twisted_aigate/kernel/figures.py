"""
Figures of what goes on, as they are asked for: plain numbers, counted where things happen.

Counting is an addition to an int: what looks at the figures pays for making them presentable.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

from attrs import frozen


@frozen
class Distribution:
    """
    What a histogram has counted.

    @ivar buckets: Each upper bound, and how many values were not above it.
    @ivar count: How many values there were.
    @ivar total: Their sum.
    """

    buckets: tuple[tuple[float, int], ...]
    count: int
    total: float


class Histogram:
    """
    Counts values by how large they are.

    @param bounds: The upper bounds of its buckets, ascending; a last one without bound is added.
    """

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def distribution(self) -> Distribution:
        """What it has counted so far."""
        sums = tuple(accumulate(self._counts))
        return Distribution(tuple(zip(self._bounds, sums, strict=False)), sums[-1], self._total)


@frozen
class Family:
    """
    One figure, of each of those that have it.

    @ivar name: Its name; that of a counter without C{_total}.
    @ivar kind: A counter only grows.
    @ivar help: What it is, with its unit.
    @ivar samples: The values of its labels, and the figure.
    @ivar labels: The names of its labels.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: Sequence[tuple[tuple[str, ...], float | Distribution]]
    labels: tuple[str, ...] = ()


def gauge(name: str, help: str, value: float) -> Family:
    """A figure that goes up and down, of one alone."""
    return Family(name, "gauge", help, [((), value)])
