"""From a chat's stream to the Responses API's: bytes in, bytes out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec
from twisted.internet.defer import Deferred

from twisted_aigate.gateway.chat.answers import decode
from twisted_aigate.gateway.events import DONE_DATA
from twisted_aigate.gateway.responses.answer import Drafted
from twisted_aigate.gateway.responses.output import Event
from twisted_aigate.gateway.sse import EventParser, EventTooLarge

_KEEP_ALIVE = b": ping\n\n"
_BROKEN = "The provider's stream broke off."
_UNREADABLE = "The provider's stream is not a chat's."

Keep = Callable[[dict[str, Any]], Awaitable[None]]
"""Keeps a whole response."""


def encoded(name: str, fields: dict[str, Any], number: int) -> bytes:
    """An event."""
    data = msgspec.json.encode({"type": name, "sequence_number": number, **fields})
    return b"event: %b\ndata: %b\n\n" % (name.encode("ascii"), data)


class Translation:
    """
    The translation of one stream.

    The end is told when the chat's stream has ended, and the response is kept before: who hears
    of it may go on from it at once.

    @param drafted: The response in the making.
    @param keep: Keeps it.
    """

    def __init__(self, drafted: Drafted, keep: Keep) -> None:
        self._drafted = drafted
        self._keep = keep
        self._parser = EventParser()
        self._number = 0
        self._done = False
        self._failed = False
        self._unreadable = False

    def feed(self, piece: bytes) -> bytes:
        """A piece of the chat's stream; returns what it makes of the response's."""
        return b"".join(self._fed(piece))

    def take(self, chunk: bytes) -> bytes:
        """A chunk by itself, or a whole answer in place of a stream."""
        return self._encoded(self._taken(chunk))

    def finish(self) -> Deferred[bytes]:
        """The chat's stream has ended; returns the end of the response's."""
        return Deferred.fromCoroutine(self._finished())

    def _fed(self, piece: bytes) -> Iterator[bytes]:
        try:
            for data in self._parser.feed(piece):
                if self._done or self._failed:
                    return
                if data is None:
                    yield _KEEP_ALIVE
                elif data == DONE_DATA:
                    self._done = True
                else:
                    yield self.take(data)
        except EventTooLarge:
            yield self._encoded(self._fail(_UNREADABLE))

    def _taken(self, data: bytes) -> Iterator[Event]:
        try:
            answer = decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            # It may be cut off, with the error behind it that says why.
            self._unreadable = True
            return
        trouble = answer.trouble
        if trouble is None:
            yield from self._drafted.heard(answer)
        else:
            yield from self._fail(trouble.message or _BROKEN, trouble.type, trouble.code)

    async def _finished(self) -> bytes:
        if self._failed:
            return b""
        drafted = self._drafted
        if self._unreadable:
            return self._encoded(self._fail(_UNREADABLE))
        if not (drafted.begun and (self._done or drafted.ended)):
            return self._encoded(self._fail(_BROKEN))
        events = self._encoded(drafted.complete())
        await self._keep(drafted.whole)
        return events

    def _fail(self, message: str, kind: str | None = None, code: object = None) -> Iterator[Event]:
        self._failed = True
        if self._drafted.begun:
            yield from self._drafted.fail(message, kind, code)
        else:
            said = None if code is None else str(code)
            yield "error", {"code": said, "message": message, "param": None}

    def _encoded(self, events: Iterator[Event]) -> bytes:
        made = []
        for name, fields in events:
            made.append(encoded(name, fields, self._number))
            self._number += 1
        return b"".join(made)
