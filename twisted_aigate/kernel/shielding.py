"""Work that goes on when the one who waits for it leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

_T = TypeVar("_T")
_log = Logger()


def shielded(
    work: Deferred[_T],
    *,
    left: Callable[[], object] | None = None,
    unwanted: Callable[[_T], object] | None = None,
) -> Deferred[_T]:
    """
    Wait for work without a hold on it.

    @param left: Called when the waiting is cancelled.
    @param unwanted: Called with the work's result when nobody waits for it any more.
    @return: Fires as C{work} does. Cancelling it leaves the work alone; why that then fails is
        logged, unless C{left} had it cancelled.
    """

    def cancel(_: Deferred[_T]) -> None:
        if left is not None:
            left()

    waiting: Deferred[_T] = Deferred(cancel)

    def done(result: _T | Failure) -> None:
        if not waiting.called:
            waiting.callback(result)
        elif isinstance(result, Failure):
            if not result.check(CancelledError):
                _log.failure("what nobody waits for any more failed", result)
        elif unwanted is not None:
            unwanted(result)

    work.addBoth(done)
    return waiting
