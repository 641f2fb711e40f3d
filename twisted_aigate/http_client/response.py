"""A response, whose body is taken at once when it is there, or streamed with backpressure."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IConsumer
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from twisted_aigate.http_client.errors import UpstreamError

HIGH_WATER = 64 * 1024


class ResponseSource(Protocol):
    """What a response asks of its connection."""

    def pause(self) -> None:
        """Read no more for now."""

    def resume(self) -> None:
        """Read on."""

    def abandon(self) -> None:
        """The rest of the response is not wanted: cut the connection."""


@implementer(IBodyProducer)
class Response:
    """
    A response whose head is complete.

    @ivar status: The HTTP status.
    @ivar fields: (lower-case name, value) in order.
    @ivar length: The body's length in bytes, or L{UNKNOWN_LENGTH}.
    @ivar complete: All of the body has arrived.
    """

    def __init__(
        self, source: ResponseSource, status: int, fields: list[tuple[bytes, bytes]]
    ) -> None:
        self.status = status
        self.fields = fields
        self.complete = False
        self._source: ResponseSource | None = source
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._consumer: IConsumer | None = None
        self._done: Deferred[None] | None = None
        self._failure: UpstreamError | None = None
        self._paused = False

    def field(self, name: bytes) -> bytes | None:
        """The first header field of that lower-case name."""
        for candidate, value in self.fields:
            if candidate == name:
                return value
        return None

    @property
    def length(self) -> int | str:
        """The body's length in bytes, when the head tells it."""
        value = self.field(b"content-length")
        return UNKNOWN_LENGTH if value is None else int(value)

    # For the connection.

    def received(self, data: bytes) -> None:
        """Some of the body came."""
        if self._consumer is not None and not self._paused:
            self._consumer.write(data)
            return
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > HIGH_WATER and self._source is not None:
            self._source.pause()

    def ended(self) -> None:
        """The last of the body came."""
        self.complete = True
        self._source = None
        self._settle()

    def failed(self, error: UpstreamError) -> None:
        """The rest will not come."""
        if not self.complete:
            self._source = None
            self._failure = error
            self._settle()

    # For callers.

    def whole(self) -> bytes | None:
        """The whole body, if all of it is here already; C{None} if it must be streamed."""
        return b"".join(self._waiting) if self.complete else None

    async def read(self, most: int) -> bytes:
        """
        The whole body.

        @param most: Bytes after which the rest is cut off.
        @raise UpstreamError: It did not come whole.
        """
        collected = _Collector(self, most)
        await self.startProducing(collected)
        return b"".join(collected.parts)[:most]

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """
        Stream the body into C{consumer}, which may pause this producer.

        @return: Fires at the end; fails with L{UpstreamError}. Cancelling it cuts the connection.
        """
        self._consumer = consumer
        self._flush()
        if self._failure is not None:
            return fail(self._failure)
        if self.complete and not self._waiting:
            return succeed(None)
        self._done = Deferred(lambda _: self.stopProducing())
        if not self._paused and self._source is not None:
            self._source.resume()
        return self._done

    def pauseProducing(self) -> None:
        """The consumer has enough for now."""
        self._paused = True
        if self._source is not None:
            self._source.pause()

    def resumeProducing(self) -> None:
        """The consumer takes more."""
        self._paused = False
        self._flush()
        if not self._paused and self._source is not None:
            self._source.resume()
        self._settle()

    def stopProducing(self) -> None:
        """The rest is not wanted."""
        self._paused = True
        self._done = None
        source, self._source = self._source, None
        if source is not None:
            source.abandon()

    def _flush(self) -> None:
        assert self._consumer is not None
        while self._waiting and not self._paused:
            waiting, self._waiting = self._waiting, []
            self._waiting_bytes = 0
            self._consumer.write(b"".join(waiting))

    def _settle(self) -> None:
        if self._done is None:
            return
        if self._failure is not None:
            done, self._done = self._done, None
            done.errback(self._failure)
        elif self.complete and not self._waiting:
            done, self._done = self._done, None
            done.callback(None)


@implementer(IConsumer)
class _Collector:
    def __init__(self, response: Response, most: int) -> None:
        self.parts: list[bytes] = []
        self._response = response
        self._room = most

    def registerProducer(self, producer: object, streaming: bool) -> None:
        pass

    def unregisterProducer(self) -> None:
        pass

    def write(self, data: bytes) -> None:
        if self._room > 0:
            self.parts.append(data)
            self._room -= len(data)
