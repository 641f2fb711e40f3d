"""
Budgets that hold however many calls there are at once, and however many processes.

What a call may cost at the most is held in the database before it is made, by the one row of its
key; whoever finds too little left is refused. When the call is over, what it has cost takes the
hold's place. What a process held that has crashed is let go of when it is back, or else by others
after a while. Where much is left a process holds enough for many calls at once: see
L{twisted_aigate.gateway.accounting.leases}.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.gateway.accounting.holds import Freed, budget_holds
from twisted_aigate.gateway.accounting.leases import Hold, Leases, Terms, leased
from twisted_aigate.gateway.accounting.ledger import Ledger
from twisted_aigate.gateway.accounting.money import to_dollars
from twisted_aigate.gateway.accounting.records import Entry, Spent
from twisted_aigate.gateway.errors import BUDGET_EXCEEDED, GatewayError
from twisted_aigate.gateway.keys.models import VirtualKey
from twisted_aigate.gateway.keys.periods import next_end
from twisted_aigate.gateway.keys.records import take_turn, virtual_keys
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.identifiers import new_id
from twisted_aigate.kernel.latch import Latch
from twisted_aigate.kernel.shielding import shielded
from twisted_aigate.kernel.units import MINUTE

HELD_FOR = 2 * MINUTE
"""After which a hold that its process has not renewed is no one's."""


@frozen
class Wanted:
    """
    What is to be held.

    @ivar token: The key that pays.
    @ivar amount: The most that the call can cost, in billionths of a dollar.
    @ivar or_rest: With less left than that, hold what is left: the amount is a guess.
    @ivar changed_at: When the key was last changed, as far as is known.
    """

    token: str
    amount: int
    or_rest: bool
    changed_at: float = 0.0


@frozen
class _Outcome:
    """
    What came of the asking.

    @ivar hold: The row that holds it.
    @ivar amount: How much it holds.
    @ivar terms: On which terms it is for further calls too; C{None}: it is for one alone.
    @ivar spend: What was spent of a budget that has too little left.
    @ivar max_budget: The whole of that budget; C{None}: it has enough.
    """

    hold: str | None = None
    amount: int = 0
    terms: Terms | None = None
    spend: int = 0
    max_budget: int | None = None


class Budgets:
    """
    Holds parts of budgets, and has calls paid.

    @param database: Where keys are.
    @param ledger: Keeps what calls cost.
    @param clock: Keeps Unix time; where leases grow old.
    @param node: This process's name in the database.
    """

    def __init__(self, database: Database, ledger: Ledger, clock: IReactorTime, node: str) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._node = node
        self._leases = Leases(clock, self._release)
        self._asking: dict[str, Latch[bool]] = {}

    async def hold(self, wanted: Wanted) -> Hold | None:
        """
        Hold what a call may cost.

        @return: For L{settle}; C{None}: nothing needs to be held.
        @raise GatewayError: 400: the budget has not as much.
        """
        while (hold := await self._take(wanted)) is None:
            asking = self._asking.get(wanted.token)
            # It may bring a lease that is enough for all.
            if asking is None or not await asking.wait():
                return await self._ask(wanted)
        return hold

    async def _take(self, wanted: Wanted) -> Hold | None:
        had_one = wanted.token in self._leases
        hold = self._leases.take(wanted.token, wanted.amount, wanted.changed_at)
        if hold is None and had_one:
            # What it still held is to be seen to be free.
            await self._ledger.flush()
        return hold

    async def _ask(self, wanted: Wanted) -> Hold | None:
        token = wanted.token
        asking: Latch[bool] = Latch()
        # Who asks beside another gets no lease: each would end the one before it.
        may_lease = self._asking.setdefault(token, asking) is asking
        leases = False
        try:
            outcome = await shielded(self._write(wanted, may_lease), unwanted=self._unwanted)
            if outcome.max_budget is not None:
                why = " The call may cost more than is left."
                raise _exceeded(outcome.spend, outcome.max_budget, why)
            if outcome.hold is None:
                return None
            if outcome.terms is None:
                return Hold(outcome.hold, outcome.amount)
            leases = True
            return self._leases.add(
                token, outcome.hold, outcome.amount, outcome.terms, wanted.amount
            )
        finally:
            if may_lease:
                del self._asking[token]
            asking.open(leases)

    def _write(self, wanted: Wanted, may_lease: bool) -> Deferred[_Outcome]:
        work = partial(
            _hold,
            wanted=wanted,
            may_lease=may_lease,
            node=self._node,
            now=self._clock.seconds(),
            hold=new_id(),
        )
        return self._database.write(work)

    def settle(self, hold: Hold | None, token: str | None, spent: Spent | None) -> None:
        """
        Have a call that is over paid.

        @param hold: What was held for it.
        @param token: The virtual key that pays; C{None}: nobody does.
        @param spent: What it was; C{None}: nothing came of it.
        """
        cost = 0 if spent is None else spent.spend
        freed = None if hold is None else hold.freed(cost)
        if freed is not None or spent is not None:
            self._ledger.add(Entry(token, freed, spent))
        if hold is not None:
            self._leases.give_back(hold, cost)

    def stop(self) -> None:
        """Give back what is leased; no call is in hand any more."""
        self._leases.end_all()

    def _release(self, row: str, keep: int | None = None) -> None:
        self._ledger.add(Entry(None, Freed(row, keep=keep), None))

    def _unwanted(self, outcome: _Outcome) -> None:
        """The caller has left meanwhile."""
        if outcome.hold is not None:
            self._release(outcome.hold)


def _hold(
    connection: Connection, wanted: Wanted, may_lease: bool, node: str, now: float, hold: str
) -> _Outcome:
    keys = virtual_keys.c
    which = keys.token == wanted.token
    take_turn(connection)
    # Whoever changes the key meanwhile waits here.
    row = connection.execute(virtual_keys.select().where(which).with_for_update()).one_or_none()
    if row is None or row.max_budget is None:
        return _Outcome()
    changes = renewed(row, now)
    spend = changes.get("spend", row.spend)
    left = row.max_budget - spend - row.reserved
    if left <= 0 or (left < wanted.amount and not wanted.or_rest):
        return _Outcome(spend=spend, max_budget=row.max_budget)
    lease = leased(left, wanted.amount) if may_lease else None
    terms: Terms | None = None
    amount = min(left, wanted.amount)
    if lease is not None:
        amount = lease
        terms = Terms(row.updated_at, changes.get("budget_reset_at", row.budget_reset_at))
    if amount or terms is not None:
        held = {"id": hold, "token": wanted.token, "node": node, "amount": amount}
        connection.execute(budget_holds.insert(), {**held, "until": now + HELD_FOR})
        changes["reserved"] = row.reserved + amount
    if changes:
        connection.execute(virtual_keys.update().where(which).values(changes))
    return _Outcome(hold, amount, terms)


def renewed(row: Any, now: float) -> dict[str, Any]:
    """What changes of a key when its budget's period is over; nothing, as long as it is not."""
    if row.budget_reset_at is None or row.budget_reset_at > now or not row.budget_duration:
        return {}
    end = next_end(row.budget_duration, row.budget_reset_at, now)
    return {"spend": 0, "budget_reset_at": end}


def renew_budgets(connection: Connection, now: float) -> None:
    """Begin the new period of the budgets whose period is over."""
    take_turn(connection)
    keys = virtual_keys.c
    due = virtual_keys.select().where(keys.budget_reset_at <= now).with_for_update()
    for row in connection.execute(due.order_by(keys.token)).all():
        changes = renewed(row, now)
        if changes:
            connection.execute(virtual_keys.update().where(keys.token == row.token).values(changes))


def any_budget_due(connection: Connection, now: float) -> bool:
    """Whether there is something for L{renew_budgets}."""
    query = sa.select(virtual_keys.c.token).where(virtual_keys.c.budget_reset_at <= now).limit(1)
    return connection.execute(query).first() is not None


def check_spent(key: VirtualKey, now: float) -> None:
    """
    Let a key pass that has any money left, by what was read of it last.

    @raise GatewayError: 400: it has none.
    """
    renews = key.budget_reset_at is not None and key.budget_reset_at <= now
    if key.max_budget is not None and key.spend >= key.max_budget and not renews:
        raise _exceeded(key.spend, key.max_budget)


def _exceeded(spend: int, max_budget: int, why: str = "") -> GatewayError:
    # LiteLLM's words, by which its callers know it.
    return GatewayError(
        400,
        f"Budget has been exceeded!{why} Current cost: {to_dollars(spend)}, "
        f"Max budget: {to_dollars(max_budget)}",
        code=BUDGET_EXCEEDED,
    )
