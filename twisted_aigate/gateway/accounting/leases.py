"""
Leases: parts of budgets that this process holds for its next calls, not for one alone.

A key with much left is not asked for in the database at each call: one row holds enough for many,
and calls are held against that here. What they cost moves from the row to what the key has spent.
A lease ends when it is used up, old, or idle: its row then holds what its calls in hand may cost,
and goes when the last of them is over.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field, frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_aigate.gateway.accounting.holds import Freed
from twisted_aigate.kernel.units import MINUTE, SECOND

IDLE = 5 * SECOND
"""After which a lease that no call needs is given back: others may want it."""
OLDEST = 1 * MINUTE
"""After which it is looked at again whether the key has a budget, and how much is left."""

_CALLS = 256
_SHARE = 16
_AMPLE = 64


def leased(left: int, amount: int) -> int | None:
    """
    How much a lease may be.

    @param left: What is left of the budget, in billionths of a dollar.
    @param amount: The most that a call can cost.
    @return: C{None}: so little is left that each call is held by itself.
    """
    return None if left < _AMPLE * amount else min(left // _SHARE, _CALLS * amount)


@frozen
class Terms:
    """
    The terms of a lease.

    @ivar changed_at: When the key was last changed: what was changed since does not hold for it.
    @ivar period_ends_at: When what is left of the budget is another sum; C{None}: never.
    """

    changed_at: float
    period_ends_at: float | None


@define(eq=False)
class Lease:
    """
    A lease.

    @ivar row: The id of its row in the database.
    @ivar free: What of it no call of ours holds.
    @ivar held: What calls hold of it.
    @ivar calls: How many do.
    @ivar used_at: When the last call came.
    @ivar ends_at: When it is too old.
    @ivar changed_at: Who knows of a later change of the key can hold nothing of it.
    @ivar timer: Looks whether it is idle, as long as calls may come.
    """

    row: str
    free: int
    used_at: float
    ends_at: float
    changed_at: float
    held: int = 0
    calls: int = 0
    timer: IDelayedCall | None = field(default=None, repr=False)


@frozen
class Hold:
    """
    What is held for a call.

    @ivar row: The id of the row in the database that holds it.
    @ivar amount: How much, in billionths of a dollar.
    @ivar lease: The lease that it is part of; C{None}: the row is the call's alone.
    """

    row: str
    amount: int
    lease: Lease | None = None

    def freed(self, cost: int) -> Freed | None:
        """
        What the database lets go of when the call is over.

        @param cost: What it has cost.
        """
        if self.lease is None:
            return Freed(self.row)
        return Freed(self.row, cost) if cost else None


class Leases:
    """
    The leases of this process, one a key.

    @param clock: Where they grow old.
    @param ended: Called with the row of one that has ended, and what its calls still hold of it;
        C{None}: they are over.
    """

    def __init__(self, clock: IReactorTime, ended: Callable[[str, int | None], object]) -> None:
        self._clock = clock
        self._ended = ended
        self._leases: dict[str, Lease] = {}

    def __contains__(self, token: str) -> bool:
        """Whether there is a lease of a key."""
        return token in self._leases

    def take(self, token: str, amount: int, changed_at: float) -> Hold | None:
        """
        Hold a part of a key's lease.

        @param changed_at: When the key was last changed, as far as the caller knows.
        @return: C{None}: there is none that has as much. One that has not is ended.
        """
        lease = self._leases.get(token)
        if lease is None:
            return None
        old = self._clock.seconds() >= lease.ends_at or changed_at > lease.changed_at
        if old or lease.free < amount:
            self.end(token)
            return None
        return self._part(lease, amount)

    def add(self, token: str, row: str, amount: int, terms: Terms, first: int) -> Hold:
        """
        Have a lease from which calls of a key can be held.

        @param amount: How much it is.
        @param first: What is held of it for the call that brings it.
        """
        self.end(token)
        now = self._clock.seconds()
        ends_at = now + OLDEST
        if terms.period_ends_at is not None:
            ends_at = min(ends_at, terms.period_ends_at)
        lease = Lease(row, amount, now, ends_at, terms.changed_at)
        lease.timer = self._clock.callLater(IDLE, self._look, token, lease)
        self._leases[token] = lease
        return self._part(lease, first)

    def _part(self, lease: Lease, amount: int) -> Hold:
        lease.free -= amount
        lease.held += amount
        lease.calls += 1
        lease.used_at = self._clock.seconds()
        return Hold(lease.row, amount, lease)

    def give_back(self, hold: Hold, cost: int) -> None:
        """
        A call is over, and written down.

        @param cost: What it has cost.
        """
        lease = hold.lease
        if lease is not None:
            lease.free += hold.amount - cost
            lease.held -= hold.amount
            lease.calls -= 1
            if lease.timer is None:
                self._give_up(lease)

    def end(self, token: str) -> None:
        """Have no more calls held by a key's lease."""
        lease = self._leases.pop(token, None)
        if lease is not None:
            if lease.timer is not None:
                lease.timer.cancel()
                lease.timer = None
            self._give_up(lease)

    def end_all(self) -> None:
        """Have no more calls held by any."""
        for token in list(self._leases):
            self.end(token)

    def _give_up(self, lease: Lease) -> None:
        """Hold no more of it than calls do."""
        self._ended(lease.row, lease.held if lease.calls else None)

    def _look(self, token: str, lease: Lease) -> None:
        wait = lease.used_at + IDLE - self._clock.seconds()
        lease.timer = None
        if wait > 0:
            lease.timer = self._clock.callLater(wait, self._look, token, lease)
        else:
            self.end(token)
