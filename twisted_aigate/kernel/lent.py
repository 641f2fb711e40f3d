"""Things that threads work on, and that must not be closed under them."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_aigate.kernel.threads import Threads

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Lent:
    """
    One of them, that is lent to one thread after the other.

    @param threads: Where the work is done.
    @param let_go: Closes it.
    """

    def __init__(self, threads: Threads, let_go: Callable[[], object]) -> None:
        self._threads = threads
        self._let_go = let_go
        self._at_work = False
        self._closed = False

    def run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        """
        Have a thread work on it; not to be called while one does.

        @return: What C{work} returns or raises. The thread cannot be cancelled: who L{close}s
            meanwhile hears no more of it.
        """
        outcome: Deferred[_T] = Deferred()
        self._at_work = True

        def done(result: _T | Failure) -> None:
            self._at_work = False
            if self._closed:
                self._let_go()
            elif isinstance(result, Failure):
                outcome.errback(result)
            else:
                outcome.callback(result)

        self._threads.run(work, *args, **kwargs).addBoth(done)
        return outcome

    def close(self) -> None:
        """Close it now, or as soon as no thread works on it."""
        self._closed = True
        if not self._at_work:
            self._let_go()
