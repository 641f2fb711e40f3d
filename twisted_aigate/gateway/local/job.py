"""One job at a worker, and its answer as it comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.kernel.collector import Collector


@implementer(IBodyProducer)
class RunningJob:
    """
    A job that a worker has.

    @param cancel: Called once when nobody wants the answer any more.
    @param frame: Makes what is sent of a chunk.
    @param tail: Sent at the end.
    @ivar begun: Fires with the content type when the first of the answer is there; fails with
        L{GatewayError} when there is none.
    """

    length = UNKNOWN_LENGTH

    def __init__(
        self, cancel: Callable[[], None], frame: Callable[[bytes], bytes], tail: bytes
    ) -> None:
        self.begun: Deferred[str] = Deferred(lambda _: self.stopProducing())
        self._cancel: Callable[[], None] | None = cancel
        self._frame = frame
        self._tail = tail
        self._content_type = ""
        self._waiting: deque[bytes] = deque()
        self._consumer: IConsumer | None = None
        self._paused = False
        self._over = False
        self._failure: GatewayError | None = None
        self._done: Deferred[None] | None = None

    # For the worker's protocol.

    def headed(self, content_type: str) -> None:
        """The answer will be of this media type."""
        self._content_type = content_type

    def received(self, data: bytes) -> None:
        """Some of the answer."""
        self._begin()
        self._waiting.append(self._frame(data))
        self._flush()

    def ended(self) -> None:
        """The answer is complete."""
        self._begin()
        self._over = True
        self._cancel = None
        if self._tail:
            self._waiting.append(self._tail)
        self._flush()

    def failed(self, error: GatewayError) -> None:
        """There is no answer, or no more of it."""
        self._over = True
        self._cancel = None
        if not self.begun.called:
            self.begun.errback(error)
            return
        self._failure = error
        self._flush()

    def _begin(self) -> None:
        if not self.begun.called:
            self.begun.callback(self._content_type)

    # For the caller.

    async def whole(self) -> bytes:
        """
        All of the answer.

        @raise GatewayError: It broke off.
        """
        collected = Collector()
        await self.startProducing(collected)
        return b"".join(collected.parts)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See L{IBodyProducer}."""
        self._consumer = consumer
        self._done = Deferred(lambda _: self.stopProducing())
        done = self._done
        self._flush()
        return done

    def pauseProducing(self) -> None:
        """See L{IBodyProducer}; what the worker makes meanwhile is kept: a model is no flood."""
        self._paused = True

    def resumeProducing(self) -> None:
        """See L{IBodyProducer}."""
        self._paused = False
        self._flush()

    def stopProducing(self) -> None:
        """See L{IBodyProducer}: the worker is told to stop."""
        self._consumer = None
        self._waiting.clear()
        cancel, self._cancel = self._cancel, None
        if cancel is not None:
            cancel()

    def _flush(self) -> None:
        if self._consumer is None or self._done is None:
            return
        while self._waiting and not self._paused:
            self._consumer.write(self._waiting.popleft())
        if self._over and not self._waiting and not self._done.called:
            if self._failure is not None:
                self._done.errback(self._failure)
            else:
                self._done.callback(None)
