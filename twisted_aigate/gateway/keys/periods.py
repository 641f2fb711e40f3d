"""
Durations as LiteLLM's keys have them: C{30s}, C{30m}, C{30h}, C{30d}, C{1w}, C{1mo}.

Source: https://docs.litellm.ai/docs/proxy/users
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime

from twisted_aigate.kernel.units import DAY, HOUR, MINUTE, SECOND

_SECONDS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_PERIOD = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d|w|mo)")
_WORDS = {"hourly": "1h", "daily": "1d", "weekly": "1w", "monthly": "1mo"}


def end_of(period: str, start: float) -> float:
    """
    When a period that begins at a time is over.

    A month is one of the calendar's, in UTC; of one that lacks the day, its last.

    @param period: The text.
    @param start: Seconds of Unix time.
    @raise ValueError: It is no period.
    """
    found = _PERIOD.fullmatch(_WORDS.get(period, period))
    if found is None:
        raise ValueError(f"{period!r} is no duration; allowed: 30s, 30m, 30h, 30d, 1w, 1mo")
    count, unit = int(found[1]), found[2]
    if unit != "mo":
        return start + count * _SECONDS[unit]
    begins = datetime.fromtimestamp(start, UTC)
    years, month = divmod(begins.month - 1 + count, 12)
    year = begins.year + years
    if year > datetime.max.year:
        raise ValueError(f"{period!r} is beyond measure")
    day = min(begins.day, calendar.monthrange(year, month + 1)[1])
    return begins.replace(year=year, month=month + 1, day=day).timestamp()


def next_end(period: str, end: float, now: float) -> float:
    """
    The end of the period that now runs, of periods that follow one another.

    @param end: When an earlier one was over.
    """
    unit = _WORDS.get(period, period)
    if not unit.endswith("mo"):
        length = end_of(period, 0.0)
        return end + length * (int((now - end) // length) + 1) if end <= now else end
    while end <= now:
        end = end_of(period, end)
    return end
