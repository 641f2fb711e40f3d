"""A thread that reads."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Event

from sqlalchemy import Engine
from twisted.internet.interfaces import IReactorFromThreads

from twisted_aigate.kernel.database.engines import flavour_of
from twisted_aigate.kernel.database.errors import is_conflict, is_connection_lost, translated
from twisted_aigate.kernel.database.jobs import ATTEMPTS_PAUSES, Job, deliver, failed
from twisted_aigate.kernel.database.sessions import Session


class Reader:
    """
    Runs one job after the other, each in a read-only transaction.

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
        self._session = Session(engine, flavour_of(engine).reading)
        self._dialect = engine.dialect
        self._jobs = jobs
        self._stopping = stopping

    def run(self) -> None:
        """The thread."""
        while (job := self._jobs.get()) is not None:
            if job.result.called:
                continue  # Cancelled: nobody waits for it.
            self._read(job)
            self._reactor.callFromThread(deliver, (job,))
            # What it holds, an open file say, must not wait for the next one.
            del job
        self._session.close()

    def _read(self, job: Job) -> None:
        for pause in ATTEMPTS_PAUSES:
            if pause:
                self._stopping.wait(pause)
            try:
                job.outcome = job.work(self._session.begin())
                self._session.run("COMMIT")
            except Exception as error:
                self._session.abandon(error)
                job.outcome = failed(translated(error, self._dialect))
                if not (is_conflict(error) or is_connection_lost(error, self._dialect)):
                    return
            else:
                return
