"""The keys and the accounting as a whole: built, started, stopped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted_aigate.gateway.accounting.budgets import Budgets
from twisted_aigate.gateway.accounting.ledger import Ledger
from twisted_aigate.gateway.accounting.meter import Meter
from twisted_aigate.gateway.accounting.price_book import PriceBook
from twisted_aigate.gateway.accounting.price_table import PriceTable
from twisted_aigate.gateway.accounting.reports import SpendReports
from twisted_aigate.gateway.accounting.upkeep import Upkeep
from twisted_aigate.gateway.keys.limits import LimitCounters
from twisted_aigate.gateway.keys.service import Keys
from twisted_aigate.gateway.keys.shared_limits import SharedLimitCounters
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.database.pulse import Pulse
from twisted_aigate.kernel.redis import Redis
from twisted_aigate.kernel.secrets import Secret


class Accounts:
    """
    Who has which key, and what they spend.

    @param reactor: Keeps Unix time.
    @param master: The master key.
    @param database: Where all of it is kept.
    @param redis: Where processes count calls together; C{None}: each counts its own.
    @param node: This process's name there.
    @param log_retention: Seconds that the rows of calls are kept; 0: for ever.
    @param load_prices: Loads the vendors' prices.
    @ivar keys: The virtual keys.
    @ivar prices: What deployments' work costs.
    @ivar meter: Lets calls in and has them paid.
    @ivar reports: Say who spent what.
    """

    def __init__(
        self,
        reactor: Any,
        master: Secret,
        database: Database,
        redis: Redis | None,
        node: str,
        log_retention: float,
        load_prices: Callable[[], Awaitable[PriceTable]],
    ) -> None:
        self.keys = Keys(database, reactor, master)
        self._ledger = Ledger(database, reactor)
        self._budgets = Budgets(database, self._ledger, reactor, node)
        self.prices = PriceBook(reactor, load_prices)
        self.meter = Meter(
            self._budgets,
            LimitCounters(reactor) if redis is None else SharedLimitCounters(redis, reactor),
            self.prices,
            reactor,
        )
        self.reports = SpendReports(database)
        self._pulse = Pulse(database, reactor)
        self._upkeep = Upkeep(database, reactor, node, log_retention)

    async def is_connected(self) -> bool:
        """Whether the database answers, now or a moment ago."""
        return await self._pulse.beats()

    async def start(self) -> None:
        """Free what an earlier server has left."""
        await self._upkeep.start()

    async def stop(self) -> None:
        """Keep what is not kept yet; no call is in hand any more."""
        await self._upkeep.stop()
        self._budgets.stop()
        await self._ledger.stop()
