"""One run of a job: from what was sent to what is answered, from file to file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from attrs import frozen
from sqlalchemy import Connection
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer, IReactorTime
from twisted.logger import Logger

from twisted_aigate.interfaces import Posts
from twisted_aigate.jobs.files import JobFiles
from twisted_aigate.jobs.models import COMPLETED, FAILED, Fields, Job
from twisted_aigate.jobs.records import JobTable
from twisted_aigate.jobs.sealing import Seal
from twisted_aigate.kernel.database import Database, DatabaseUnavailable
from twisted_aigate.kernel.file_body import FileBody
from twisted_aigate.kernel.identifiers import current_request_id
from twisted_aigate.kernel.latch import Latch
from twisted_aigate.kernel.offload import Offload
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import SECOND

_RETRY = 5 * SECOND
_T = TypeVar("_T")
_Response = tuple[int, Fields]


class _Stopped(Exception):
    """The run is to end, and its outcome is nobody's."""


@frozen
class Workshop:
    """
    What runs work with.

    @ivar posts: What answers.
    @ivar table: The jobs in the database.
    @ivar database: The database.
    @ivar files: Their bodies.
    @ivar threads: Where those are read and written.
    @ivar seal: Opens their owners' keys.
    @ivar clock: Keeps Unix time.
    """

    posts: Posts
    table: JobTable
    database: Database
    files: JobFiles
    threads: Threads
    seal: Seal
    clock: IReactorTime


class Run:
    """
    A run.

    @param job_id: The job's id.
    @param workshop: What it works with.
    @ivar over: Opens when it has let go of everything.
    """

    _log = Logger()

    def __init__(self, job_id: str, workshop: Workshop) -> None:
        self.over: Latch[None] = Latch()
        self._id = job_id
        self._shop = workshop
        self._stopped = False
        self._head: _Response | None = None
        # What a stop cancels; all else goes on to its end.
        self._waiting: Deferred[bool] | Deferred[None] | None = None

    def start(self) -> None:
        """Begin."""
        running = Deferred.fromCoroutine(self._run())
        running.addErrback(lambda failure: self._log.failure("a job failed", failure))
        running.addCallback(self.over.open)

    def stop(self) -> None:
        """Cancel the call; the job is as it was before, as the database has it."""
        self._stopped = True
        if self._waiting is not None:
            self._waiting.cancel()

    async def _run(self) -> None:
        shop = self._shop
        try:
            job = await self._kept(shop.database.read, partial(shop.table.find, job_id=self._id))
            if job is None:
                return
            current_request_id.set(job.ask.request_id)
            now = shop.clock.seconds()
            started = partial(shop.table.started, job_id=self._id, now=now)
            await self._kept(shop.database.write, started)
            response = await self._answer(job)
            failed = response is None or response[0] >= 400
            finished = partial(
                shop.table.finished,
                job_id=self._id,
                status=FAILED if failed else COMPLETED,
                response=response,
                now=shop.clock.seconds(),
            )
            await self._kept(shop.database.write, finished)
            await shop.threads.run(shop.files.drop_request, self._id)
        except _Stopped:
            return

    async def _kept(
        self,
        submit: Callable[[Callable[[Connection], _T]], Deferred[_T]],
        work: Callable[[Connection], _T],
    ) -> _T:
        """Do work on the database, as soon as there is one."""
        while True:
            try:
                return await submit(work)
            except DatabaseUnavailable as error:
                self._log.error("job {job} waits: {error}", job=self._id, error=str(error))
            if self._stopped:
                raise _Stopped
            await self._pause()

    async def _pause(self) -> None:
        pause: Deferred[None] = Deferred(lambda _: call.cancel())
        call = self._shop.clock.callLater(_RETRY, pause.callback, None)
        self._waiting = pause
        try:
            await pause
        except CancelledError:
            raise _Stopped from None
        finally:
            self._waiting = None

    async def _answer(self, job: Job) -> _Response | None:
        """The response, once it is on disk; C{None}: there is none."""
        threads, files = self._shop.threads, self._shop.files
        written = files.response(self._id)
        offload = Offload(threads, written.write)
        try:
            file, size = await threads.run(files.open_request, self._id)
            body = FileBody(threads, file, 0, size)
            if self._stopped:
                body.stopProducing()
                raise _Stopped
            whole = False

            def deliver(consumer: IConsumer) -> Deferred[None]:
                def ended(result: bool) -> None:
                    nonlocal whole
                    whole = result

                posting = self._post(job, body, consumer)
                self._waiting = posting
                return posting.addCallback(ended)

            await offload.take(deliver)
            await threads.run(written.finish)
            if whole:
                return self._head
            self._log.error("job {job}: its response was cut off", job=self._id)
        except Exception as error:
            if self._stopped or isinstance(error, _Stopped):
                raise _Stopped from None
            self._log.failure("job {job} has no response", job=self._id)
        finally:
            self._waiting = None
            offload.stop()
            await offload.settled()
            await threads.run(written.close)
        return None

    def _post(self, job: Job, body: FileBody, consumer: IConsumer) -> Deferred[bool]:
        key = self._shop.seal.open(job.sealed_key)
        fields = (
            *job.ask.fields,
            (b"authorization", b"Bearer " + key),
            (b"x-request-id", job.ask.request_id.encode("ascii")),
        )
        ask = job.ask
        return self._shop.posts.post(ask.target, fields, ask.client, body, self._begin, consumer)

    def _begin(self, status: int, fields: Fields) -> None:
        # What frames the message is the new message's own.
        framing = (b"content-length", b"transfer-encoding", b"connection")
        kept = tuple(field for field in fields if field[0].lower() not in framing)
        self._head = (status, kept)
