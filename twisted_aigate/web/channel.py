"""
One HTTP/1.1 connection, the server's side.

Twisted's own channel hands a request over when its whole body has arrived, and reads heads line
by line. This one starts a request when its head is complete, so that bodies stream in with
backpressure and are refused before they are read, and parses with llhttp. Requests on it are
L{twisted.web.server.Request}s like any other's.

A connection is, in turn::

    idle ──first byte──> head ──blank line──> body ──last byte──> response ──finish──> idle
     │ 75 s               │ 30 s               │ 60 s without       │ the tree's time-out
     ▼                    ▼                    ▼ progress           ▼ without progress
    close                408                  408                  504, or cut when begun

A refusal or an answer that leaves body unread ends in L{lingering<Closing.linger>}.

When a response switches protocols the connection is its L{Successor}'s to the end: the channel
passes on what the transport says, and keeps no time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_aigate.kernel.backpressure import Backpressure
from twisted_aigate.kernel.sendfile import send_file
from twisted_aigate.kernel.transports import IStreamTransport
from twisted_aigate.kernel.units import SECOND
from twisted_aigate.kernel.watchdog import Watchdog
from twisted_aigate.web.closing import LINGER_TOTAL, Closing, is_secure
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.parser import HEAD_LIMIT, Head, RequestParser
from twisted_aigate.web.request import Request
from twisted_aigate.web.successor import Successor

if TYPE_CHECKING:
    from twisted_aigate.web.site import Site

HEAD_TIMEOUT = 30 * SECOND
IDLE_TIMEOUT = 75 * SECOND
BODY_TIMEOUT = 60 * SECOND
LAST_WORDS = 0.25 * SECOND
"""For a request that was sent before its client could know that the server stops."""

MOST_WAITING = 64
"""Pipelined requests that may wait before the client is read no further."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Channel(Protocol):
    """
    A connection.

    @param site: The site that it belongs to.
    """

    transport: IStreamTransport
    _closing: Closing

    def __init__(self, site: Site) -> None:
        self.site = site
        self.factory = None
        self._parser = RequestParser(self)
        self._watchdog = Watchdog(site.clock, self._expired)
        self._queue: deque[Request] = deque()
        self._current: Request | None = None
        self._receiving: Request | None = None
        self._successor: Successor | None = None
        self._refusal: HTTPError | None = None
        self._outflow = Backpressure(self._start_next)
        self._idle = True
        self._last = False
        self._draining = False
        self._starting = False
        self._lost = False
        self._reading = True

    # IProtocol.

    def connectionMade(self) -> None:
        """The client is connected."""
        self._closing = Closing(self.transport, self._watchdog, self.site.clock)
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(self._outflow, True)
        self._watchdog.set(HEAD_TIMEOUT)
        self.site.connected(self)

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        if self._successor is not None:
            self._successor.dataReceived(data)
            return
        if self._closing.begun:
            self._closing.discard()
            return
        if self._idle:
            self._idle = False
            self._watchdog.set(HEAD_TIMEOUT)
        try:
            self._parser.feed(data)
        except HTTPError as error:
            self._refuse(error)
        if self._current is None:
            self._start_next()
        elif self._receiving is self._current:
            self.arm()
        if self._has_enough():
            self._stop_reading()

    def _has_enough(self) -> bool:
        return len(self._queue) >= MOST_WAITING or len(self._parser.held or b"") > HEAD_LIMIT

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone: so is everything on it."""
        self._lost = True
        self._watchdog.stop()
        self._closing.lost()
        if self._successor is not None:
            self._successor.connectionLost(reason)
        requests = [*self._queue] if self._current is None else [self._current, *self._queue]
        self._queue.clear()
        for request in requests:
            # First the work is cancelled: to whom it reads for, a body that ends is then no fault.
            request.connectionLost(reason)
            request.body.failed(ConnectionError("the client left"))
        self.site.disconnected(self)

    # What the parser says.

    def head_received(self, head: Head) -> None:
        """A request's head is complete."""
        if self._last:
            return
        self._last = self._draining or not head.persistent
        self._receiving = Request(self, head)
        self._queue.append(self._receiving)

    def body_received(self, data: bytes) -> None:
        """Some of the newest request's body."""
        if self._receiving is not None:
            self._receiving.body.received(data)

    def message_ended(self) -> None:
        """The newest request's body is complete."""
        request, self._receiving = self._receiving, None
        if request is not None:
            request.body.ended()
            if request is self._current:
                self.arm()

    def _refuse(self, error: HTTPError) -> None:
        self._closing.begun = True
        last, self._last = self._last, True
        request = self._receiving
        if request is None:
            # What comes behind a request that was to be the last is no request at all.
            self._refusal = None if last else error
        elif not request.body.failed(error) and request is self._current:
            request.interrupt(error)

    # Turns.

    def _start_next(self) -> None:
        # A loop, since a pipelined request that is answered at once comes back here.
        if self._starting:
            return
        self._starting = True
        try:
            while self._current is None and not self._outflow.full:
                if self._queue:
                    self._start(self._queue.popleft())
                elif self._refusal is not None:
                    refusal, self._refusal = self._refusal, None
                    self.transport.write(self.site.refusal(refusal))
                    self._linger()
                    return
                else:
                    return
        finally:
            self._starting = False

    def _start(self, request: Request) -> None:
        self._current = request
        self.site.process(request)
        if self._current is request:
            self.arm()

    def arm(self) -> None:
        """Set the time-out of the request in hand anew."""
        request = self._current
        if request is None or self._lost or self._successor is not None:
            return
        body_is_due = self._reading and not request.body.complete and not request.startedWriting
        self._watchdog.set(BODY_TIMEOUT if body_is_due else request.patience)

    def closes_after(self, request: Request) -> bool:
        """Whether the response to C{request} is to say C{Connection: close}."""
        if not request.body.complete or request.expects_continue:
            # A client that was not told to go on may, or may not, send its body yet.
            self._last = True
        return self._last and not self._queue and self._refusal is None

    def requestDone(self, request: Request) -> None:
        """C{request} is answered."""
        self._current = None
        self._outflow.release()
        if self._successor is not None:
            return
        if self._last and not self._queue and self._refusal is None:
            if request.body.complete and not self._closing.begun:
                self.loseConnection()
            else:
                self._linger()
            return
        if request.offer is not None:
            try:
                self._parser.declined()
            except HTTPError as error:
                self._refuse(error)
        self._idle = not self._parser.begun
        self._watchdog.set(IDLE_TIMEOUT if self._idle else HEAD_TIMEOUT)
        if not self._has_enough():
            self._resume_reading()
        self._start_next()

    def hand_over(self, successor: Successor) -> None:
        """Have another protocol speak from now on; it answers the request in hand."""
        self._successor = successor
        self._watchdog.clear()
        self.transport.unregisterProducer()
        self._resume_reading()
        successor.makeConnection(self.transport)
        if self._parser.held:
            successor.dataReceived(self._parser.held)
        if self._last:
            successor.drain()

    def drain(self) -> None:
        """Close when the request in hand is answered, or the one that may be on its way."""
        self._draining = True
        if self._successor is not None:
            self._successor.drain()
        elif self._current is not None or self._queue:
            self._last = True
        elif self._closing.begun:
            self._closing.close_idle()
        elif self._idle:
            self._watchdog.set(LAST_WORDS)

    def _expired(self) -> None:
        request = self._current
        if request is None and (self._closing.begun or self._outflow.full):
            # It lingered long enough, or it reads nothing of what it was sent.
            self.abort()
        elif request is None:
            if self._idle:
                self._closing.close_idle()
            else:
                self._refuse(HTTPError(408, "The request's head did not come in time."))
                self._start_next()
        elif request.startedWriting:
            request.abort()
        elif self._reading and not request.body.complete:
            self._watchdog.set(request.timeout)
            self._refuse(HTTPError(408, "The request's body stopped coming."))
        else:
            # Whoever holds on to it all the same is cut off.
            self._watchdog.set(LINGER_TOTAL)
            request.interrupt(HTTPError(504, "The request took too long.", code="timeout"))

    def _linger(self) -> None:
        self._closing.linger()
        self._resume_reading()

    # Reading: BodySource.

    def body_wanted(self) -> None:
        """A handler reads its body."""
        if self._lost:
            return
        request = self._current
        if request is not None and request.awaits_continue():
            self.transport.write(_CONTINUE)
        self._resume_reading()
        self.arm()

    def body_unwanted(self) -> None:
        """Enough of a body waits."""
        self._stop_reading()
        self.arm()

    def _stop_reading(self) -> None:
        if self._reading and not self._lost:
            self._reading = False
            self.transport.pauseProducing()

    def _resume_reading(self) -> None:
        if not self._reading and not self._lost:
            self._reading = True
            self.transport.resumeProducing()

    # Writing: what twisted.web's Request asks of its channel.

    def write(self, data: bytes) -> None:
        """Send bytes of the response in hand."""
        self.transport.write(data)
        self.arm()

    def send_file(
        self, descriptor: int, offset: int, size: int, progressed: Callable[[int], None]
    ) -> Deferred[None] | None:
        """
        Send bytes of the response in hand out of a file; see C{FileConsumer}.

        @param progressed: Called with a number of bytes when they are sent.
        """
        transport = self.transport
        # TLS has to see the bytes.
        if self._outflow.full or self.isSecure() or not isinstance(transport, FileDescriptor):
            return None

        def sent(count: int) -> None:
            progressed(count)
            self.arm()

        return send_file(transport, self._outflow, descriptor, offset, size, sent)

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """
        Have a response's push producer paused while the client reads slowly.

        @raise ValueError: It is a pull producer.
        """
        if not streaming:
            raise ValueError("only push producers are taken")
        self._outflow.bind(producer)

    def unregisterProducer(self) -> None:
        """The response has no producer any more."""
        self._outflow.release()

    def loseConnection(self) -> None:
        """Close when all that was written is sent."""
        self._closing.close()

    def abort(self) -> None:
        """Cut the connection, so that the client sees that its answer is not whole."""
        self._closing.cut()

    def isSecure(self) -> bool:
        """Whether the connection is TLS."""
        return is_secure(self.transport)
