"""Signals: stop, stop at once, re-read the configuration."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

from twisted.internet.interfaces import IReactorFromThreads


class SignalHandlers:
    """
    Turns signals into calls in the reactor.

    Twisted's own handler takes the second SIGTERM for a fault; here it means "at once".

    @param reactor: Where the calls are made.
    @param stop: Called at the first SIGTERM or SIGINT.
    @param stop_now: Called at each further one.
    @param reload: Called at SIGHUP.
    """

    def __init__(
        self,
        reactor: IReactorFromThreads,
        stop: Callable[[], object],
        stop_now: Callable[[], object],
        reload: Callable[[], object],
    ) -> None:
        self._reactor = reactor
        self._stop = stop
        self._stop_now = stop_now
        self._reload = reload
        self._stopping = False

    def install(self) -> None:
        """Take the signals; to be called when the reactor has installed its own handlers."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        act = self._stop_now if self._stopping else self._stop
        self._stopping = True
        self._reactor.callFromThread(act)

    def _on_reload(self, number: int, frame: FrameType | None) -> None:
        self._reactor.callFromThread(self._reload)
