"""A streamed answer on its way through a translation, with backpressure."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer


class Translation(Protocol):
    """Makes another API's events of a chat's."""

    def feed(self, piece: bytes) -> bytes:
        """A piece of the chat's stream; returns what it makes of the other."""

    def finish(self) -> bytes | Deferred[bytes]:
        """The chat's stream has ended; returns the end of the other."""


@implementer(IBodyProducer, IConsumer)
class AnswerStream:
    """
    The other API's events, as they come of the chat's.

    @param source: The chat's stream; how it breaks off, it says by an event of its own.
    @param translation: What makes one of the other.
    """

    length = UNKNOWN_LENGTH

    def __init__(self, source: IBodyProducer, translation: Translation) -> None:
        self._source = source
        self._translation = translation
        self._consumer: IConsumer | None = None

    # For the caller.

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See L{IBodyProducer}."""
        self._consumer = consumer
        produced: Deferred[None] = self._source.startProducing(self)
        ended: Deferred[bytes] = produced.addCallback(lambda _: self._translation.finish())
        return ended.addCallback(self._pass_on)

    def pauseProducing(self) -> None:
        """See L{IBodyProducer}."""
        self._source.pauseProducing()

    def resumeProducing(self) -> None:
        """See L{IBodyProducer}."""
        self._source.resumeProducing()

    def stopProducing(self) -> None:
        """See L{IBodyProducer}."""
        self._source.stopProducing()

    # For the source.

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """See L{IConsumer}: the source is known already."""

    def unregisterProducer(self) -> None:
        """See L{IConsumer}."""

    def write(self, data: bytes) -> None:
        """See L{IConsumer}."""
        self._pass_on(self._translation.feed(data))

    def _pass_on(self, events: bytes) -> None:
        if events and self._consumer is not None:
            self._consumer.write(events)
