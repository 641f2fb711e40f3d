"""
Durations, sizes and rates as people write them in configuration.

Every parser takes the text of a variable and raises L{ValueError} when it is not of its kind.
"""

from __future__ import annotations

import math
import re

from attrs import frozen

SECOND = 1.0
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

KB = 1024
MB = 1024 * KB
GB = 1024 * MB

_DURATION_UNITS = {"": SECOND, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_SIZE_UNITS = {"": 1, "B": 1, "KB": KB, "MB": MB, "GB": GB}
_RATE_PERIODS = {"s": SECOND, "m": MINUTE, "h": HOUR}

_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|)", re.IGNORECASE)
_RATE = re.compile(r"(\d+)r/([smh])")


def parse_duration(text: str) -> float:
    """
    Parse C{30s}, C{5m}, C{1h}, C{2d12h}, or a bare number of seconds.

    @return: The duration in seconds; 0 means "none" wherever a duration is configured.
    @raise ValueError: The text is no duration.
    """
    text = text.strip()
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration")
    if len(parts) > 1 and any(unit == "" for _, unit in parts):
        raise ValueError(f"{text!r} is no duration: each part needs a unit")
    seconds = sum(float(number) * _DURATION_UNITS[unit] for number, unit in parts)
    if not math.isfinite(seconds):
        raise ValueError(f"{text!r} is beyond measure")
    return seconds


def parse_size(text: str) -> int:
    """
    Parse C{500B}, C{50KB}, C{10MB}, C{1GB}, or a bare number of bytes (1 KB is 1024 bytes).

    @return: The size in bytes; 0 means "no limit" wherever a size is configured.
    @raise ValueError: The text is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size")
    size = float(match[1]) * _SIZE_UNITS[match[2].upper()]
    if not math.isfinite(size):
        raise ValueError(f"{text!r} is beyond measure")
    return int(size)


@frozen
class Rate:
    """
    A sustained rate of requests, as nginx's C{limit_req_zone} writes it.

    @ivar per_second: Requests per second, above 0.
    """

    per_second: float

    def __str__(self) -> str:
        for suffix, period in (("m", MINUTE), ("s", SECOND), ("h", HOUR)):
            count = self.per_second * period
            if count >= 1 and abs(count - round(count)) < 1e-9:
                return f"{round(count)}r/{suffix}"
        return f"{self.per_second}r/s"


def parse_rate(text: str) -> Rate | None:
    """
    Parse C{500r/m}, C{10r/s}, C{100r/h}, or C{off}.

    @return: The rate, or C{None} for C{off}.
    @raise ValueError: The text is no rate, or is zero.
    """
    text = text.strip().lower()
    if text == "off":
        return None
    match = _RATE.fullmatch(text)
    if match is None or not 0 < float(match[1]) < math.inf:
        raise ValueError(f"{text!r} is no rate")
    return Rate(int(match[1]) / _RATE_PERIODS[match[2]])
