"""Forgetting jobs that ended some time ago."""

from __future__ import annotations

from functools import partial

from twisted.internet.interfaces import IReactorTime

from twisted_aigate.jobs.files import JobFiles
from twisted_aigate.jobs.records import JobTable
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.sweeper import Sweeper
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import MINUTE, SECOND

_BATCH = 100


class Retention:
    """
    Removes jobs that are older than jobs are kept.

    @param clock: Where the next sweep waits; keeps Unix time.
    @param table: The jobs in the database.
    @param database: The database.
    @param files: Their bodies.
    @param threads: Where those are removed.
    @param kept: Seconds that a job is kept after its end.
    """

    def __init__(
        self,
        clock: IReactorTime,
        table: JobTable,
        database: Database,
        files: JobFiles,
        threads: Threads,
        kept: float,
    ) -> None:
        self._clock = clock
        self._table = table
        self._database = database
        self._files = files
        self._threads = threads
        self._kept = kept
        # What is kept for seconds is not to lie about for a minute.
        pause = min(MINUTE, max(SECOND, kept))
        self._sweeper = Sweeper(clock, pause, self._sweep, "old jobs could not be removed")

    async def remove_strays(self) -> None:
        """Remove what was being taken when a server ended; nothing may be on its way now."""
        there = await self._threads.run(self._files.there)
        for start in range(0, len(there), _BATCH):
            batch = there[start : start + _BATCH]
            known = await self._database.read(partial(self._table.known, job_ids=batch))
            strays = [job_id for job_id in batch if job_id not in known]
            await self._threads.run(self._files.remove, strays)

    def start(self) -> None:
        """Sweep now, and again and again from now on."""
        self._sweeper.start()

    async def _sweep(self) -> None:
        before = self._clock.seconds() - self._kept
        old = await self._database.read(partial(self._table.finished_before, when=before))
        for start in range(0, len(old), _BATCH):
            batch = old[start : start + _BATCH]
            # Files first: what the database still knows is tried again after a crash.
            await self._threads.run(self._files.remove, batch)
            await self._database.write(partial(self._table.delete, job_ids=batch))

    async def stop(self) -> None:
        """Sweep no more."""
        await self._sweeper.stop()
