"""Work that is done from time to time, for as long as the server runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure


class Sweeper:
    """
    Sweeps, pauses, and sweeps again; a sweep that fails is logged, and made up for by the next.

    @param clock: Where the next sweep waits.
    @param pause: Seconds between two.
    @param sweep: Does the work.
    @param trouble: What it is when it fails, for the log.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        pause: float,
        sweep: Callable[[], Awaitable[None]],
        trouble: str,
    ) -> None:
        self._clock = clock
        self._pause = pause
        self._sweep = sweep
        self._trouble = trouble
        self._next: IDelayedCall | None = None
        self._sweeping: Deferred[None] | None = None

    def start(self) -> None:
        """Sweep now, and again and again from now on."""
        self._next = None
        self._sweeping = Deferred.fromCoroutine(self._once())
        self._sweeping.addErrback(self._failed)
        self._sweeping.addCallback(self._later)

    async def _once(self) -> None:
        await self._sweep()

    def _failed(self, failure: Failure) -> None:
        self._log.failure("{trouble}", failure, trouble=self._trouble)

    def _later(self, _: None) -> None:
        self._sweeping = None
        self._next = self._clock.callLater(self._pause, self.start)

    async def stop(self) -> None:
        """Sweep no more, when a sweep that is in hand is done."""
        sweeping = self._sweeping
        if sweeping is not None:
            done: Deferred[None] = Deferred()
            sweeping.addCallback(done.callback)
            await done
        if self._next is not None:
            self._next.cancel()
            self._next = None
