"""A provider's stream on its way through a translation, with backpressure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.upstream import unreadable
from twisted_aigate.gateway.sse import EventParser, EventTooLarge

_KEEP_ALIVE = b": ping\n\n"


class Reader(Protocol):
    """Reads a provider's events, one after the other."""

    @property
    def over(self) -> bool:
        """Whether the answer is whole."""

    @property
    def begun(self) -> bool:
        """Whether any of it was passed on."""

    def read(self, data: bytes) -> Iterator[bytes]:
        """
        An event's data; returns the chunks that it makes.

        @raise GatewayError: It says that the answer fails.
        @raise msgspec.MsgspecError: It is not of the provider's form.
        """

    def finish(self) -> Iterator[bytes]:
        """The stream has ended; returns the chunks that are left."""


class Translation:
    """
    The translation of one stream.

    @param deployment: Whose it is.
    @param reader: Reads its events.
    """

    def __init__(self, deployment: Deployment, reader: Reader) -> None:
        self._deployment = deployment
        self._reader = reader
        self._parser = EventParser()

    @property
    def over(self) -> bool:
        """Whether the answer is whole: nothing that follows matters."""
        return self._reader.over

    def feed(self, piece: bytes) -> bytes:
        """
        A piece of the provider's stream; returns what it makes of the caller's.

        @raise GatewayError: The answer fails, or cannot be read.
        """
        return b"".join(self._fed(piece))

    def finish(self) -> bytes:
        """
        The provider's stream has ended; returns the end of the caller's.

        @raise GatewayError: The answer is not whole.
        """
        chunks = b"".join(self._reader.finish()) if not self.over else b""
        if not self.over:
            raise GatewayError(
                502,
                f"The answer of {self._deployment.provider} ended before it was whole.",
                code="connection_broken",
            )
        return chunks

    def _fed(self, piece: bytes) -> Iterator[bytes]:
        try:
            for data in self._parser.feed(piece):
                if self.over:
                    return
                chunks = () if data is None else tuple(self._reader.read(data))
                if chunks:
                    yield from chunks
                elif self._reader.begun:
                    # It keeps the connection alive, and so must we.
                    yield _KEEP_ALIVE
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, EventTooLarge) as error:
            raise unreadable(self._deployment, error or "an event does not end") from None


@implementer(IBodyProducer, IConsumer)
class TranslatedStream:
    """
    The caller's stream, as it comes of the provider's.

    @param source: The provider's.
    @param translation: What makes one of the other.
    """

    length = UNKNOWN_LENGTH

    def __init__(self, source: IBodyProducer, translation: Translation) -> None:
        self._source = source
        self._translation = translation
        self._consumer: IConsumer | None = None
        self._done: Deferred[None] | None = None

    # For the caller.

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See L{IBodyProducer}."""
        self._consumer = consumer
        done: Deferred[None] = Deferred(lambda _: self.stopProducing())
        self._done = done
        produced: Deferred[None] = self._source.startProducing(self)
        produced.addCallbacks(self._ended, self._failed)
        return done

    def pauseProducing(self) -> None:
        """See L{IBodyProducer}."""
        self._source.pauseProducing()

    def resumeProducing(self) -> None:
        """See L{IBodyProducer}."""
        self._source.resumeProducing()

    def stopProducing(self) -> None:
        """See L{IBodyProducer}."""
        self._done = None
        self._source.stopProducing()

    # For the source.

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """See L{IConsumer}: the source is known already."""

    def unregisterProducer(self) -> None:
        """See L{IConsumer}."""

    def write(self, data: bytes) -> None:
        """See L{IConsumer}."""
        if self._done is None:
            return
        try:
            chunks = self._translation.feed(data)
        except GatewayError as error:
            self._source.stopProducing()
            self._fire(Failure(error))
            return
        self._pass_on(chunks)

    def _ended(self, _: None) -> None:
        if self._done is None:
            return
        try:
            self._pass_on(self._translation.finish())
        except GatewayError as error:
            self._fire(Failure(error))
        else:
            self._fire(None)

    def _failed(self, reason: Failure) -> None:
        # A connection that breaks behind a whole answer takes nothing from it.
        self._fire(None if self._translation.over else reason)

    def _fire(self, result: Failure | None) -> None:
        done, self._done = self._done, None
        if done is not None:
            done.callback(result)

    def _pass_on(self, chunks: bytes) -> None:
        if chunks and self._consumer is not None:
            self._consumer.write(chunks)
