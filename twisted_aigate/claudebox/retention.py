"""Forgetting runs: their results are kept for some hours."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from functools import partial

from twisted.internet.interfaces import IReactorTime

from twisted_aigate.claudebox.instance import Instance
from twisted_aigate.claudebox.records import RunTable
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.sweeper import Sweeper
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
        self._instance = instance
        self._table = table
        self._database = database
        self._threads = threads
        self._kept = kept
        self._now = now
        self._sweeper = Sweeper(clock, MINUTE, self._sweep, "old runs could not be removed")

    def start(self) -> None:
        """Sweep now, and each minute from now on."""
        self._sweeper.start()

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
        await self._sweeper.stop()
