"""A thread that reads."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Event

from sqlalchemy import Engine
from twisted.internet.interfaces import IReactorFromThreads

from twisted_aigate.kernel.database.engines import flavour_of
from twisted_aigate.kernel.database.errors import is_conflict, is_connection_lost, translated
from twisted_aigate.kernel.database.jobs import ATTEMPTS_PAUSES, Job, deliver, failed
from twisted_aigate.kernel.database.sessions import Session

_TOGETHER = 8
"""Jobs whose results are delivered together at the most."""


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
        flavour = flavour_of(engine)
        self._session = Session(engine, flavour.reading)
        self._readers = flavour.readers
        self._dialect = engine.dialect
        self._jobs = jobs
        self._stopping = stopping

    def run(self) -> None:
        """The thread."""
        while (job := self._jobs.get()) is not None:
            self._serve(job)
            # What it holds, an open file say, must not wait for the next one.
            del job
        self._session.close()

    def _serve(self, first: Job) -> None:
        jobs = self._gather(first)
        for job in jobs:
            self._read(job)
        if jobs:
            self._reactor.callFromThread(deliver, jobs)

    def _gather(self, first: Job) -> list[Job]:
        # Those that wait already are told together: waking the reactor costs more than a read. No
        # more than its share: what another thread could read now must not wait for this one.
        jobs = [first]
        most = min(_TOGETHER, 1 + self._jobs.qsize() // self._readers)
        while len(jobs) < most:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                # The end is for later, or for another thread.
                self._jobs.put(None)
                break
            jobs.append(job)
        # Nobody waits for one that was cancelled.
        return [job for job in jobs if not job.result.called]

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
