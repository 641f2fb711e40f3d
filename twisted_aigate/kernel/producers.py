"""Push producers written as coroutines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer


@implementer(IBodyProducer)
class CoroutineProducer:
    """
    A body that a coroutine makes.

    @param length: Bytes in all, or L{twisted.web.iweb.UNKNOWN_LENGTH}.
    @param produce: Called with this producer and the consumer's C{write}; before each piece it
        awaits L{ready}.
    """

    def __init__(
        self,
        length: int | Any,
        produce: Callable[[CoroutineProducer, Callable[[bytes], None]], Awaitable[None]],
    ) -> None:
        self.length = length
        self._produce = produce
        self._resumed: Deferred[None] | None = None
        self._running: Deferred[None] | None = None
        self._stopped = False

    async def ready(self) -> None:
        """Wait while the consumer has enough; stop here when it wants no more."""
        if self._stopped:
            raise CancelledError
        if self._resumed is not None:
            await self._resumed

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See L{IBodyProducer}."""
        done: Deferred[None] = Deferred(lambda _: self.stopProducing())
        if self._stopped:
            return done

        async def run() -> None:
            await self._produce(self, consumer.write)

        def finished(result: Failure | None) -> None:
            self._running = None
            if self._stopped:
                # Nobody waits: as IBodyProducer has it, the Deferred never fires.
                return
            if isinstance(result, Failure):
                done.errback(result)
            else:
                done.callback(None)

        running = Deferred.fromCoroutine(run())
        if not running.called:
            self._running = running
        running.addBoth(finished)
        if self._stopped:
            # By the consumer, from within its write.
            self.stopProducing()
        return done

    def pauseProducing(self) -> None:
        """See L{IBodyProducer}."""
        if self._resumed is None:
            self._resumed = Deferred()

    def resumeProducing(self) -> None:
        """See L{IBodyProducer}."""
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            resumed.callback(None)

    def stopProducing(self) -> None:
        """See L{IBodyProducer}: the coroutine is cancelled."""
        self._stopped = True
        running, self._running = self._running, None
        if running is not None:
            running.addErrback(lambda failure: failure.trap(CancelledError) and None)
            running.cancel()
