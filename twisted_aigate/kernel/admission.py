"""Turns: so many at once, so many waiting, first come first served."""

from __future__ import annotations

from twisted.internet.defer import Deferred, DeferredSemaphore


class QueueFull(Exception):
    """As many wait as may."""


class Admission:
    """
    A bounded queue in front of something that serves a few at once.

    @param slots: How many are served at once.
    @param most_waiting: How many may wait beyond them.
    """

    def __init__(self, slots: int, most_waiting: int) -> None:
        self._semaphore = DeferredSemaphore(slots)
        self._most_waiting = most_waiting

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._semaphore.waiting)

    def enter(self) -> Deferred[DeferredSemaphore]:
        """
        Wait for a turn; whoever got one calls L{leave}.

        @return: Fires when the turn has come. Cancelling it leaves the queue.
        @raise QueueFull: As many wait as may.
        """
        if self._semaphore.tokens == 0 and self.waiting >= self._most_waiting:
            raise QueueFull
        return self._semaphore.acquire()

    def leave(self) -> None:
        """The turn is over: the next one has it."""
        self._semaphore.release()
