"""Jobs: taken, looked at, given out, deleted."""

from __future__ import annotations

from functools import partial

from attrs import evolve
from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.jobs.errors import NoResponse, NoSuchJob
from twisted_aigate.jobs.files import JobFiles
from twisted_aigate.jobs.intake import Deliver, Intake
from twisted_aigate.jobs.models import CANCELLED, Ask, Job, Owner
from twisted_aigate.jobs.records import JobTable
from twisted_aigate.jobs.runner import Runner
from twisted_aigate.jobs.sealing import Seal
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.file_body import FileBody, close_in_thread
from twisted_aigate.kernel.identifiers import new_id
from twisted_aigate.kernel.shielding import shielded
from twisted_aigate.kernel.threads import Threads


class Jobs:
    """
    The jobs of this node.

    @param table: They in the database.
    @param database: The database.
    @param files: Their bodies.
    @param threads: Where those are read and written.
    @param runner: Runs them.
    @param seal: Keeps their owners' keys.
    @param clock: Keeps Unix time.
    """

    def __init__(
        self,
        table: JobTable,
        database: Database,
        files: JobFiles,
        threads: Threads,
        runner: Runner,
        seal: Seal,
        clock: IReactorTime,
    ) -> None:
        self._table = table
        self._database = database
        self._files = files
        self._threads = threads
        self._runner = runner
        self._seal = seal
        self._clock = clock

    async def take(self, owner: Owner, ask: Ask, deliver: Deliver) -> Job:
        """
        Take a job; who is cancelled before all of its body is there has not given one.

        @param deliver: Delivers the body.
        @return: The job, on stable storage.
        @raise Exception: Why the body stopped coming, or is not taken.
        """
        now = self._clock.seconds()
        job = Job(new_id(), owner.name, self._seal.close(owner), ask, now)
        intake = Intake(job, self._table, self._database, self._files, self._threads)

        async def take() -> Job:
            taken = await intake.take(deliver)
            self._runner.add(taken.id)
            return taken

        return await shielded(Deferred.fromCoroutine(take()), left=intake.leave)

    async def find(self, owner: Owner, job_id: str) -> Job:
        """
        A job.

        @raise NoSuchJob: C{owner} sees none of this id.
        """
        return _seen(owner, await self._database.read(partial(self._table.find, job_id=job_id)))

    async def page(self, owner: Owner, after: str | None, limit: int) -> list[Job]:
        """
        The jobs that C{owner} sees, the newest first.

        @param after: The last one of the page before.
        @raise NoSuchJob: There is no such one.
        """
        last = None if after is None else await self.find(owner, after)
        work = partial(self._table.page, owner=owner, after=last, limit=limit)
        return await self._database.read(work)

    async def delete(self, owner: Owner, job_id: str) -> Job:
        """
        Cancel a job, if it is not over, and forget it.

        @return: The job as it was; cancelled, when it was not over.
        @raise NoSuchJob: C{owner} sees none of this id.
        """
        # Half of it would leave a job that nobody runs.
        return await shielded(Deferred.fromCoroutine(self._delete(owner, job_id)))

    async def _delete(self, owner: Owner, job_id: str) -> Job:
        def find_and_delete(connection: Connection) -> Job:
            found = _seen(owner, self._table.find(connection, job_id))
            self._table.delete(connection, [job_id])
            return found

        job = await self._database.write(find_and_delete)
        await self._runner.cancel(job_id)
        await self._threads.run(self._files.remove, [job_id])
        return job if job.is_over else evolve(job, status=CANCELLED)

    async def content(self, job: Job) -> FileBody:
        """
        The response's body of a job that is over.

        @raise NoResponse: There is none.
        @raise NoSuchJob: It was forgotten just now.
        """
        if job.response_status is None:
            raise NoResponse
        opening = self._threads.run(self._files.open_response, job.id)
        try:
            file, size = await shielded(
                opening, unwanted=lambda opened: close_in_thread(self._threads, opened[0])
            )
        except FileNotFoundError:
            raise NoSuchJob from None
        return FileBody(self._threads, file, 0, size)


def _seen(owner: Owner, job: Job | None) -> Job:
    if job is None or not (owner.sees_all or job.owner == owner.name):
        raise NoSuchJob
    return job
