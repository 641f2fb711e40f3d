"""Several processes' budgets and entries in one PostgreSQL."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import psycopg2
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.support.postgresql import new_database, run
from twisted_aigate.gateway.accounting.budgets import Budgets, Wanted
from twisted_aigate.gateway.accounting.ledger import Ledger
from twisted_aigate.gateway.accounting.records import Spent
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.keys.models import VirtualKey
from twisted_aigate.gateway.keys.records import KeyTable
from twisted_aigate.gateway.keys.requests import GenerateKey, UpdateKey
from twisted_aigate.gateway.keys.service import Keys
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.secrets import Secret

_MIGRATIONS = "twisted_aigate.migrations"
_KEYS = 6
_ROUNDS = 150


def _spent(token: str) -> Spent:
    return Spent("r", "/x", token, None, None, None, "p/m", "m", "id", 1, 1, 1, 0, False, 0.0, 0.0)


class _ProcessesCase(TestCase):
    timeout = 120

    async def database(self, url: str) -> Database:
        """A connection of a process's own."""
        from twisted.internet import reactor

        shared: Any = reactor
        database = Database(shared, url, _MIGRATIONS)
        self.addCleanup(lambda: Deferred.fromCoroutine(database.stop()))
        await database.start()
        return database


class BudgetsTests(_ProcessesCase):
    """Two databases' worth of threads on one server, as two processes have them."""

    async def spend(self, budget: int) -> tuple[str, dict[str, int]]:
        """
        Random calls of some keys in both.

        @return: Where it is, and how many calls of each key were let in.
        """
        from twisted.internet import reactor

        clock: Any = reactor
        url = new_database()
        tokens = [f"{number}" for number in range(_KEYS)]
        made = dict.fromkeys(tokens, 0)
        databases = [await self.database(url) for _ in range(2)]
        ledgers = [Ledger(database, clock) for database in databases]
        processes = [
            Budgets(database, ledger, clock, f"node {number}")
            for number, (database, ledger) in enumerate(zip(databases, ledgers, strict=True))
        ]
        for token in tokens:
            key = VirtualKey(token, "sk-...", 0.0, 0.0, max_budget=budget)
            await databases[0].write(partial(KeyTable().insert, key=key))

        async def call(budgets: Budgets, chance: random.Random) -> None:
            for _ in range(_ROUNDS):
                held = []
                for token in chance.sample(tokens, 3):
                    try:
                        held.append((token, await budgets.hold(Wanted(token, 1, or_rest=False))))
                    except GatewayError:
                        continue
                    made[token] += 1
                for token, hold in held:
                    budgets.settle(hold, token, _spent(token))

        await gatherResults(
            [
                Deferred.fromCoroutine(call(budgets, random.Random(10 * number + each)))
                for number, budgets in enumerate(processes)
                for each in range(3)
            ]
        )
        for budgets, ledger in zip(processes, ledgers, strict=True):
            budgets.stop()
            await ledger.stop()
        deadlocks = run(
            url, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        self.assertEqual(deadlocks, [(0,)])
        return url, made

    async def test_budgets_hold_and_nobody_waits_for_another_for_ever(self) -> None:
        """Each budget is spent, exactly, and no more."""
        url, made = await self.spend(40)
        self.assertEqual(set(made.values()), {40})
        rows = run(url, "SELECT spend, reserved FROM virtual_keys")
        self.assertEqual(set(rows), {(40, 0)})

    async def test_budgets_hold_where_processes_lease_parts_of_them(self) -> None:
        """What is let in is spent, and nothing stays held."""
        url, made = await self.spend(300)
        self.assertLessEqual(max(made.values()), 300)
        self.assertGreater(min(made.values()), 40)
        rows = run(url, "SELECT spend, reserved FROM virtual_keys ORDER BY token")
        self.assertEqual(rows, [(made[token], 0) for token in sorted(made)])


class ChangesTests(_ProcessesCase):
    """Two processes that change one key."""

    async def test_neither_undoes_what_the_other_does(self) -> None:
        from twisted.internet import reactor

        clock: Any = reactor
        url = new_database()
        keys = Keys(await self.database(url), clock, Secret("sk-master"))
        _, key = await keys.generate(GenerateKey())
        other = psycopg2.connect(url)
        self.addCleanup(other.close)
        blocking = other.cursor()
        blocking.execute("SELECT pg_advisory_xact_lock(6291944)")
        blocking.execute("UPDATE virtual_keys SET blocked = true")
        updating = Deferred.fromCoroutine(keys.update(UpdateKey(key.token, rpm_limit=5)))
        while not run(url, "SELECT 1 FROM pg_locks WHERE NOT granted"):
            await deferLater(clock, 0.01)
        other.commit()
        changed = await updating
        self.assertEqual((changed.blocked, changed.limits.rpm), (True, 5))
