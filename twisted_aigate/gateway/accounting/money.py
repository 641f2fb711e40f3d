"""Money in whole numbers, so that sums of it are exact: billionths of a dollar."""

from __future__ import annotations

import math

_NANOS = 1_000_000_000

MOST = 2**62
"""More than anyone has; a column of the database holds it."""


def to_nanos(dollars: float) -> int:
    """
    Dollars in billionths, the nearest.

    @raise ValueError: That is no amount of money.
    """
    if not math.isfinite(dollars):
        raise ValueError(dollars)
    most = MOST / _NANOS
    return round(max(-most, min(most, dollars)) * _NANOS)


def to_dollars(nanos: int) -> float:
    """Billionths of a dollar in dollars."""
    return nanos / _NANOS
