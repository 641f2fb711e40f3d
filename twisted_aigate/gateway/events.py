"""
Server-sent events on their way to the caller.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from twisted_aigate.gateway.errors import GatewayError, error_object

EVENT_STREAM = b"text/event-stream"
DONE_DATA = b"[DONE]"
DONE = b"data: " + DONE_DATA + b"\n\n"


def event(data: bytes) -> bytes:
    """One event; C{data} is a single line."""
    return b"data: " + data + b"\n\n"


@implementer(IBodyProducer)
class EventStream:
    """
    Passes a stream of events on, and ends it with an error event when its source fails.

    The status has gone out long before, so this event is the only way to say that what the caller
    has is not whole; OpenAI's clients raise it.

    @param source: The stream.
    @param describe: Makes the error out of what the source failed with.
    """

    length = UNKNOWN_LENGTH

    def __init__(
        self, source: IBodyProducer, describe: Callable[[Exception], GatewayError]
    ) -> None:
        self._source = source
        self._describe = describe

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See L{IBodyProducer}."""

        def broken(failure: Failure) -> None:
            reason = failure.value
            if isinstance(reason, CancelledError) or not isinstance(reason, Exception):
                failure.raiseException()
            error = self._describe(reason)
            # The source may have stopped in the middle of an event: an empty line ends that one.
            consumer.write(
                b"\n\n" + event(error_object(error.status, error.message, error.param, error.code))
            )

        produced: Deferred[None] = self._source.startProducing(consumer)
        produced.addErrback(broken)
        return produced

    def pauseProducing(self) -> None:
        """See L{IBodyProducer}."""
        self._source.pauseProducing()

    def resumeProducing(self) -> None:
        """See L{IBodyProducer}."""
        self._source.resumeProducing()

    def stopProducing(self) -> None:
        """See L{IBodyProducer}."""
        self._source.stopProducing()
