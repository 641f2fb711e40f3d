"""Keys and accounting in memory, for tests."""

from __future__ import annotations

import functools
from typing import Any

import sqlalchemy as sa
from twisted.internet.task import Clock

from tests.support.storage import FakeDatabase
from twisted_aigate.gateway.accounting.accounts import Accounts
from twisted_aigate.gateway.accounting.price_library import load_library, make_table
from twisted_aigate.gateway.accounting.price_table import PriceTable
from twisted_aigate.gateway.accounting.records import spend_logs
from twisted_aigate.gateway.keys.records import metadata
from twisted_aigate.kernel.secrets import Secret

NOW = 1_800_000_000.0
"""A minute begins."""


@functools.cache
def price_table() -> PriceTable:
    """The library's prices."""
    return PriceTable(make_table(load_library()))


async def load_prices() -> PriceTable:
    """The same, for who loads them."""
    return price_table()


class FakeAccounts(Accounts):
    """
    Accounts.

    @ivar database: Theirs.
    """

    def __init__(
        self,
        clock: Clock,
        master: str,
        database: FakeDatabase | None = None,
        *,
        node: str = "node",
        retention: float = 0.0,
    ) -> None:
        self.database: Any = database or FakeDatabase(metadata)
        super().__init__(clock, Secret(master), self.database, None, node, retention, load_prices)
        self._clock = clock

    def rows(self) -> list[Any]:
        """What calls cost, in the order in which they ended."""
        self._clock.advance(1.0)
        query = spend_logs.select().order_by(spend_logs.c.ended_at)
        return list(self.database.now(lambda connection: connection.execute(query).all()))

    def column(self, column: sa.Column[Any]) -> list[Any]:
        """A column of a table."""
        self._clock.advance(1.0)
        query = sa.select(column)
        return list(self.database.now(lambda connection: connection.execute(query).scalars().all()))
