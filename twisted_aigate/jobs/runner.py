"""The queue: so many jobs at once, first come first served."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from twisted.internet.defer import Deferred

from twisted_aigate.jobs.run import Run, Workshop


class Runner:
    """
    Runs jobs.

    @param workshop: What their runs work with.
    @param most: How many run at once.
    """

    def __init__(self, workshop: Workshop, most: int) -> None:
        self._workshop = workshop
        self._most = most
        # An ordered set: the first is the next.
        self._waiting: dict[str, None] = {}
        self._runs: dict[str, Run] = {}
        self._open = False
        self._drained: list[Deferred[None]] = []

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many run."""
        return len(self._runs)

    def start(self, job_ids: Iterable[str]) -> None:
        """Begin with what an earlier server has left."""
        self._waiting.update(dict.fromkeys(job_ids))
        self._open = True
        self._fill()

    def add(self, job_id: str) -> None:
        """Run a job when its turn has come."""
        self._waiting[job_id] = None
        self._fill()

    async def cancel(self, job_id: str) -> None:
        """Have a job run no more, and wait until it does not."""
        self._waiting.pop(job_id, None)
        run = self._runs.get(job_id)
        if run is not None:
            run.stop()
            await run.over.wait()

    def drain(self) -> Deferred[None]:
        """
        Start no further job.

        @return: Fires when none runs.
        """
        self._open = False
        drained: Deferred[None] = Deferred()
        self._drained.append(drained)
        self._tell()
        return drained

    def cut(self) -> None:
        """Stop those that run; a restarted server runs them again."""
        for run in list(self._runs.values()):
            run.stop()

    def _fill(self) -> None:
        while self._open and self._waiting and len(self._runs) < self._most:
            job_id = next(iter(self._waiting))
            del self._waiting[job_id]
            self._runs[job_id] = run = Run(job_id, self._workshop)
            run.over.wait().addCallback(partial(self._ended, job_id))
            run.start()

    def _ended(self, job_id: str, _: None) -> None:
        del self._runs[job_id]
        self._fill()
        self._tell()

    def _tell(self) -> None:
        if not self._runs and not self._open:
            drained, self._drained = self._drained, []
            for each in drained:
                each.callback(None)
