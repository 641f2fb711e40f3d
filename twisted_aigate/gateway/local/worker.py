"""
The process that one embedded model lives in: C{python -m twisted_aigate.gateway.local.worker NAME}.

It takes jobs on its standard input and answers on its standard output (see C{protocol}); what a
library prints goes to standard error. It ends when its input ends, for then the gateway is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from twisted_aigate.gateway.local import engines, protocol
from twisted_aigate.gateway.local.protocol import (
    Cancel,
    Chunk,
    Done,
    Failed,
    Frame,
    Head,
    Job,
    Ready,
)

READ_SIZE: Final = 64 * 1024
PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
CLIENT_CLOSED_REQUEST: Final = 499  # nginx's number for it; no RFC has one
OFFLINE: Final = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "LLAMA_OFFLINE": "1",
}
"""For the model libraries, before they are imported: a model is in its wheel or nowhere."""

Send = Callable[[Frame], None]


class JobReply:
    """The L{engines.Reply} that becomes frames."""

    def __init__(self, job_id: int, send: Send) -> None:
        self._id = job_id
        self._send = send
        self._cancelled = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether to stop."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Ask the engine to stop; from any thread."""
        self._cancelled.set()

    def check(self) -> None:
        """Raise L{engines.Cancelled} if it was."""
        if self.cancelled:
            raise engines.Cancelled

    def head(self, content_type: str) -> None:
        """Send a L{Head}."""
        self._send(Head(self._id, content_type))

    def chunk(self, data: bytes) -> None:
        """Send a L{Chunk}."""
        self._send(Chunk(self._id, data))


class Worker:
    """
    Runs an engine's jobs: as many at once as it has slots, the others in order after them.

    @param send: Writes one frame to the gateway; may be called from any thread.
    """

    def __init__(self, engine: engines.Engine, send: Send) -> None:
        self._engine = engine
        self._send = send
        self._pool = ThreadPoolExecutor(engine.slots, thread_name_prefix="job")
        self._lock = threading.Lock()
        self._jobs: dict[int, tuple[JobReply, Future[None]]] = {}

    def receive(self, frame: Frame) -> None:
        """Act on one frame of the gateway."""
        match frame:
            case Job():
                reply = JobReply(frame.id, self._send)
                # Under the lock, so that a job that ends at once finds its own entry to delete.
                with self._lock:
                    future = self._pool.submit(self._run, frame, reply)
                    self._jobs[frame.id] = reply, future
            case Cancel():
                self._cancel(frame.id)
            case _:
                raise protocol.FrameError(f"{type(frame).__name__} is not for a worker")

    def _cancel(self, job_id: int) -> None:
        with self._lock:
            reply, future = self._jobs.get(job_id, (None, None))
        if reply is None or future is None:
            return
        reply.cancel()
        if future.cancel():  # still in the queue: no thread will end it
            self._finish(job_id, _cancelled(job_id))

    def _run(self, job: Job, reply: JobReply) -> None:
        try:
            reply.check()
            if job.task not in self._engine.tasks:
                raise engines.Refused(f"This model has no task {job.task!r}.")
            self._engine.run(job.task, job.body, reply)
            end: Done | Failed = Done(job.id)
        except engines.Cancelled:
            end = _cancelled(job.id)
        except engines.Refused as refused:
            end = Failed(job.id, refused.status, refused.message, refused.param, refused.code)
        except Exception as error:  # a fault in a library ends its job, not the worker
            traceback.print_exc()
            end = Failed(job.id, 500, f"{type(error).__name__}: {error}")
        self._finish(job.id, end)

    def _finish(self, job_id: int, end: Done | Failed) -> None:
        with self._lock:
            del self._jobs[job_id]
        self._send(end)


def _cancelled(job_id: int) -> Failed:
    return Failed(job_id, CLIENT_CLOSED_REQUEST, "The request was cancelled.", code="cancelled")


def frame_writer(descriptor: int) -> Send:
    """Make a function that writes frames whole, one at a time, to this pipe."""
    lock = threading.Lock()

    def send(frame: Frame) -> None:
        data = memoryview(protocol.encode(frame))
        with lock:
            try:
                while data:
                    data = data[os.write(descriptor, data) :]
            except OSError:
                os._exit(0)  # nobody reads any more

    return send


def take_pipes() -> tuple[int, int]:
    """
    Move the pipes to descriptors of their own, and give the libraries harmless ones.

    C++ code prints to descriptor 1 whatever C{sys.stdout} is: that one becomes standard error.

    @return: The descriptors to read frames from and to write frames to.
    """
    source, sink = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return source, sink


def die_with_parent() -> None:
    """Have the kernel kill this process with its parent; elsewhere, the input's end must do."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main(arguments: Sequence[str]) -> int:
    """
    Load the engine of this name and serve until the input ends.

    @return: The exit status, 2 for wrong arguments; a started worker does not return.
    """
    started = time.monotonic()
    if len(arguments) != 1 or arguments[0] not in engines.MODULES:
        sys.stderr.write(f"usage: worker {{{','.join(engines.MODULES)}}}\n")
        return 2
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the group: the gateway decides
    os.environ.update(OFFLINE)
    source, sink = take_pipes()
    send = frame_writer(sink)
    worker = Worker(engines.load(arguments[0]), send)
    send(Ready(round(time.monotonic() - started, 3)))
    decoder = protocol.Decoder()
    try:
        while data := os.read(source, READ_SIZE):
            for frame in decoder.feed(data):
                worker.receive(frame)
    except protocol.FrameError:
        traceback.print_exc()
        os._exit(3)
    os._exit(0)  # threads in native code cannot be joined


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
