"""The most memory that a process has while something is done to it."""

from __future__ import annotations

import threading
import time

from bench.common.processes import Child

_PERIOD = 0.02


class Watch:
    """
    Looks at a process's memory all the time, in a thread; a context manager.

    @ivar peak: The most resident bytes that it has seen.
    """

    def __init__(self, child: Child) -> None:
        self._child = child
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.peak = 0

    def _look(self) -> None:
        while not self._over.is_set():
            self.peak = max(self.peak, self._child.resident())
            time.sleep(_PERIOD)

    def __enter__(self) -> Watch:
        """Look from now on."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()
