"""A consumer whose bytes are worked on in a thread, with no more of them in memory than needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer, IProducer, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import KB

HIGH_WATER = 512 * KB
"""Bytes that may wait for the thread before the producer is paused."""


@implementer(IConsumer)
class Offload:
    """
    Takes what a push producer makes and has a thread work on it, piece after piece in order.

    While the thread works, what comes is gathered, so that a fast producer costs few hand-overs;
    beyond L{HIGH_WATER} the producer is paused.

    @param threads: Where the work is done.
    @param work: Called in a thread with the next bytes; what it raises ends the work, and is what
        L{finish} raises.
    """

    def __init__(self, threads: Threads, work: Callable[[bytes], None]) -> None:
        self._threads = threads
        self._work = work
        self._producer: IPushProducer | None = None
        self._paused = False
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._running: Deferred[None] | None = None
        self._idle: list[Deferred[None]] = []
        self._failure: Failure | None = None
        self._cancel: Callable[[], None] | None = None

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """See L{IConsumer}; push producers only."""
        self._producer = cast(IPushProducer, producer)

    def unregisterProducer(self) -> None:
        """See L{IConsumer}."""
        self._producer = None

    def write(self, data: bytes) -> None:
        """See L{IConsumer}."""
        if self._failure is not None:
            return
        self._pieces.append(data)
        self._waiting += len(data)
        if self._running is None:
            self._take()
        elif self._waiting > HIGH_WATER and not self._paused and self._producer is not None:
            self._paused = True
            self._producer.pauseProducing()

    async def take(self, deliver: Callable[[IConsumer], Deferred[None]]) -> None:
        """
        Have everything delivered, and wait until all of it is worked on.

        When the work fails the delivery is cancelled at once: what is refused is not read to its
        end.

        @param deliver: Delivers into this consumer.
        @raise Exception: What the work raised, or why the delivery failed.
        """
        delivering = deliver(self)
        self._cancel = delivering.cancel
        try:
            await delivering
        except CancelledError:
            if self._failure is None:
                raise
        finally:
            self._cancel = None
        await self.finish()

    async def finish(self) -> None:
        """
        Wait until all that was written is worked on.

        @raise Exception: What the work raised.
        """
        await self.settled()
        if self._failure is not None:
            self._failure.raiseException()

    def settled(self) -> Deferred[None]:
        """
        Wait until no thread is at work.

        @return: Fires, never fails.
        """
        settled: Deferred[None] = Deferred()
        if self._running is None:
            settled.callback(None)
        else:
            self._idle.append(settled)
        return settled

    def stop(self) -> None:
        """Drop what no thread has taken yet, and what comes."""
        self._pieces.clear()
        self._waiting = 0
        self._failure = self._failure or Failure(RuntimeError("the work was stopped"))

    def _take(self) -> None:
        pieces, self._pieces = self._pieces, []
        self._waiting = 0
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._running = self._threads.run(self._work, data)
        self._running.addErrback(self._fail)
        self._running.addCallback(self._taken)

    def _fail(self, failure: Failure) -> None:
        self._failure = self._failure or failure
        self._pieces.clear()
        self._waiting = 0
        if self._cancel is not None:
            self._cancel()

    def _taken(self, _: None) -> None:
        self._running = None
        if self._pieces:
            self._take()
        if self._paused and self._waiting <= HIGH_WATER:
            self._paused = False
            if self._producer is not None:
                self._producer.resumeProducing()
        if self._running is None:
            idle, self._idle = self._idle, []
            for settled in idle:
                settled.callback(None)
