"""What is to be done again and again: forget old rows, renew budgets and holds, free lost holds."""

from __future__ import annotations

from functools import partial

from twisted.internet.interfaces import IReactorTime

from twisted_aigate.gateway.accounting.budgets import HELD_FOR, any_budget_due, renew_budgets
from twisted_aigate.gateway.accounting.records import SpendTable
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.sweeper import Sweeper
from twisted_aigate.kernel.units import HOUR

_EVERY = HELD_FOR / 4
_FORGET_EVERY = 1 * HOUR
_BATCH = 1000


class Upkeep:
    """
    Does it.

    @param database: Where.
    @param clock: Where the next round waits; keeps Unix time.
    @param node: This process's name in the database.
    @param kept: Seconds that rows of calls are kept; 0: for ever.
    """

    def __init__(self, database: Database, clock: IReactorTime, node: str, kept: float) -> None:
        self._database = database
        self._clock = clock
        self._node = node
        self._kept = kept
        self._table = SpendTable()
        self._forget_at = 0.0
        self._stopping = False
        trouble = "the upkeep of budgets and of what calls cost failed"
        self._rounds = Sweeper(clock, _EVERY, self._go_round, trouble)

    async def start(self) -> None:
        """Let go of what an earlier server held, and begin the rounds."""
        await self._database.write(partial(self._table.release_node, node=self._node))
        self._rounds.start()

    async def _go_round(self) -> None:
        now = self._clock.seconds()
        database, table = self._database, self._table
        if await database.read(partial(table.holds_any, node=self._node)):
            until = now + HELD_FOR
            await database.write(partial(table.renew, node=self._node, until=until))
        if await database.read(partial(table.any_expired, now=now)):
            await database.write(partial(table.release_expired, now=now))
        if await database.read(partial(any_budget_due, now=now)):
            await database.write(partial(renew_budgets, now=now))
        if self._kept and now >= self._forget_at:
            self._forget_at = now + _FORGET_EVERY
            await self._forget(now - self._kept)

    async def _forget(self, before: float) -> None:
        work = partial(self._table.delete_before, when=before, most=_BATCH)
        while not self._stopping and await self._database.write(work) == _BATCH:
            pass

    async def stop(self) -> None:
        """End the rounds."""
        self._stopping = True
        await self._rounds.stop()
