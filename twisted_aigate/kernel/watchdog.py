"""A deadline that moves often and fires seldom."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Watchdog:
    """
    Calls back once when its deadline passes.

    Moving the deadline costs two attribute writes: one timer stays in the reactor and looks, when
    it fires, whether the deadline has moved on. A connection moves its deadline several times a
    request, where cancelling and adding a timer each time would show in every request's cost.

    @param clock: Where the timer lives.
    @param expired: Called with no argument when the deadline passes; the deadline is then unset.
    """

    __slots__ = ("_call", "_clock", "_deadline", "_expired")

    def __init__(self, clock: IReactorTime, expired: Callable[[], object]) -> None:
        self._clock = clock
        self._expired = expired
        self._deadline: float | None = None
        self._call: IDelayedCall | None = None

    def set(self, seconds: float) -> None:
        """Fire in C{seconds} from now, in place of any deadline before; 0: never."""
        if seconds <= 0:
            self._deadline = None
            return
        self._deadline = self._clock.seconds() + seconds
        if self._call is None:
            self._call = self._clock.callLater(seconds, self._look)
        elif self._call.getTime() > self._deadline:
            self._call.reset(seconds)

    def clear(self) -> None:
        """Have no deadline for now."""
        self._deadline = None

    def stop(self) -> None:
        """Have no deadline and leave no timer behind."""
        self._deadline = None
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        self._call = None
        if self._deadline is None:
            return
        remaining = self._deadline - self._clock.seconds()
        if remaining > 0:
            self._call = self._clock.callLater(remaining, self._look)
        else:
            self._deadline = None
            self._expired()
