"""
What is held of budgets, in the database; amounts are in billionths of a dollar.

All functions are for a transaction that has L{twisted_aigate.gateway.keys.records.take_turn}.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from attrs import define, frozen
from sqlalchemy import Connection

from twisted_aigate.gateway.keys.records import metadata, virtual_keys

budget_holds = sa.Table(
    "budget_holds",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
    sa.Index("budget_holds_until", "until"),
    sa.Index("budget_holds_node", "node"),
)
"""
A row is of one call, or a process's lease for many. C{node} is the process that has it; it says so
again before C{until}.
"""


@frozen
class Freed:
    """
    What is held no more.

    @ivar hold: The id of the row that held it.
    @ivar amount: How much of the row, which a call that is written down with it has cost.
    @ivar keep: What the row is still to hold, and no more.
    """

    hold: str
    amount: int | None = None
    keep: int | None = None

    @property
    def is_all(self) -> bool:
        """Whether the row goes, and all that it still holds."""
        return self.amount is None and self.keep is None


@define
class _Change:
    """
    What becomes of a lease's amount, one thing after another.

    @ivar cost: It is less by this.
    @ivar most: Then it is no more than this.
    """

    cost: int = 0
    most: int | None = None

    def add(self, freed: Freed) -> None:
        if freed.amount is not None:
            self.cost += freed.amount
            if self.most is not None:
                self.most -= freed.amount
        elif freed.keep is not None:
            self.most = freed.keep if self.most is None else min(self.most, freed.keep)

    def apply(self, amount: int, *, is_posted: bool) -> int:
        after = amount if is_posted else amount - self.cost
        return after if self.most is None else min(after, self.most)


def shrink(connection: Connection, freed: Iterable[Freed], *, is_posted: bool) -> None:
    """
    Have leases hold less: by what their calls have cost, and what no call needs any more.

    @param is_posted: What the calls have cost is taken off already.
    """
    changes: dict[str, _Change] = {}
    for each in freed:
        if not each.is_all:
            changes.setdefault(each.hold, _Change()).add(each)
    less: dict[str, int] = {}
    for hold in sorted(changes):
        which = budget_holds.c.id == hold
        row = connection.execute(budget_holds.select().where(which)).one_or_none()
        if row is None:
            # Others have let go of it meanwhile.
            continue
        amount = changes[hold].apply(row.amount, is_posted=is_posted)
        if amount != row.amount:
            connection.execute(budget_holds.update().where(which).values(amount=amount))
            less[row.token] = less.get(row.token, 0) + row.amount - amount
    _reserve_less(connection, less)


def release(connection: Connection, which: sa.ColumnElement[bool]) -> None:
    """Have rows go, and hold what they held no more."""
    gone = budget_holds.delete().where(which).returning(budget_holds.c.token, budget_holds.c.amount)
    amounts: dict[str, int] = {}
    for token, amount in connection.execute(gone):
        amounts[token] = amounts.get(token, 0) + amount
    _reserve_less(connection, amounts)


def _reserve_less(connection: Connection, amounts: Mapping[str, int]) -> None:
    for token in sorted(amounts):
        freed = virtual_keys.update().where(virtual_keys.c.token == token)
        connection.execute(freed.values(reserved=virtual_keys.c.reserved - amounts[token]))
