"""A response of a provider that serves the API itself: not a byte of it changes."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.web.iweb import IBodyProducer

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.passing import PassedStream
from twisted_aigate.gateway.responses.events import encoded
from twisted_aigate.gateway.sse import EventParser, EventTooLarge

Remember = Callable[[str], Awaitable[None]]
"""Remembers a response's id, and so whom to ask for it."""


class _Response(msgspec.Struct):
    id: str


class _Event(msgspec.Struct):
    response: _Response


_response_decoder = msgspec.json.Decoder(_Response)
_event_decoder = msgspec.json.Decoder(_Event)


def id_of(body: bytes) -> str | None:
    """The id of a whole response, if it has one."""
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
        return _response_decoder.decode(body).id
    return None


def id_of_stream(stream: bytes) -> str | None:
    """The id of the response of a stream that is all there, if it has one."""
    with contextlib.suppress(EventTooLarge):
        ids = map(_id_of_event, filter(None, EventParser().feed(stream)))
        return next(filter(None, ids), None)
    return None


def _id_of_event(event: bytes) -> str | None:
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
        return _event_decoder.decode(event).response.id
    return None


class NativeStream(PassedStream):
    """
    Passes the events on, and has the response's id remembered.

    @param source: The events.
    @param describe: Makes an error of what the source failed with.
    @param remember: Remembers the id; C{None}: the response is not kept.
    """

    def __init__(
        self,
        source: IBodyProducer,
        describe: Callable[[Exception], GatewayError],
        remember: Remember | None,
    ) -> None:
        super().__init__(source, describe)
        self._remember = remember
        self._remembered: Deferred[None] | None = None
        self._parser: EventParser | None = EventParser()
        self._events = 0

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See L{IBodyProducer}: it is over when its id is remembered."""
        return super().startProducing(consumer).addCallback(lambda _: self._remembered)

    def seen(self, data: bytes) -> None:
        """See L{PassedStream}."""
        if self._parser is None:
            return
        try:
            for event in self._parser.feed(data):
                if event is not None:
                    self._events += 1
                    self._look(event)
        except EventTooLarge:
            self._parser = None

    def _look(self, event: bytes) -> None:
        if self._remember is None:
            return
        response_id = _id_of_event(event)
        if response_id is not None:
            self._remembered = Deferred.fromCoroutine(_awaited(self._remember(response_id)))
            self._remember = None

    def error_event(self, error: GatewayError) -> bytes:
        """See L{PassedStream}."""
        fields = {"code": error.code, "message": error.message, "param": error.param}
        return encoded("error", fields, self._events)


async def _awaited(work: Awaitable[None]) -> None:
    await work
