"""Something that happens once, and that any number wait for."""

from __future__ import annotations

from typing import Generic, TypeVar

from twisted.internet.defer import Deferred

_T = TypeVar("_T")


class Latch(Generic[_T]):
    """
    Opens once, with a value.

    @ivar value: The value; C{None} until then.
    """

    def __init__(self) -> None:
        self.value: _T | None = None
        self._is_open = False
        self._waiting: list[Deferred[_T]] = []

    def wait(self) -> Deferred[_T]:
        """
        Wait until it opens.

        @return: Fires with the value, at once when it is open already. Cancelling it ends this
            waiting and no other.
        """
        waiting: Deferred[_T] = Deferred(self._waiting.remove)
        if self._is_open:
            waiting.callback(self.value)  # type: ignore[arg-type]  # open: there is a value
        else:
            self._waiting.append(waiting)
        return waiting

    def open(self, value: _T) -> None:
        """Open it; once it is open, nothing changes."""
        if self._is_open:
            return
        self._is_open, self.value = True, value
        # One by one: who is told may cancel the waiting of others.
        while self._waiting:
            self._waiting.pop(0).callback(value)
