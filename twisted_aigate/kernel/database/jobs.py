"""What is asked of the database's threads, and how they answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

ATTEMPTS_PAUSES = (0.0, 0.02, 0.1, 0.5, 1.0)
"""Seconds before each further attempt at work that a conflict or a lost connection undid."""


class Job:
    """
    Work for a thread.

    @ivar work: What is run, with the connection.
    @ivar result: Fires, in the reactor, with what it returns or raises.
    @ivar outcome: What it returned, or a L{Failure}; set by the thread.
    """

    __slots__ = ("outcome", "result", "work")

    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self.work = work
        self.result: Deferred[Any] = Deferred()
        self.outcome: Any = None


def deliver(jobs: Sequence[Job]) -> None:
    """Tell those who wait; in the reactor."""
    for job in jobs:
        # A Deferred takes a Failure as a failure.
        job.result.callback(job.outcome)


def failed(error: BaseException) -> Failure:
    """C{error} as an outcome."""
    return Failure(error, type(error), error.__traceback__)
