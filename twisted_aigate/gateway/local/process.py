"""A worker process, from this side: jobs in, answers out."""

from __future__ import annotations

import contextlib

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.local import protocol
from twisted_aigate.gateway.local.job import RunningJob
from twisted_aigate.kernel.processes import ChildProcess
from twisted_aigate.kernel.units import SECOND

LOAD_TIMEOUT = 60 * SECOND
CANCEL_TIMEOUT = 15 * SECOND
"""How long a worker may go on with a job that was cancelled before it counts as stuck."""


class WorkerProcess(ChildProcess):
    """
    A worker.

    @param clock: Where time-outs live.
    @param model: The model's name, for errors and the log.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, model: str) -> None:
        super().__init__(clock)
        self._model = model
        self._decoder = protocol.Decoder()
        self._jobs: dict[int, RunningJob] = {}
        self._deadlines: dict[int, IDelayedCall] = {}
        self._next_id = 0
        self._loading = clock.callLater(LOAD_TIMEOUT, self._stuck, "it did not load")

    @property
    def jobs(self) -> int:
        """How many jobs it has."""
        return len(self._jobs)

    def submit(self, task: protocol.Task, body: bytes, job: RunningJob) -> int:
        """
        Give it a job.

        @return: The job's id, for L{cancel}.
        """
        self._next_id += 1
        self._jobs[self._next_id] = job
        self._send(protocol.Job(self._next_id, task, body))
        return self._next_id

    def cancel(self, job_id: int) -> None:
        """Have it stop a job. The job stays its own until it says so."""
        if job_id in self._jobs and job_id not in self._deadlines:
            self._send(protocol.Cancel(job_id))
            self._deadlines[job_id] = self._clock.callLater(
                CANCEL_TIMEOUT, self._stuck, "it did not stop"
            )

    def _send(self, frame: protocol.Frame) -> None:
        # Once its input is closed it is about to end, and then its jobs fail.
        with contextlib.suppress(KeyError):
            self.transport.writeToChild(0, protocol.encode(frame))

    def outReceived(self, data: bytes) -> None:
        """The worker says something."""
        try:
            frames = self._decoder.feed(data)
        except protocol.FrameError as error:
            self._stuck(f"it sent {error}")
            return
        for frame in frames:
            self._act(frame)

    def _act(self, frame: protocol.Frame) -> None:
        match frame:
            case protocol.Ready(seconds=seconds):
                self._stop_loading()
                self._log.info("{model} loaded in {seconds} s", model=self._model, seconds=seconds)
            case protocol.Head(id=job_id, content_type=content_type):
                if job_id in self._jobs:
                    self._jobs[job_id].headed(content_type)
            case protocol.Chunk(id=job_id, data=data):
                if job_id in self._jobs:
                    self._jobs[job_id].received(data)
            case protocol.Done(id=job_id):
                self._finished(job_id, None)
            case protocol.Failed(id=job_id):
                error = GatewayError(
                    frame.status, frame.message, param=frame.param, code=frame.code
                )
                self._finished(job_id, error)
            case _:
                self._stuck(f"it sent a {type(frame).__name__}")

    def _finished(self, job_id: int, error: GatewayError | None) -> None:
        job = self._jobs.pop(job_id, None)
        deadline = self._deadlines.pop(job_id, None)
        if deadline is not None:
            deadline.cancel()
        if job is not None:
            if error is None:
                job.ended()
            else:
                self._log.debug(
                    "{model}: job {job} ended with {status}",
                    model=self._model,
                    job=job_id,
                    status=error.status,
                )
                job.failed(error)

    def _stop_loading(self) -> None:
        if self._loading.active():
            self._loading.cancel()

    def _stuck(self, why: str) -> None:
        self._log.error("{model}: ending its worker: {why}", model=self._model, why=why)
        self.kill()

    def processEnded(self, reason: Failure) -> None:
        """The worker is gone: its jobs have no answer."""
        self._stop_loading()
        # First, so that whoever gets a turn out of these failures finds no dead worker.
        super().processEnded(reason)
        for job_id in list(self._jobs):
            self._finished(
                job_id,
                GatewayError(
                    502,
                    f"The worker process of {self._model} ended in mid-call.",
                    code="worker_died",
                ),
            )
