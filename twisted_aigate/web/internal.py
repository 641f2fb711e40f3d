"""
Requests that come from no connection: their body from a producer, their response to a consumer.

They go through a L{Site} as all others do, so that routes, errors and log lines are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IConsumer, IPushProducer
from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from twisted_aigate.kernel.watchdog import Watchdog
from twisted_aigate.web.body import RequestBody
from twisted_aigate.web.errors import Headers, HTTPError
from twisted_aigate.web.parser import Head
from twisted_aigate.web.request import Request
from twisted_aigate.web.site import Site

Begin = Callable[[int, Headers], None]


class InternalRequests:
    """
    Has a site answer requests of this process.

    @param site: The site.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    def post(
        self,
        target: bytes,
        fields: Headers,
        client: str,
        body: IBodyProducer,
        begin: Begin,
        consumer: IConsumer,
    ) -> Deferred[bool]:
        """
        Answer a C{POST}.

        @param target: The request target: path and query.
        @param fields: The header fields, by their lower-case names, without those that frame the
            message.
        @param client: The client's address.
        @param body: The body, of a known length; it is stopped when its rest is not wanted.
        @param begin: Called with the response's status and header fields.
        @param consumer: What the response's body is written to.
        @return: Fires when the response is over; false: it was cut off in the middle. Cancelling it
            is the client's leaving.
        """
        more = [(b"host", b"localhost"), (b"content-length", b"%d" % body.length)]
        head = Head(b"POST", target, b"HTTP/1.1", [*fields, *more], False)
        return _Exchange(self._site, head, client, body, begin, consumer).start()


class _InternalRequest(Request):
    def __init__(self, exchange: _Exchange, head: Head) -> None:
        # It is all of a channel that a request asks for.
        super().__init__(cast(Any, exchange), head)
        self._exchange = exchange

    def begin(self, status: int, fields: Headers, first: bytes = b"") -> None:
        self.code = status
        self.startedWriting = 1
        self._exchange.begin(status, fields)
        framed = self._framed(first)
        if framed:
            self._exchange.write(framed)


@implementer(IConsumer)
class _Arriving:
    """Takes a body's bytes for who reads the request's."""

    def __init__(self, body: RequestBody) -> None:
        self._body = body

    def registerProducer(self, producer: object, streaming: bool) -> None:
        pass

    def unregisterProducer(self) -> None:
        pass

    def write(self, data: bytes) -> None:
        self._body.received(data)


class _Exchange:
    """One request and its response; stands where a request's channel and transport are."""

    def __init__(
        self,
        site: Site,
        head: Head,
        client: str,
        body: IBodyProducer,
        begin: Begin,
        consumer: IConsumer,
    ) -> None:
        self.site = site
        self.transport = self
        self._client = IPv4Address("TCP", client, 0)
        self._body = body
        self._begin = begin
        self._consumer = consumer
        self._done: Deferred[bool] = Deferred(lambda _: self._left())
        self._watchdog = Watchdog(site.clock, self._expired)
        self._reading: Deferred[None] | None = None
        self._over = False
        self.request = _InternalRequest(self, head)

    def start(self) -> Deferred[bool]:
        if self.request.body.length == 0:
            self.request.body.ended()
        self.site.process(self.request)
        self.arm()
        return self._done

    # Its end.

    def _settle(self) -> bool:
        """Whether it was not over before."""
        if self._over:
            return False
        self._over = True
        self._watchdog.stop()
        self._body.stopProducing()
        return True

    def _left(self) -> None:
        if self._settle():
            self.request.connectionLost(Failure(ConnectionDone()))
            self.request.body.failed(ConnectionError("the request was cancelled"))

    def requestDone(self, request: Request) -> None:
        if self._settle():
            self._done.callback(True)

    def abort(self) -> None:
        # The handler says so itself, and so is not to be cancelled.
        self.request.running = None
        self._cut()

    def _cut(self) -> None:
        if not self._over:
            self._left()
            self._done.callback(False)

    def _expired(self) -> None:
        request = self.request
        if request.startedWriting or request.interruption is not None:
            self._cut()
        else:
            # Whoever holds on to it all the same is cut off.
            self._watchdog.set(request.timeout)
            request.interrupt(HTTPError(504, "The request took too long.", code="timeout"))

    def arm(self) -> None:
        if not self._over:
            self._watchdog.set(self.request.patience)

    # The request's body: BodySource.

    def body_wanted(self) -> None:
        if self._over:
            return
        if self._reading is None:
            reading = self._body.startProducing(_Arriving(self.request.body))
            self._reading = reading
            reading.addCallbacks(self._read, self._not_read)
        else:
            self._body.resumeProducing()

    def _read(self, _: None) -> None:
        self.request.body.ended()
        self.arm()

    def _not_read(self, failure: Failure) -> None:
        assert isinstance(failure.value, Exception)
        self.request.body.failed(failure.value)

    def body_unwanted(self) -> None:
        if not self._over:
            self._body.pauseProducing()

    # The response.

    def begin(self, status: int, fields: Headers) -> None:
        self._begin(status, fields)
        self.arm()

    def write(self, data: bytes) -> None:
        self._consumer.write(data)
        self.arm()

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        self._consumer.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        self._consumer.unregisterProducer()

    # Addresses.

    def getPeer(self) -> IAddress:
        return self._client

    def getHost(self) -> IAddress:
        return self._client

    def isSecure(self) -> bool:
        return False
