"""
Taking a stream of server-sent events apart, however it is cut into pieces.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from twisted_aigate.kernel.units import MB

MOST = 16 * MB
"""Bytes of one event; no chunk of an answer is near it."""

_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")
# A carriage return at the very end may be half of an end: the next piece tells.


def _split(text: bytes) -> list[bytes]:
    # Hardly a provider sends carriage returns, and without them this takes a tenth of the time.
    return _LINE_END.split(text) if b"\r" in text else text.split(b"\n")


class EventTooLarge(Exception):
    """An event does not end."""


class EventParser:
    """Finds the data of events; their names are not used by OpenAI's API."""

    def __init__(self) -> None:
        self._unfinished: list[bytes] = []
        self._data: list[bytes] = []
        self._size = 0
        self._begun = False

    def feed(self, piece: bytes) -> Iterator[bytes | None]:
        """
        The events that end in this piece, and those before.

        @return: The data of each event; C{None} for a comment, which servers send to keep a
            connection alive.
        @raise EventTooLarge: One is.
        """
        self._size += len(piece)
        if self._size > MOST:
            raise EventTooLarge
        self._unfinished.append(piece)
        if b"\n" not in piece and b"\r" not in piece and not self._unfinished[0].endswith(b"\r"):
            return
        text = b"".join(self._unfinished)
        if not self._begun:
            text = text.removeprefix(b"\xef\xbb\xbf")
            self._begun = True
        *lines, rest = _split(text)
        self._unfinished = [rest]
        for line in lines:
            if line.startswith(b":"):
                yield None
            elif line:
                self._field(line)
            else:
                data, self._data = self._data, []
                if data:
                    yield b"\n".join(data)
        self._size = len(rest) + sum(map(len, self._data))

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
