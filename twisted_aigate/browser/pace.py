"""Waiting in a browser's thread, where a request that is given up must end the wait."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import TypeVar

from twisted_aigate.browser.errors import ActionFailed, BrowserDied

_T = TypeVar("_T")
_POLL = 0.05


class Pace:
    """
    A browser's own sense of time.

    @param now: The time in seconds, from any start.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._over = Event()

    def give_up(self) -> None:
        """End every wait, from another thread: the browser is about to be ended."""
        self._over.set()

    def wait(self, seconds: float) -> None:
        """
        Let time pass.

        @raise BrowserDied: It was given up.
        """
        if self._over.wait(max(seconds, 0)):
            raise BrowserDied("the browser is being ended")

    def until(self, look: Callable[[], _T | None], timeout: float, what: str) -> _T:
        """
        Look again and again.

        @param look: C{None}: not yet.
        @param timeout: Seconds.
        @param what: What is waited for, to be told.
        @raise ActionFailed: It has not come in time.
        """
        deadline = self.now() + timeout
        while (found := look()) is None:
            if self.now() >= deadline:
                raise ActionFailed(f"timeout: {what} did not come within {timeout:g} s")
            self.wait(_POLL)
        return found
