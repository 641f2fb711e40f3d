"""An answer that is made in several turns, as one body."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import copy_context

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from twisted_aigate.kernel.producers import CoroutineProducer

_KEEP_ALIVE = b": ping\n\n"


@implementer(IConsumer)
class _Taking:
    """A consumer that hands on what it is given."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self.write = take

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """See L{IConsumer}: the source is known already."""

    def unregisterProducer(self) -> None:
        """See L{IConsumer}."""


class Pipe:
    """
    The way from the turns to the caller.

    @ivar write: Says something to the caller, if they read the answer as it comes.
    """

    def __init__(self) -> None:
        self.write: Callable[[bytes], None] = _nowhere
        self._source: IBodyProducer | None = None
        self._paused = False

    def keep_alive(self) -> None:
        """Say that there is nothing to say yet."""
        self.write(_KEEP_ALIVE)

    async def read(self, body: bytes | IBodyProducer, take: Callable[[bytes], None]) -> None:
        """
        Read a turn, no faster than the caller does.

        @param take: Called with each piece of it.
        """
        if isinstance(body, bytes):
            take(body)
            return
        self._source = body
        try:
            produced = body.startProducing(_Taking(take))
            if self._paused and not produced.called:
                body.pauseProducing()
            await produced
        finally:
            self._source = None

    def pause(self) -> None:
        """The caller wants nothing for now."""
        self._paused = True
        if self._source is not None:
            self._source.pauseProducing()

    def resume(self) -> None:
        """The caller wants more."""
        self._paused = False
        if self._source is not None:
            self._source.resumeProducing()


class AgentBody(CoroutineProducer):
    """
    The answer, as it is made.

    @param pipe: What it comes through.
    @param work: Makes it; cancelling that ends what is on its way.
    @param drop: Called when nobody wants it, before it has begun.
    """

    def __init__(
        self, pipe: Pipe, work: Callable[[], Awaitable[None]], drop: Callable[[], None]
    ) -> None:
        # Whoever starts it may be at work for another request.
        context = copy_context()

        async def produce(_: CoroutineProducer, write: Callable[[bytes], None]) -> None:
            pipe.write = write
            await context.run(lambda: Deferred.fromCoroutine(_awaited(work())))

        super().__init__(UNKNOWN_LENGTH, produce)
        self._pipe = pipe
        self._drop = drop
        self._begun = False

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See L{IBodyProducer}."""
        self._begun = True
        return super().startProducing(consumer)

    def pauseProducing(self) -> None:
        """See L{IBodyProducer}."""
        super().pauseProducing()
        self._pipe.pause()

    def resumeProducing(self) -> None:
        """See L{IBodyProducer}."""
        super().resumeProducing()
        self._pipe.resume()

    def stopProducing(self) -> None:
        """See L{IBodyProducer}."""
        self._pipe.write = _nowhere
        super().stopProducing()
        if not self._begun:
            self._begun = True
            self._drop()


async def _awaited(work: Awaitable[None]) -> None:
    await work


def _nowhere(data: bytes) -> None:
    """Nobody reads it."""
