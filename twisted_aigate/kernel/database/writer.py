"""The thread that writes: many writes share one commit."""

from __future__ import annotations

from collections.abc import Sequence
from queue import Empty, SimpleQueue
from threading import Event

from sqlalchemy import Engine
from twisted.internet.interfaces import IReactorFromThreads

from twisted_aigate.kernel.database.engines import flavour_of
from twisted_aigate.kernel.database.errors import is_conflict, is_connection_lost, translated
from twisted_aigate.kernel.database.jobs import ATTEMPTS_PAUSES, Job, deliver, failed
from twisted_aigate.kernel.database.sessions import Session

_MOST_PER_COMMIT = 64


class _Undone(Exception):
    """The transaction is gone before its commit: nothing of it is kept."""

    def __init__(self, error: Exception, again: bool) -> None:
        self.error = error
        self.again = again


class Writer:
    """
    Takes what waits, up to 64 jobs, and runs them in one transaction, each in a savepoint.

    The fsync of a commit takes longer than a small write: while one is under way the next jobs
    gather, and so the more there is to do, the less each costs.

    @param reactor: Where results are delivered.
    @param jobs: Where they come from; C{None} ends it.
    @param stopping: Set when there is no more waiting for a lost server.
    """

    def __init__(
        self,
        reactor: IReactorFromThreads,
        engine: Engine,
        jobs: SimpleQueue[Job | None],
        stopping: Event,
    ) -> None:
        self._reactor = reactor
        self._session = Session(engine, flavour_of(engine).writing)
        self._dialect = engine.dialect
        self._jobs = jobs
        self._stopping = stopping
        self._down = False

    def run(self) -> None:
        """The thread."""
        last = False
        while not last:
            jobs, last = self._gather()
            if jobs:
                self._write(jobs)
                self._reactor.callFromThread(deliver, jobs)
        self._session.close()

    def _gather(self) -> tuple[list[Job], bool]:
        jobs: list[Job] = []
        next_job = self._jobs.get()
        while next_job is not None:
            jobs.append(next_job)
            if len(jobs) == _MOST_PER_COMMIT:
                return jobs, False
            try:
                next_job = self._jobs.get_nowait()
            except Empty:
                return jobs, False
        return jobs, True

    def _write(self, jobs: Sequence[Job]) -> None:
        # Against a server that was not there a moment ago each batch tries once, or the queue
        # behind it would wait for ever.
        pauses = ATTEMPTS_PAUSES[:1] if self._down else ATTEMPTS_PAUSES
        for pause in pauses:
            if pause:
                self._stopping.wait(pause)
            try:
                self._transaction(jobs)
            except _Undone as undone:
                self._session.abandon(undone.error)
                self._down = is_connection_lost(undone.error, self._dialect)
                self._fail(jobs, undone.error)
                if not undone.again:
                    break
            except Exception as error:
                # The commit, or the beginning, failed. After a commit that got no answer nobody
                # knows what is kept: doing it again could do it twice.
                self._session.abandon(error)
                self._fail(jobs, error)
                return
            else:
                self._down = False
                return
        if len(jobs) > 1 and not self._down:
            self._write_singly(jobs)

    def _write_singly(self, jobs: Sequence[Job]) -> None:
        """One of them took the transaction of all with it: only that one shall fail."""
        for job in jobs:
            self._write((job,))

    def _transaction(self, jobs: Sequence[Job]) -> None:
        session = self._session
        try:
            connection = session.begin()
        except Exception as error:
            if is_connection_lost(error, self._dialect):
                raise _Undone(error, again=True) from error
            raise
        for job in jobs:
            try:
                session.run("SAVEPOINT job")
                job.outcome = job.work(connection)
                session.run("RELEASE SAVEPOINT job")
            except Exception as error:
                self._undo(job, error)
        session.run("COMMIT")

    def _undo(self, job: Job, error: Exception) -> None:
        """Undo C{job} alone, if it can be."""
        if is_conflict(error) or is_connection_lost(error, self._dialect):
            raise _Undone(error, again=True) from error
        if not self._session.in_transaction:
            raise _Undone(error, again=False) from error
        try:
            self._session.run("ROLLBACK TO SAVEPOINT job")
            self._session.run("RELEASE SAVEPOINT job")
        except Exception as worse:
            raise _Undone(worse, again=is_connection_lost(worse, self._dialect)) from error
        job.outcome = failed(translated(error, self._dialect))

    def _fail(self, jobs: Sequence[Job], error: Exception) -> None:
        ours = translated(error, self._dialect)
        for job in jobs:
            job.outcome = failed(ours)
