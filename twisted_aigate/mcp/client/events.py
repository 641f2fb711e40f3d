"""
Server-sent events, taken apart however they are cut into pieces.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import frozen
from twisted.internet.interfaces import IConsumer
from zope.interface import implementer

from twisted_aigate.kernel.units import MB

MOST = 128 * MB
"""Bytes of one event: as large as a message may be."""

_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")


@frozen
class ServerEvent:
    """
    An event.

    @ivar kind: Its name; C{message} when it has none.
    @ivar id: The last id that was told, with it or before it; empty: none.
    @ivar data: Its data.
    """

    kind: str
    id: str
    data: bytes


class EventTooLarge(Exception):
    """An event does not end."""


@implementer(IConsumer)
class EventReader:
    """
    Reads events out of a response.

    @param take: Called with each.
    @ivar last_id: The last id that was told; empty: none.
    @ivar retry: Seconds after which the server wants its client back; C{None}: it has not said.
    """

    def __init__(self, take: Callable[[ServerEvent], None]) -> None:
        self.last_id = ""
        self.retry: float | None = None
        self._take = take
        self._rest: list[bytes] = []
        self._size = 0
        self._kind = ""
        self._data: list[bytes] = []

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """See L{IConsumer}."""

    def unregisterProducer(self) -> None:
        """See L{IConsumer}."""

    def write(self, data: bytes) -> None:
        """See L{IConsumer}: some more of the response."""
        self._size += len(data)
        if self._size > MOST:
            raise EventTooLarge
        self._rest.append(data)
        if b"\n" not in data and b"\r" not in data:
            return
        *lines, rest = _LINE_END.split(b"".join(self._rest))
        self._rest = [rest]
        for line in lines:
            if line:
                self._field(line)
            else:
                self._end()

    def _field(self, line: bytes) -> None:
        name, _, value = line.removeprefix(b"\xef\xbb\xbf").partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._kind = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self.last_id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit():
            self.retry = int(value) / 1000

    def _end(self) -> None:
        data, self._data = b"\n".join(self._data), []
        kind, self._kind = self._kind or "message", ""
        self._size = sum(map(len, self._rest))
        if data:
            self._take(ServerEvent(kind, self.last_id, data))
