"""A call that is on its way, and all who wait for its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import evolve
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from twisted_aigate.gateway.cache.entry import MOST
from twisted_aigate.gateway.cache.shared_body import SharedBody
from twisted_aigate.gateway.calls import Result

Over = Callable[["Flight", Result | None, bytes | None], object]


class Flight:
    """
    A call.

    Who leaves leaves the others alone; when the last one does the call is cancelled.

    @param ask: Makes the call.
    @param over: Called once, when it is over: with the flight, its answer and all of the body, the
        latter two C{None} where they are not to be had.
    @ivar ttl: Seconds to keep the answer for; C{None}: nobody wants it kept.
    @ivar begun: Somebody has joined, and so the call is made.
    """

    def __init__(self, ask: Callable[[], Awaitable[Result]], over: Over) -> None:
        self.ttl: float | None = None
        self._ask = ask
        self._over = over
        self._waiting: list[Deferred[Result]] = []
        self.begun = False
        self._work: Deferred[None] | None = None
        self._result: Result | None = None
        self._body: SharedBody | None = None
        self._failed = False

    @property
    def is_open(self) -> bool:
        """Whether one more can join."""
        return not self._failed and (self._body is None or self._body.whole)

    def join(self, ttl: float | None) -> Deferred[Result]:
        """
        Wait for the answer; the first who does has the call made.

        @param ttl: Seconds to keep the answer for; C{None}: it need not be kept.
        @return: The answer, of whose body each has their own.
        """
        if ttl is not None:
            self.ttl = ttl if self.ttl is None else max(self.ttl, ttl)
        if self._result is not None:
            return succeed(self._share(self._result))
        waiting: Deferred[Result] = Deferred(self._left)
        self._waiting.append(waiting)
        if not self.begun:
            self.begun = True
            self._work = Deferred.fromCoroutine(self._make())
        return waiting

    async def _make(self) -> None:
        try:
            result = await self._ask()
        except Exception:
            self._fail(Failure())
            return
        if self._failed:
            # Nobody waits any more, and it did not let itself be cancelled.
            result.drop()
            self._over(self, None, None)
            return
        self._result = result
        if isinstance(result.body, bytes):
            self._over(self, result, result.body)
        else:
            self._body = SharedBody(result.body, MOST, lambda body: self._over(self, result, body))
        waiting, self._waiting = self._waiting, []
        # All have theirs before any of them can leave.
        shares = [self._share(result) for _ in waiting]
        for each, share in zip(waiting, shares, strict=True):
            if not each.called:
                each.callback(share)
            else:
                share.drop()

    def _fail(self, failure: Failure) -> None:
        self._failed = True
        self._over(self, None, None)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.called:
                each.errback(Failure(failure.value))

    def _share(self, result: Result) -> Result:
        return result if self._body is None else evolve(result, body=self._body.reader())

    def _left(self, waiting: Deferred[Result]) -> None:
        if waiting not in self._waiting:
            return
        self._waiting.remove(waiting)
        if not self._waiting and self._work is not None:
            self._failed = True
            self._work.cancel()
