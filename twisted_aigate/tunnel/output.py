"""
What cloudflared says: its lines, as many of them in the log as may be, and what they tell.

It writes C{<time> <level> <message>}.
Source: https://github.com/cloudflare/cloudflared, logger/create.go and cmd/cloudflared/tunnel.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogLevel

from twisted_aigate.kernel.units import KB, MINUTE

_LONGEST = 2 * KB
_MOST_A_MINUTE = 120
_HEAD = re.compile(r"\S+T\S+Z (?P<level>DBG|INF|WRN|ERR|FTL|PNC) ")
_LEVELS = {
    "DBG": LogLevel.debug,
    "INF": LogLevel.info,
    "WRN": LogLevel.warn,
    "ERR": LogLevel.error,
    "FTL": LogLevel.error,
    "PNC": LogLevel.error,
}
# Of the API that gives tunnels out, failures tell.
_QUICK_URL = re.compile(r"https://(?!api\.)[a-z0-9-]+\.trycloudflare\.com(?![\w.-])")
# As it is said now, and as it was in 2022.
_CONNECTED = re.compile(r"Registered tunnel connection|Connection \S+ registered")


def quick_url(line: str) -> str | None:
    """The URL of a quick tunnel that a line tells; C{None}: none."""
    found = _QUICK_URL.search(line)
    return None if found is None else found[0]


def tells_connection(line: str) -> bool:
    """Whether a line tells that the tunnel leads to Cloudflare now."""
    return _CONNECTED.search(line) is not None


class Lines:
    """
    Bytes to lines, none of which is longer than 2 KB: what is beyond is left out.

    @param take: Called with each.
    """

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Some bytes."""
        *whole, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:_LONGEST]
        for line in whole:
            text = line[:_LONGEST].decode("utf-8", "replace").strip()
            if text:
                self._take(text)


class LineLog:
    """
    Lines in our log, at the level that they have themselves; 120 a minute.

    @param clock: Says when a minute is over.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._minute = -1
        self._count = 0

    def write(self, line: str) -> None:
        """Log a line, or count it."""
        minute = int(self._clock.seconds() // MINUTE)
        if minute != self._minute:
            left_out = self._count - _MOST_A_MINUTE
            if left_out > 0:
                self._log.warn("cloudflared: {count} more lines", count=left_out)
            self._minute, self._count = minute, 0
        self._count += 1
        if self._count > _MOST_A_MINUTE:
            return
        head = _HEAD.match(line)
        level = LogLevel.info if head is None else _LEVELS[head["level"]]
        text = line if head is None else line[head.end() :]
        self._log.emit(level, "cloudflared: {line}", line=text)
