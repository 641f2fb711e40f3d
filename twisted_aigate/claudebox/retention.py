"""Forgetting runs: their results are kept for some hours."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.claudebox.instance import Instance
from twisted_aigate.claudebox.records import RunTable
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import MINUTE

_BATCH = 100


class Retention:
    """
    Removes what is older than results are kept.

    @param clock: Where the next sweep waits.
    @param instance: The instance.
    @param table: Its runs in the database.
    @param database: The database.
    @param threads: Where files are removed.
    @param kept: Seconds that a run is kept after its end.
    @param now: The time, in seconds of Unix time.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        instance: Instance,
        table: RunTable,
        database: Database,
        threads: Threads,
        kept: float,
        now: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._instance = instance
        self._table = table
        self._database = database
        self._threads = threads
        self._kept = kept
        self._now = now
        self._next: IDelayedCall | None = None
        self._sweeping: Deferred[None] | None = None

    def start(self) -> None:
        """Sweep now, and each minute from now on."""
        self._next = None
        self._sweeping = Deferred.fromCoroutine(self._sweep())
        self._sweeping.addErrback(self._failed)
        self._sweeping.addCallback(self._later)

    def _later(self, _: None) -> None:
        self._sweeping = None
        self._next = self._clock.callLater(MINUTE, self.start)

    def _failed(self, failure: Failure) -> None:
        self._log.failure("old runs could not be removed", failure)

    async def _sweep(self) -> None:
        before = self._now() - self._kept
        old = await self._database.read(partial(self._table.finished_before, when=before))
        for start in range(0, len(old), _BATCH):
            batch = old[start : start + _BATCH]
            # Files first: what the database still knows is tried again after a crash.
            await self._threads.run(self._remove, batch)
            await self._database.write(partial(self._table.delete, run_ids=batch))

    def _remove(self, run_ids: list[str]) -> None:
        for run_id in run_ids:
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(self._instance.runs / run_id)
            self._instance.transcript(run_id).unlink(missing_ok=True)

    async def stop(self) -> None:
        """Sweep no more."""
        sweeping = self._sweeping
        if sweeping is not None:
            done: Deferred[None] = Deferred()
            sweeping.addCallback(done.callback)
            await done
        if self._next is not None:
            self._next.cancel()
            self._next = None
