"""
The engines that a worker process can run, and what they have in common.

An engine is a module with a function C{load() -> Engine}. It imports its model packages only there,
so that knowing the table costs nothing. A better model is one module and one line of C{MODULES}.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Collection
from typing import Final, Protocol

from twisted_aigate.gateway.local.protocol import Task

MODULES: Final[dict[str, str]] = {
    "chat": f"{__name__}.chat",
    "embeddings": f"{__name__}.embeddings",
    "transcription": f"{__name__}.transcription",
    "speech": f"{__name__}.speech",
}
"""The name that a worker is started with, and the module that it loads."""

_MAX_THREADS: Final = 4
"""These small models gain little from more, and several of them share the machine."""


def native_threads() -> int:
    """How many threads one model computes on: never more than the processors that it may use."""
    return min(_MAX_THREADS, len(os.sched_getaffinity(0)))


class Refused(Exception):
    """The request cannot be served; the fields are those of an OpenAI error."""

    def __init__(
        self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.status = status


class Cancelled(Exception):
    """The job was cancelled and the engine has stopped working on it."""


class Reply(Protocol):
    """Where an engine puts the answer to one job. May be used from any thread."""

    @property
    def cancelled(self) -> bool:
        """Whether the job was cancelled: the engine is to stop soon, and raise L{Cancelled}."""

    def check(self) -> None:
        """Raise L{Cancelled} if the job was cancelled."""

    def head(self, content_type: str) -> None:
        """Say what the chunks are; once, before the first of them."""

    def chunk(self, data: bytes) -> None:
        """Hand over the next bytes of the answer."""


class Engine(Protocol):
    """A loaded model."""

    @property
    def tasks(self) -> Collection[Task]:
        """What may be asked of it."""

    @property
    def slots(self) -> int:
        """How many jobs it runs at once; further ones wait in order."""

    def run(self, task: Task, body: bytes, reply: Reply) -> None:
        """
        Do one job, in a thread of its own.

        @param body: The request's JSON.
        @raise Refused: The request cannot be served.
        @raise Cancelled: The job was cancelled on the way.
        """


def load(name: str) -> Engine:
    """Load the engine of this name, one of C{MODULES}."""
    engine: Engine = importlib.import_module(MODULES[name]).load()
    return engine
