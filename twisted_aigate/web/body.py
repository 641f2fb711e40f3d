"""A request's body, as it arrives: read whole within a limit, or streamed with backpressure."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface import implementer

from twisted_aigate.kernel.collector import Collector
from twisted_aigate.web.errors import HTTPError

HIGH_WATER = 64 * 1024
"""Bytes that may wait for a reader before the connection is told to stop reading."""


class BodySource(Protocol):
    """What a body asks of the connection that it arrives on."""

    def body_wanted(self) -> None:
        """Someone reads: let bytes come (and answer C{Expect: 100-continue})."""

    def body_unwanted(self) -> None:
        """Enough bytes wait: let none come for now."""


def too_large(limit: int) -> HTTPError:
    """The refusal of a body over C{limit} bytes."""
    return HTTPError(413, f"The request body is larger than {limit} bytes.", code="body_too_large")


@implementer(IPushProducer)
class RequestBody:
    """
    The body of one request.

    @ivar length: The C{Content-Length} in bytes; C{None} when it is chunked.
    @ivar complete: All of it has arrived.
    """

    def __init__(self, source: BodySource, length: int | None) -> None:
        self.length = length
        self.complete = False
        self._source = source
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._failure: Exception | None = None
        self._consumer: IConsumer | None = None
        self._limit = 0
        self._received = 0
        self._paused = False
        self._done: Deferred[None] | None = None

    # For the connection.

    def received(self, data: bytes) -> None:
        """The connection read some more of the body."""
        if self._failure is not None:
            return
        self._received += len(data)
        if self._limit and self._received > self._limit:
            self.failed(too_large(self._limit))
            return
        if self._consumer is not None and not self._paused:
            self._consumer.write(data)
            return
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > HIGH_WATER:
            self._source.body_unwanted()

    def ended(self) -> None:
        """The connection read the last of the body."""
        self.complete = True
        self._settle()

    def failed(self, error: Exception) -> bool:
        """
        The rest of the body will not come.

        @return: Whether someone reads it, and so has been told.
        """
        told = self._done is not None
        if self._failure is None and not self.complete:
            self._failure = error
            self._waiting.clear()
            self._settle()
        return told

    # For handlers.

    async def read(self, limit: int) -> bytes:
        """
        Read the whole body.

        @param limit: The most bytes to take; 0: no limit.
        @raise HTTPError: 413, before anything is read when the length is known.
        """
        if limit and self.length is not None and self.length > limit:
            raise too_large(limit)
        data = self.arrived()
        if data is not None:
            # The usual case, head and body in one segment: no producer, no Deferred.
            if limit and len(data) > limit:
                raise too_large(limit)
            return data
        collected = Collector()
        await self.deliver(collected, limit)
        return b"".join(collected.parts)

    def arrived(self) -> bytes | None:
        """
        Take the whole body, if all of it is here and nobody reads it yet.

        @return: C{None}: it must be read, or streamed.
        """
        if not self.complete or self._consumer is not None or self._failure is not None:
            return None
        if self.length == 0:
            # Someone reads: a client that asked whether to go on is told so, for nothing to come.
            self._source.body_wanted()
        data = b"".join(self._waiting)
        self._waiting.clear()
        return data

    def deliver(self, consumer: IConsumer, limit: int) -> Deferred[None]:
        """
        Stream the body into a consumer, once.

        @param consumer: Registered with this body as its push producer: pausing it stops the
            reading from the network.
        @param limit: The most bytes to take; 0: no limit.
        @return: Fires when the last byte was handed over; fails with L{HTTPError} 413, or with
            the reason why the body stopped coming. Cancelling it stops the delivery.
        """
        if self._consumer is not None:
            raise RuntimeError("the body is being read already")
        if limit and (self.length or self._received) > limit:
            return fail(too_large(limit))
        if self._failure is not None:
            return fail(self._failure)
        done: Deferred[None] = Deferred(lambda _: self._stop())
        self._done = done
        self._consumer = consumer
        self._limit = limit
        consumer.registerProducer(self, True)
        if not self.complete:
            self._source.body_wanted()
        self._flush()
        self._settle()
        return done

    def _flush(self) -> None:
        while self._waiting and not self._paused and self._consumer is not None:
            data = self._waiting.popleft()
            self._waiting_bytes -= len(data)
            self._consumer.write(data)

    def _settle(self) -> None:
        if self._done is None:
            return
        over = self._failure is not None or (self.complete and not self._waiting)
        if over:
            done, self._done = self._done, None
            consumer, self._consumer = self._consumer, None
            if consumer is not None:
                consumer.unregisterProducer()
            if self._failure is not None:
                done.errback(self._failure)
            else:
                done.callback(None)

    def _stop(self) -> None:
        self._done = None
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.unregisterProducer()

    # IPushProducer, for the consumer.

    def pauseProducing(self) -> None:
        """The consumer has enough for now."""
        self._paused = True
        if not self.complete:
            self._source.body_unwanted()

    def resumeProducing(self) -> None:
        """The consumer takes more."""
        self._paused = False
        self._flush()
        if not self._paused and not self.complete:
            self._source.body_wanted()
        self._settle()

    def stopProducing(self) -> None:
        """The consumer will take no more."""
        self._paused = True
