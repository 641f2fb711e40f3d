"""A bounded pool of threads for what would block the reactor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Threads:
    """
    The pool.

    @param reactor: Where results are delivered.
    @param most: How many threads there are at most; further work waits its turn.
    @param name: Of the pool, for its threads' names.
    """

    def __init__(self, reactor: IReactorFromThreads, most: int, name: str) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=0, maxthreads=most, name=name)
        self._pool.start()

    def run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        """
        Run C{work} in a thread.

        @return: What it returns or raises. Cancelling the Deferred does not stop the thread.
        """
        running: Deferred[Any] = deferToThreadPool(self._reactor, self._pool, work, *args, **kwargs)
        return running

    def stop(self) -> None:
        """End the threads once their work is done; waits for it."""
        self._pool.stop()
