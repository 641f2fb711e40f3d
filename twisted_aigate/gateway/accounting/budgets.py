"""
Budgets that hold however many calls there are at once, and however many processes.

What a call may cost at the most is held in the database before it is made, by the one row of its
key; whoever finds too little left is refused. When the call is over, what it has cost takes the
hold's place. What a process held that has crashed is let go of when it is back, or else by others
after a while.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy import Connection
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.gateway.accounting.money import to_dollars
from twisted_aigate.gateway.accounting.records import SpendTable, budget_holds
from twisted_aigate.gateway.errors import BUDGET_EXCEEDED, GatewayError
from twisted_aigate.gateway.keys.periods import next_end
from twisted_aigate.gateway.keys.records import virtual_keys
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.identifiers import new_id
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
    """

    token: str
    amount: int
    or_rest: bool


@frozen
class _Outcome:
    hold: str | None = None
    spend: int = 0
    max_budget: int | None = None

    @property
    def is_held(self) -> bool:
        return self.max_budget is None


class Budgets:
    """
    Holds parts of budgets.

    @param database: Where keys are.
    @param clock: Keeps Unix time.
    @param node: This process's name in the database.
    """

    _log = Logger()

    def __init__(self, database: Database, clock: IReactorTime, node: str) -> None:
        self._database = database
        self._clock = clock
        self._node = node
        self._table = SpendTable()

    async def hold(self, wanted: Wanted) -> str | None:
        """
        Hold what a call may cost.

        @return: The hold's id, for L{twisted_aigate.gateway.accounting.records.Entry}; C{None}:
            nothing needs to be held.
        @raise GatewayError: 400: the budget has not as much.
        """
        until = self._clock.seconds() + HELD_FOR
        work = partial(_hold, wanted=wanted, node=self._node, until=until, hold=new_id())
        held = self._database.write(work)
        outcome = await shielded(held, unwanted=self._unwanted)
        if not outcome.is_held:
            raise _exceeded(outcome)
        return outcome.hold

    def _unwanted(self, outcome: _Outcome) -> None:
        """The caller has left meanwhile."""
        if outcome.hold is not None:
            work = partial(self._table.release, holds=[outcome.hold])
            self._database.write(work).addErrback(self._not_released)

    def _not_released(self, failure: Failure) -> None:
        self._log.failure("what was held for a call that is not made stays held", failure)


def _hold(connection: Connection, wanted: Wanted, node: str, until: float, hold: str) -> _Outcome:
    keys = virtual_keys.c
    which = keys.token == wanted.token
    # Whoever else wants of this budget waits here.
    row = connection.execute(virtual_keys.select().where(which).with_for_update()).one_or_none()
    if row is None or row.max_budget is None:
        return _Outcome()
    changes = renewed(row, until - HELD_FOR)
    spend = changes.get("spend", row.spend)
    left = row.max_budget - spend - row.reserved
    if left <= 0 or (left < wanted.amount and not wanted.or_rest):
        return _Outcome(spend=spend, max_budget=row.max_budget)
    amount = min(left, wanted.amount)
    if amount:
        held = {"id": hold, "token": wanted.token, "node": node, "amount": amount, "until": until}
        connection.execute(budget_holds.insert(), held)
        changes["reserved"] = row.reserved + amount
    if changes:
        connection.execute(virtual_keys.update().where(which).values(changes))
    return _Outcome(hold if amount else None)


def renewed(row: Any, now: float) -> dict[str, Any]:
    """What changes of a key when its budget's period is over; nothing, as long as it is not."""
    if row.budget_reset_at is None or row.budget_reset_at > now or not row.budget_duration:
        return {}
    end = next_end(row.budget_duration, row.budget_reset_at, now)
    return {"spend": 0, "budget_reset_at": end}


def renew_budgets(connection: Connection, now: float) -> None:
    """Begin the new period of the budgets whose period is over."""
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


def _exceeded(outcome: _Outcome) -> GatewayError:
    # LiteLLM's words, by which its callers know it.
    assert outcome.max_budget is not None
    return GatewayError(
        400,
        "Budget has been exceeded! The call may cost more than is left. Current cost: "
        f"{to_dollars(outcome.spend)}, Max budget: {to_dollars(outcome.max_budget)}",
        code=BUDGET_EXCEEDED,
    )
