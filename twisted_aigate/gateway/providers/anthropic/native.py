"""A stream of the Messages API for a caller of the Messages API: not a byte of it changes."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.messages.errors import error_fields, type_of

_ERROR_EVENT = re.compile(rb"\s*event: ?error\r?\ndata: ?([^\r\n]*)\r?\n")


class _Error(msgspec.Struct):
    type: str = "api_error"
    message: str = ""


class _ErrorEvent(msgspec.Struct):
    error: _Error


_decoder = msgspec.json.Decoder(_ErrorEvent)


@implementer(IBodyProducer, IConsumer)
class NativeStream:
    """
    Passes the events on.

    A stream that breaks off before its first byte fails, so that another deployment can be asked;
    so does one that begins with an error. Later it ends in an event that says so.

    @param source: The events.
    @param describe: Makes an error of what the source failed with.
    @param stream_error: Makes one of an event's type and message.
    """

    length = UNKNOWN_LENGTH

    def __init__(
        self,
        source: IBodyProducer,
        describe: Callable[[Exception], GatewayError],
        stream_error: Callable[[str, str], GatewayError],
    ) -> None:
        self._source = source
        self._describe = describe
        self._stream_error = stream_error
        self._consumer: IConsumer | None = None
        self._done: Deferred[None] | None = None
        self._begun = False

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
        error = None if self._begun else self._first_error(data)
        if error is not None:
            self._source.stopProducing()
            self._fire(Failure(error))
            return
        self._begun = True
        self._consumer.write(data)

    def _first_error(self, data: bytes) -> GatewayError | None:
        found = _ERROR_EVENT.match(data)
        if found is None:
            return None
        try:
            said = _decoder.decode(found[1]).error
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        return self._stream_error(said.type, said.message)

    def _broken(self, failure: Failure) -> None:
        reason = failure.value
        told = self._begun and self._consumer is not None
        if not told or isinstance(reason, CancelledError) or not isinstance(reason, Exception):
            failure.raiseException()
        error = self._describe(reason)
        fields = error_fields(type_of(error.status), error.message, error.code)
        data = msgspec.json.encode({"type": "error", "error": fields})
        # The source may have stopped in the middle of an event: an empty line ends that one.
        assert self._consumer is not None
        self._consumer.write(b"\n\nevent: error\ndata: " + data + b"\n\n")

    def _fire(self, result: Failure | None) -> None:
        done, self._done = self._done, None
        if done is not None:
            done.callback(result)
