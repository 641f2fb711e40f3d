"""A stream of events for a caller who speaks the provider's own API: not a byte of it changes."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from twisted_aigate.gateway.errors import GatewayError


@implementer(IBodyProducer, IConsumer)
class PassedStream:
    """
    Passes the events on.

    A stream that breaks off before its first byte fails, so that another deployment can be asked.
    Later it ends in an event that says so.

    @param source: The events.
    @param describe: Makes an error of what the source failed with.
    """

    length = UNKNOWN_LENGTH

    def __init__(
        self, source: IBodyProducer, describe: Callable[[Exception], GatewayError]
    ) -> None:
        self._source = source
        self._describe = describe
        self._consumer: IConsumer | None = None
        self._done: Deferred[None] | None = None
        self._begun = False

    # For each API.

    def error_event(self, error: GatewayError) -> bytes:
        """The event that ends a stream that broke off."""
        raise NotImplementedError

    def refusal(self, data: bytes) -> GatewayError | None:
        """The error that a stream that begins so tells in place of an answer."""
        return None

    def seen(self, data: bytes) -> None:
        """A piece of the stream is passed on."""

    # For the caller.

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See L{IBodyProducer}."""
        self._consumer = consumer
        done: Deferred[None] = Deferred(lambda _: self.stopProducing())
        self._done = done
        produced: Deferred[None] = self._source.startProducing(self)
        produced.addErrback(self._broken)
        produced.addBoth(self._fire)
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
        if self._done is None or self._consumer is None:
            return
        error = None if self._begun else self.refusal(data)
        if error is not None:
            self._source.stopProducing()
            self._fire(Failure(error))
            return
        self._begun = True
        self.seen(data)
        self._consumer.write(data)

    def _broken(self, failure: Failure) -> None:
        reason = failure.value
        told = self._begun and self._consumer is not None
        if not told or isinstance(reason, CancelledError) or not isinstance(reason, Exception):
            failure.raiseException()
        assert self._consumer is not None
        # The source may have stopped in the middle of an event: an empty line ends that one.
        self._consumer.write(b"\n\n" + self.error_event(self._describe(reason)))

    def _fire(self, result: Failure | None) -> None:
        done, self._done = self._done, None
        if done is not None:
            done.callback(result)
