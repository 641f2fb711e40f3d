"""
Which request has which replica, and who waits: first come first served.

A request that is pinned waits for its replica. Any other gets the one that has been idle longest,
of those that no client has lately been pinned to if there is one; a replica that does not run is
started when none of these is free.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from attrs import define, field
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.browser.errors import BrowserError
from twisted_aigate.browser.launching import Launcher
from twisted_aigate.browser.replica import Replica
from twisted_aigate.kernel.units import MINUTE

_HELD = 10 * MINUTE
"""How long, after a client came with its name, a replica is left to that client if possible."""

_COMING = ("starting", "healing")


def replica_names(count: int) -> list[str]:
    """The names of so many replicas."""
    return [f"browser{number}" for number in range(1, count + 1)]


@define(eq=False)
class _Waiter:
    pin: str | None
    got: Deferred[Replica] = field(factory=Deferred)


class Pool:
    """
    The replicas.

    @param clock: Where queue time-outs live.
    @param launcher: Starts browsers.
    @param count: How many replicas there are.
    @param queue_timeout: Seconds that a request waits; 0: any time.
    @ivar replicas: By name.
    """

    def __init__(
        self, clock: IReactorTime, launcher: Launcher, count: int, queue_timeout: float
    ) -> None:
        self._clock = clock
        self._queue_timeout = queue_timeout
        self._line: list[_Waiter] = []
        self._held_until: dict[str, float] = {}
        self._stopping = False
        self.replicas = {
            name: Replica(name, launcher, clock, self._changed) for name in replica_names(count)
        }

    @property
    def queued(self) -> int:
        """How many requests wait."""
        return len(self._line)

    async def take(self, pin: str | None) -> Replica:
        """
        Wait for a replica; whoever got it calls L{release}. Cancelling leaves the line.

        @param pin: The name of the only one that will do; one that there is not means nothing.
        @raise BrowserError: 503: none came free in time, or none starts.
        """
        if self._stopping:
            raise BrowserError(503, "The server is stopping.")
        if pin not in self.replicas:
            pin = None
        else:
            self._held_until[pin] = self._clock.seconds() + _HELD
        waiter = _Waiter(pin)
        self._line.append(waiter)
        waiter.got.addErrback(self._left, waiter)
        self._serve()
        if self._queue_timeout and not waiter.got.called:
            waiter.got.addTimeout(self._queue_timeout, self._clock)
        try:
            return await waiter.got
        except TimeoutError:
            raise BrowserError(
                503, f"No browser came free within {self._queue_timeout:g} s."
            ) from None

    def release(self, replica: Replica) -> None:
        """The request is over."""
        replica.events.freed()

    def _left(self, failure: object, waiter: _Waiter) -> object:
        if waiter in self._line:
            self._line.remove(waiter)
        return failure

    def _changed(self, replica: Replica) -> None:
        if replica.state == "absent" and replica.failure is not None:
            self._tell_failure(replica)
        self._serve()

    def _tell_failure(self, replica: Replica) -> None:
        # Only who can have no other is told: the next in line tries again.
        for waiter in self._line:
            if waiter.pin in (None, replica.name):
                self._line.remove(waiter)
                waiter.got.errback(
                    BrowserError(503, f"The browser does not start: {replica.failure}.")
                )
                return

    def _serve(self) -> None:
        coming = sum(replica.state in _COMING for replica in self.replicas.values())
        for waiter in list(self._line):
            if waiter not in self._line:
                # Served by what this loop has set off.
                continue
            replica = self._pinned(waiter.pin) if waiter.pin else self._free()
            if replica is None and not waiter.pin:
                if coming:
                    # One that is being started is for this one.
                    coming -= 1
                    continue
                replica = self._absent() or self._longest_idle()
            if replica is None:
                continue
            if replica.state == "idle":
                self._line.remove(waiter)
                replica.take()
                waiter.got.callback(replica)
            else:
                replica.want()

    def _pinned(self, pin: str) -> Replica | None:
        replica = self.replicas[pin]
        return replica if replica.state in ("idle", "absent") else None

    def _free(self) -> Replica | None:
        """The one that has been idle longest, of those that are left to no client."""
        now = self._clock.seconds()
        return self._longest_idle({n for n, until in self._held_until.items() if until > now})

    def _longest_idle(self, without: Collection[str] = ()) -> Replica | None:
        idle = [r for r in self.replicas.values() if r.state == "idle" and r.name not in without]
        return min(idle, key=lambda replica: replica.idle_since, default=None)

    def _absent(self) -> Replica | None:
        return next((r for r in self.replicas.values() if r.state == "absent"), None)

    def status(self) -> Sequence[Replica]:
        """The replicas, in the order of their names."""
        return list(self.replicas.values())

    async def stop(self) -> None:
        """End all browsers; whoever waits is told."""
        self._stopping = True
        line, self._line = self._line, []
        for waiter in line:
            waiter.got.errback(BrowserError(503, "The server is stopping."))
        for replica in self.replicas.values():
            replica.events.stop()
        for replica in self.replicas.values():
            await replica.over.wait()
