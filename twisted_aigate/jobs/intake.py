"""Taking a job: its body to disk, itself to the database, in this order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer

from twisted_aigate.jobs.files import JobFiles
from twisted_aigate.jobs.models import Job
from twisted_aigate.jobs.records import JobTable
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.offload import Offload
from twisted_aigate.kernel.threads import Threads

Deliver = Callable[[IConsumer], Deferred[None]]


class Intake:
    """
    The taking of one job.

    @param job: The job.
    @param table: The jobs in the database.
    @param database: The database.
    @param files: Their bodies.
    @param threads: Where those are written.
    """

    def __init__(
        self, job: Job, table: JobTable, database: Database, files: JobFiles, threads: Threads
    ) -> None:
        self._job = job
        self._table = table
        self._database = database
        self._files = files
        self._threads = threads
        self._left = False
        self._delivering: Deferred[None] | None = None

    async def take(self, deliver: Deliver) -> Job:
        """
        Take it. It is not to be cancelled; see L{leave}.

        @param deliver: Delivers its body.
        @return: The job, on stable storage.
        @raise CancelledError: Who sent it left before all of it was there.
        @raise Exception: It is not taken.
        """
        job_id = self._job.id
        try:
            await self._threads.run(self._files.make, job_id)
            await self._write(deliver)
            await self._database.write(partial(self._table.insert, job=self._job))
        except BaseException:
            # When nobody can say whether the database has it, it has not: no one was told of it.
            await self._threads.run(self._files.remove, [job_id])
            raise
        return self._job

    def leave(self) -> None:
        """Who sends it is gone: what has not come will not."""
        self._left = True
        if self._delivering is not None:
            self._delivering.cancel()

    async def _write(self, deliver: Deliver) -> None:
        written = self._files.request(self._job.id)
        offload = Offload(self._threads, written.write)

        def begin(consumer: IConsumer) -> Deferred[None]:
            self._delivering = deliver(consumer)
            return self._delivering

        try:
            if self._left:
                raise CancelledError
            await offload.take(begin)
            await self._threads.run(written.finish)
        finally:
            self._delivering = None
            offload.stop()
            await offload.settled()
            await self._threads.run(written.close)
