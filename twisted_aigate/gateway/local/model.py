"""
An embedded model: its queue, and its worker while there is one.

::

              a job                  idle for too long, or SIGTERM
    no worker ─────> worker ──────────────────────────────────────> no worker
        ^               │ it dies: its jobs get a 502
        └───────────────┘

A worker that was told to end is forgotten at once and only waited for at shutdown, so the next
job starts a new one and nothing waits for the old.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorProcess, IReactorTime
from twisted.logger import Logger

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.local.job import RunningJob
from twisted_aigate.gateway.local.process import WorkerProcess
from twisted_aigate.gateway.local.protocol import Task
from twisted_aigate.gateway.local.table import LocalModelEntry
from twisted_aigate.kernel.admission import Admission, QueueFull
from twisted_aigate.kernel.processes import spawn
from twisted_aigate.kernel.watchdog import Watchdog

_RETRY_AFTER = 5
"""Seconds; a small model answers within a few."""


class LocalModel:
    """
    A model.

    @param reactor: Starts the worker.
    @param clock: Where time-outs live.
    @param entry: Which model.
    @param environment: All of the worker's environment.
    @param queue: How many jobs may wait.
    @param idle: Seconds without a job after which the worker is ended; 0: never.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorProcess,
        clock: IReactorTime,
        entry: LocalModelEntry,
        environment: Mapping[str, str],
        queue: int,
        idle: float,
    ) -> None:
        self.entry = entry
        self._reactor = reactor
        self._clock = clock
        self._environment = environment
        self._admission = Admission(entry.slots, queue)
        self._idle = idle
        self._watchdog = Watchdog(clock, self._end_idle)
        self._worker: WorkerProcess | None = None
        self._ending: set[WorkerProcess] = set()

    async def submit(
        self,
        task: Task,
        body: bytes,
        frame: Callable[[bytes], bytes] = bytes,
        tail: bytes = b"",
    ) -> tuple[RunningJob, str]:
        """
        Have a job done.

        @param frame: Makes what is sent of each chunk of the answer.
        @param tail: Sent at its end.
        @return: The job, whose answer has begun, and the answer's media type.
        @raise GatewayError: 429: too many wait; or what the model refused.
        """
        try:
            turn = self._admission.enter()
        except QueueFull:
            raise GatewayError(
                429,
                f"Too many requests wait for {self.entry.name}.",
                code="queue_full",
                retry_after=_RETRY_AFTER,
            ) from None
        await turn
        try:
            worker = self._running_worker()
            job_id = 0
            job = _Turn(lambda: worker.cancel(job_id), frame, tail, self._left)
            job_id = worker.submit(task, body, job)
        except BaseException:
            self._left()
            raise
        return job, await job.begun

    def _left(self) -> None:
        self._admission.leave()
        if self._worker is not None and self._worker.jobs == 0:
            self._watchdog.set(self._idle)

    def _running_worker(self) -> WorkerProcess:
        self._watchdog.clear()
        if self._worker is None:
            worker = WorkerProcess(self._clock, self.entry.name)
            arguments = [sys.executable, "-m", "twisted_aigate.gateway.local.worker"]
            spawn(self._reactor, worker, [*arguments, self.entry.engine], self._environment)
            worker.ended.addCallback(self._ended, worker)
            self._worker = worker
        return self._worker

    def _ended(self, how: str, worker: WorkerProcess) -> None:
        self._ending.discard(worker)
        if self._worker is worker:
            self._worker = None
            self._watchdog.clear()
            self._log.error(
                "{model}: its worker ended by itself ({how}): {stderr}",
                model=self.entry.name,
                how=how,
                stderr=worker.stderr_tail,
            )

    def _end_idle(self) -> None:
        if self._worker is not None and self._worker.jobs == 0:
            self._end()

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            self._ending.add(worker)
            worker.terminate()

    async def stop(self) -> None:
        """End the worker and wait until it is gone."""
        self._watchdog.stop()
        self._end()
        waits: list[Deferred[object]] = []
        for worker in self._ending:
            gone: Deferred[object] = Deferred()
            worker.ended.addCallback(_tell, gone)
            waits.append(gone)
        await DeferredList(waits)


def _tell(how: str, waiting: Deferred[object]) -> str:
    waiting.callback(None)
    return how


class _Turn(RunningJob):
    """A job that gives its turn back when its worker is done with it, not when its caller is."""

    def __init__(
        self,
        cancel: Callable[[], None],
        frame: Callable[[bytes], bytes],
        tail: bytes,
        left: Callable[[], None],
    ) -> None:
        super().__init__(cancel, frame, tail)
        self._left = left

    def ended(self) -> None:
        self._left()
        super().ended()

    def failed(self, error: GatewayError) -> None:
        self._left()
        super().failed(error)
