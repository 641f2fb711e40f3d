"""
A bounded pool of threads for what would block the reactor.

Twisted's own pool takes a lock and a condition for each hand-over, which is half of the cost of
reading a large file in pieces; this one is a queue that threads take from.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

_P = ParamSpec("_P")
_T = TypeVar("_T")


class _Work:
    __slots__ = ("call", "outcome", "result")

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.outcome: Any = None
        self.result: Deferred[Any] = Deferred()


class Threads:
    """
    The pool. Its threads start when they are first needed.

    @param reactor: Where results are delivered.
    @param most: How many threads there are at most; further work waits its turn.
    @param name: Of the pool, for its threads' names.
    """

    def __init__(self, reactor: IReactorFromThreads, most: int, name: str) -> None:
        self._reactor = reactor
        self._most = most
        self._name = name
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._busy = 0

    def run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        """
        Run C{work} in a thread.

        @return: What it returns or raises. Cancelling the Deferred does not stop the thread.
        """
        item = _Work(lambda: work(*args, **kwargs))
        self._busy += 1
        if self._busy > len(self._threads) < self._most:
            name = f"{self._name}-{len(self._threads)}"
            thread = Thread(target=self._serve, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        self._queue.put(item)
        return item.result

    def stop(self) -> None:
        """End the threads once their work is done; waits for it."""
        threads, self._threads = self._threads, []
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            thread.join()

    def _serve(self) -> None:
        while (item := self._queue.get()) is not None:
            try:
                item.outcome = item.call()
            except BaseException:
                item.outcome = Failure()
            self._reactor.callFromThread(self._deliver, item)
            # What it holds must not wait for the next one.
            del item

    def _deliver(self, item: _Work) -> None:
        self._busy -= 1
        if not item.result.called:
            item.result.callback(item.outcome)
