"""Real worker processes for tests, driven over their pipes as the gateway drives them."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from tests.support.processors import on_one_processor
from twisted_aigate.gateway.local.protocol import (
    Cancel,
    Chunk,
    Decoder,
    Done,
    Failed,
    Frame,
    Head,
    Job,
    Ready,
    Task,
    encode,
)

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 120.0
"""Seconds until a silent worker fails its test; models are slow on a busy machine."""


class Answer:
    """All frames of one job."""

    def __init__(self, head: Head | None, chunks: list[bytes], end: Done | Failed) -> None:
        self.head = head
        self.chunks = chunks
        self.end = end

    @property
    def data(self) -> bytes:
        """The whole answer."""
        assert isinstance(self.end, Done), self.end
        return b"".join(self.chunks)

    @property
    def json(self) -> Any:
        """The whole answer, read."""
        return msgspec.json.decode(self.data)

    @property
    def events(self) -> list[Any]:
        """The events of a stream."""
        assert isinstance(self.end, Done), self.end
        return [msgspec.json.decode(chunk) for chunk in self.chunks]

    @property
    def failure(self) -> Failed:
        """The error, where there is to be one."""
        assert isinstance(self.end, Failed), self.end
        return self.end


class WorkerProcess:
    """A worker that has loaded its engine."""

    def __init__(self, engine: str) -> None:
        worker = [sys.executable, "-m", "twisted_aigate.gateway.local.worker"]
        self.process = subprocess.Popen(
            [*on_one_processor(), *worker, engine],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        self._decoder = Decoder()
        self._frames: list[Frame] = []
        self._next_id = 0
        ready = self.frame()
        assert isinstance(ready, Ready), ready

    def frame(self) -> Frame:
        """The next frame."""
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        while not self._frames:
            readable, _, _ = select.select([descriptor], [], [], PATIENCE)
            assert readable, "the worker says nothing"
            data = os.read(descriptor, 65536)
            assert data, f"the worker ended: {self.process.wait(PATIENCE)}"
            self._frames += self._decoder.feed(data)
        return self._frames.pop(0)

    def send(self, frame: Frame) -> None:
        """Say something to the worker."""
        assert self.process.stdin is not None
        self.process.stdin.write(encode(frame))
        self.process.stdin.flush()

    def start(self, task: Task, **request: object) -> int:
        """Start a job; gives its id."""
        self._next_id += 1
        self.send(Job(self._next_id, task, msgspec.json.encode(request)))
        return self._next_id

    def collect(self, *ids: int) -> dict[int, Answer]:
        """The frames of these jobs, which may come mixed, until the last of them has ended."""
        heads: dict[int, Head] = {}
        chunks: dict[int, list[bytes]] = {job_id: [] for job_id in ids}
        ends: dict[int, Done | Failed] = {}
        while len(ends) < len(ids):
            match frame := self.frame():
                case Head():
                    assert frame.id not in heads
                    heads[frame.id] = frame
                case Chunk():
                    assert frame.id in heads
                    assert frame.id not in ends
                    chunks[frame.id].append(frame.data)
                case Done() | Failed():
                    ends[frame.id] = frame
        return {job_id: Answer(heads.get(job_id), chunks[job_id], ends[job_id]) for job_id in ids}

    def run(self, task: Task, **request: object) -> Answer:
        """Run one job to its end."""
        job_id = self.start(task, **request)
        return self.collect(job_id)[job_id]

    def cancel(self, job_id: int) -> tuple[Answer, float]:
        """Cancel a job; gives the rest of its frames and the seconds until its end."""
        started = time.monotonic()
        self.send(Cancel(job_id))
        chunks: list[bytes] = []
        while True:
            frame = self.frame()
            if isinstance(frame, Chunk) and frame.id == job_id:
                chunks.append(frame.data)
            elif isinstance(frame, Done | Failed) and frame.id == job_id:
                return Answer(None, chunks, frame), time.monotonic() - started

    def close(self) -> int:
        """End the worker as the gateway's end does; gives its exit status."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        return status
