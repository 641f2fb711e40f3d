"""One HTTP/1.1 connection, the client's side: one request at a time, kept between them."""

from __future__ import annotations

from collections.abc import Callable

import httptools
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IConsumer, IPushProducer, IReactorTime, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from twisted_aigate.http_client.errors import (
    BadResponse,
    ConnectionBroken,
    ResponseTimeout,
    UpstreamError,
)
from twisted_aigate.http_client.messages import Origin, OutgoingRequest
from twisted_aigate.http_client.response import Response
from twisted_aigate.kernel.transports import IStreamTransport
from twisted_aigate.kernel.units import SECOND
from twisted_aigate.kernel.watchdog import Watchdog

IDLE_TIMEOUT = 50 * SECOND
"""Below the 60 s or more after which servers close idle connections."""

_HEAD_LIMIT = 64 * 1024
_NO_BODY = frozenset((204, 304))


class Connection(Protocol):
    """
    A connection.

    @param clock: Where time-outs live.
    @param origin: The server at the other end.
    @param released: Called with this connection when it can take the next request.
    @ivar used: It has carried a request before.
    """

    transport: IStreamTransport

    def __init__(
        self, clock: IReactorTime, origin: Origin, released: Callable[[Connection], None]
    ) -> None:
        self.used = False
        self.lost = False
        self._origin = origin
        self._released = released
        self._watchdog = Watchdog(clock, self._expired)
        self._timeout = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._answer: Deferred[Response] | None = None
        self._response: Response | None = None
        self._fields: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._until_close = False
        self._persistent = False
        self._head_only = False
        self._surplus = False
        self._answered = False
        self._reading = True
        self._sender: _Sender | None = None
        self._error: UpstreamError | None = None
        self._log = Logger()

    def connectionMade(self) -> None:
        """The server is there."""
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)

    def send(self, request: OutgoingRequest, timeout: float) -> Deferred[Response]:
        """
        Send a request.

        @param timeout: Seconds without progress, of the request or of its response, after which
            the call fails; 0: no end.
        @return: The response, once its head is complete; fails with L{UpstreamError}. Cancelling
            it cuts the connection.
        """
        answer: Deferred[Response] = Deferred(lambda _: self._cancelled())
        self._answer = answer
        self._answered = False
        self._head_only = request.method == b"HEAD"
        self._head_bytes = 0
        self._timeout = timeout
        self._watchdog.set(timeout)
        head = request.head(self._origin)
        if isinstance(request.body, bytes):
            self.transport.write(head + request.body)
        else:
            self.transport.write(head)
            self._sender = _Sender(self, request.body)
            self._sender.start()
        return answer

    def _cancelled(self) -> None:
        self._answer = None
        self.abandon()

    # Receiving.

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        if self._answer is None and self._response is None:
            # Nothing was asked: whatever this is, the next response cannot be told from it.
            self.abandon()
            return
        self._answered = True
        self._watchdog.set(self._timeout)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if self._response is None or not self._response.complete:
                self._fail(BadResponse(f"the answer is not valid HTTP: {error}"))
                return
            # What stands behind a whole answer spoils the connection and not the answer.
            self._persistent = False
        if self._response is None and self._answer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_LIMIT:
                self._fail(BadResponse("the answer's head is too large"))
            return
        answer, self._answer = self._answer, None
        response = self._response
        if response is not None and response.complete:
            self._finish()
        if answer is not None and response is not None:
            answer.callback(response)

    def on_message_begin(self) -> None:
        """A response starts."""
        if self._response is not None and self._response.complete:
            # A second one to one request: nothing that comes from here can be trusted.
            self._surplus = True
            self._persistent = False
        self._fields = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, or a trailer, which nothing here uses."""
        if self._response is None:
            self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is complete."""
        status = self._parser.get_status_code()
        if status < 200 or self._surplus:
            return
        names = {name for name, _ in self._fields}
        self._until_close = (
            status not in _NO_BODY
            and b"content-length" not in names
            and b"transfer-encoding" not in names
        )
        # Asked now, since after the message llhttp has forgotten how it was framed.
        self._persistent = not self._until_close and self._parser.should_keep_alive()
        self._response = Response(self, status, self._fields)
        if self._head_only:
            # llhttp cannot know that no body follows, and waits for one.
            self._persistent = False
            self._response.ended()

    def on_body(self, data: bytes) -> None:
        """Some of the body."""
        if self._response is not None and not self._response.complete:
            self._response.received(data)

    def on_message_complete(self) -> None:
        """The response is complete."""
        if self._response is not None and not self._response.complete:
            self._response.ended()

    def _finish(self) -> None:
        self._response = None
        self._watchdog.clear()
        sending = self._sender is not None and not self._sender.done
        if sending or not self._persistent:
            self.abandon()
            return
        self._sender = None
        self.used = True
        self.resume()
        self._watchdog.set(IDLE_TIMEOUT)
        self._released(self)

    # Failing.

    def _expired(self) -> None:
        if self._answer is None and self._response is None:
            self.abandon()
        else:
            self._fail(ResponseTimeout(f"no progress for {self._timeout:g} s"))

    def _fail(self, error: UpstreamError) -> None:
        self._error = self._error or error
        self.abandon()

    def sending_goes_on(self) -> None:
        """Some more of the request's body goes out."""
        self._watchdog.set(self._timeout)

    def sending_failed(self, reason: Failure) -> None:
        """The request's body could not be produced."""
        self._log.failure("a request's body could not be read", reason)
        self._fail(ConnectionBroken("the request's body could not be sent"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self.lost = True
        self._watchdog.stop()
        if self._sender is not None:
            self._sender.stop()
        response, self._response = self._response, None
        answer, self._answer = self._answer, None
        cleanly = reason.check(ConnectionDone) is not None and self._error is None
        if response is not None and self._until_close and cleanly:
            response.ended()
        error = self._error or ConnectionBroken("the connection was closed in mid-call")
        if response is not None:
            response.failed(error)
        if answer is not None:
            answer.errback(error)
        self._released(self)

    @property
    def untouched(self) -> bool:
        """Whether no byte of the answer in hand has come."""
        return not self._answered

    # What a Response asks.

    def pause(self) -> None:
        """Read no more for now; the time-out rests."""
        if self._reading and not self.lost:
            self._reading = False
            self._watchdog.clear()
            self.transport.pauseProducing()

    def resume(self) -> None:
        """Read on."""
        if not self._reading and not self.lost:
            self._reading = True
            self._watchdog.set(self._timeout)
            self.transport.resumeProducing()

    def abandon(self) -> None:
        """Cut the connection."""
        if not self.lost:
            self.transport.abortConnection()


@implementer(IConsumer, IPushProducer)
class _Sender:
    """Streams a request's body out, chunked when its length is not known."""

    def __init__(self, connection: Connection, body: IBodyProducer) -> None:
        self.done = False
        self._connection = connection
        self._body = body
        self._chunked = body.length is UNKNOWN_LENGTH

    def start(self) -> None:
        transport = self._connection.transport
        transport.registerProducer(self, True)
        self._body.startProducing(self).addCallbacks(self._sent, self._failed)

    def stop(self) -> None:
        if not self.done:
            self.done = True
            self._body.stopProducing()

    def _sent(self, _: object) -> None:
        if not self.done:
            self.done = True
            transport = self._connection.transport
            transport.unregisterProducer()
            if self._chunked:
                transport.write(b"0\r\n\r\n")

    def _failed(self, reason: Failure) -> None:
        if not self.done:
            self.done = True
            self._connection.sending_failed(reason)

    def write(self, data: bytes) -> None:
        if self.done or not data:
            return
        self._connection.sending_goes_on()
        framed = b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data
        self._connection.transport.write(framed)

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """The body is known already."""

    def unregisterProducer(self) -> None:
        """See L{_sent}."""

    def pauseProducing(self) -> None:
        if not self.done:
            self._body.pauseProducing()

    def resumeProducing(self) -> None:
        if not self.done:
            self._body.resumeProducing()

    def stopProducing(self) -> None:
        self.stop()
