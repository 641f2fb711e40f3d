"""From a chat's stream to the Messages API's: bytes in, bytes out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from twisted_aigate.gateway.chat.answers import Answer, Usage, decode
from twisted_aigate.gateway.chat.tokens import size, tokens_of_size
from twisted_aigate.gateway.events import DONE_DATA
from twisted_aigate.gateway.messages.content import Event, StreamedContent
from twisted_aigate.gateway.messages.errors import error_fields
from twisted_aigate.gateway.messages.message import envelope
from twisted_aigate.gateway.messages.outcome import Asked, Ending, usage_fields, usage_of
from twisted_aigate.gateway.sse import EventParser, EventTooLarge

_PING: Event = ("ping", {})
_BROKEN = "The provider's stream broke off."
_UNREADABLE = "The provider's stream is not a chat's."


class Translation:
    """
    The translation of one stream.

    @param asked: What is to be known of the request.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._parser = EventParser()
        self._content = StreamedContent(asked)
        self._ending = Ending(asked.stops)
        self._usage: Usage | None = None
        self._output = 0
        self._begun = False
        self._over = False
        self._unreadable = False

    def feed(self, piece: bytes) -> bytes:
        """A piece of the chat's stream; returns what it makes of the message's."""
        return _encoded(self._fed(piece))

    def take(self, chunk: bytes) -> bytes:
        """A chunk by itself, or a whole answer in place of a stream."""
        return _encoded(self._taken(chunk))

    def finish(self) -> bytes:
        """The chat's stream has ended; returns the end of the message's."""
        return _encoded(self._finished(complete=self._ending.known))

    def _fed(self, piece: bytes) -> Iterator[Event]:
        try:
            for data in self._parser.feed(piece):
                if self._over:
                    return
                if data is None:
                    yield _PING
                elif data == DONE_DATA:
                    yield from self._finished(complete=True)
                else:
                    yield from self._taken(data)
        except EventTooLarge:
            yield from self._failed(_UNREADABLE)

    def _taken(self, data: bytes) -> Iterator[Event]:
        try:
            answer = decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            # It may be cut off, with the error behind it that says why.
            self._unreadable = True
            return
        trouble = answer.trouble
        if trouble is not None:
            yield from self._failed(trouble.message or _BROKEN, trouble.type, trouble.code)
            return
        if not self._begun:
            self._begun = True
            yield self._start()
            yield _PING
        yield from self._heard(answer)

    def _start(self) -> Event:
        # What the prompt takes is told at the end: a chat says it no sooner.
        content: dict[str, Any] = {"content": [], "stop_reason": None, "stop_sequence": None}
        usage = usage_fields(0, 0)
        return "message_start", {
            "message": {**envelope(self._asked.model), **content, "usage": usage}
        }

    def _heard(self, answer: Answer) -> Iterator[Event]:
        self._usage = answer.usage or self._usage
        choice = answer.choice
        if choice is None:
            return
        self._ending.add(choice)
        self._output += sum(map(size, choice.said.pieces))
        yield from self._content.add(choice.said)

    def _finished(self, *, complete: bool) -> Iterator[Event]:
        if self._over:
            return
        if self._unreadable or not self._begun or not complete:
            yield from self._failed(_UNREADABLE if self._unreadable else _BROKEN)
            return
        self._over = True
        yield from self._content.finish()
        usage = usage_of(self._usage, self._asked, tokens_of_size(self._output))
        yield "message_delta", {"delta": self._ending.fields, "usage": usage}
        yield "message_stop", {}

    def _failed(
        self, message: str, kind: str | None = None, code: object = None
    ) -> Iterator[Event]:
        if not self._over:
            self._over = True
            yield "error", {"error": error_fields(kind, message, code)}


def _encoded(events: Iterator[Event]) -> bytes:
    return b"".join(
        b"event: %b\ndata: %b\n\n"
        % (name.encode("ascii"), msgspec.json.encode({"type": name, **fields}))
        for name, fields in events
    )
