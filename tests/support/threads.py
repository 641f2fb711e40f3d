"""Threads that run nothing by themselves."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred


class HeldThreads:
    """
    Stands in for L{twisted_aigate.kernel.threads.Threads}: work runs when the test says so.

    @ivar held: The test calls L{work}; otherwise work is done at once.
    """

    def __init__(self, held: bool = False) -> None:
        self.held = held
        self._queue: deque[tuple[Deferred[Any], Callable[[], Any]]] = deque()

    def __len__(self) -> int:
        """How much work waits."""
        return len(self._queue)

    def run(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Do C{work}, now or when the test says so."""
        if not self.held:
            return maybeDeferred(work, *args, **kwargs)
        done: Deferred[Any] = Deferred()
        self._queue.append((done, lambda: work(*args, **kwargs)))
        return done

    def work(self) -> None:
        """Do the work that waits longest."""
        done, work = self._queue.popleft()
        maybeDeferred(work).addBoth(done.callback)

    def work_off(self) -> None:
        """Do all work, and what follows from it."""
        while self._queue:
            self.work()
