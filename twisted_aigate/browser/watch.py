"""Looks at browsers that run: one that takes too much is started anew."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.browser.errors import ActionFailed, BrowserDied
from twisted_aigate.browser.replica import Replica
from twisted_aigate.browser.session import Footprint
from twisted_aigate.kernel.units import GB, SECOND

PERIOD = 5 * SECOND
MOST_DOWNLOADED = 2 * GB
"""Bytes that a browser may have downloaded."""

_WHEN_BUSY = 2
"""How many times its memory a browser may take while it has a request."""


class Watch:
    """
    Looks at all browsers, every few seconds.

    @param clock: Where the time in between lives.
    @param replicas: The browsers.
    @param memory_limit: Bytes of memory that one may take; 0: any.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, replicas: Iterable[Replica], memory_limit: int) -> None:
        self._clock = clock
        self._replicas = replicas
        self._memory_limit = memory_limit
        self._call: IDelayedCall | None = None
        self._stopped = False

    def start(self) -> None:
        """Look from now on."""
        self._call = self._clock.callLater(PERIOD, self._look)

    def stop(self) -> None:
        """Look no more."""
        self._stopped = True
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _look(self) -> None:
        looking = Deferred.fromCoroutine(self._look_at_all())
        looking.addErrback(self._failed)
        looking.addCallback(lambda _: None if self._stopped else self.start())

    def _failed(self, failure: Failure) -> None:
        self._log.failure("browsers could not be looked at", failure)

    async def _look_at_all(self) -> None:
        for replica in self._replicas:
            session = replica.session
            if session is None:
                continue
            try:
                footprint = await session.footprint()
            except (ActionFailed, BrowserDied) as error:
                why: str | None = str(error)
            else:
                why = self._too_much(footprint, busy=replica.state == "busy")
            if why is not None and replica.session is session:
                replica.events.broken(why)

    def _too_much(self, footprint: Footprint, *, busy: bool) -> str | None:
        limit = self._memory_limit * (_WHEN_BUSY if busy else 1)
        if limit and footprint.memory > limit:
            return f"it takes {footprint.memory} bytes of memory"
        if footprint.downloaded > MOST_DOWNLOADED:
            return f"it has downloaded {footprint.downloaded} bytes"
        return None
