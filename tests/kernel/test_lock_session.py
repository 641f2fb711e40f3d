"""Locks on a real PostgreSQL and locks of one process, by the same tests; and the session."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from tests.support import postgresql
from tests.support.locks import LocksTestCase, PostgreSQLTestCase
from twisted_aigate.kernel.database import Database, DatabaseUnavailable
from twisted_aigate.kernel.database.lock_session import SessionLost
from twisted_aigate.kernel.locks import KeyedLocks, LockLost, LockUnavailable
from twisted_aigate.kernel.shared_locks import key_number

_KEY = ("bucket", "key")


class KeyLocksContract:
    """What holds wherever locks are."""

    async def test_a_writer_is_alone(self: Any) -> None:
        """Readers and writers of both, in any order: never a writer and anyone else."""
        chance = random.Random(1)
        readers = writers = most = 0

        async def read(number: int) -> None:
            nonlocal readers, most
            async with self.locks[number % 2].reading(_KEY):
                readers += 1
                most = max(most, readers)
                self.assertEqual(writers, 0)
                await self.after(chance.random() / 500)
                readers -= 1

        async def write(number: int) -> None:
            nonlocal writers
            async with self.locks[number % 2].writing(_KEY) as lease:
                writers += 1
                self.assertEqual((readers, writers), (0, 1))
                await lease.limit(self.after(chance.random() / 500))
                writers -= 1

        works = [read(each) if chance.random() < 0.6 else write(each) for each in range(80)]
        await gatherResults([Deferred.fromCoroutine(each) for each in works])
        self.assertGreater(most, 1)
        self.assertEqual([len(each) for each in self.locks], [0, 0])

    async def test_keys_do_not_know_each_other(self: Any) -> None:
        async with self.locks[0].writing(("a", "b")), self.locks[1].writing(("a", "c")):
            pass

    async def test_time_out(self: Any) -> None:
        """For whoever asks second; and nothing is left of it."""
        async with self.locks[0].writing(_KEY):
            for context in (self.locks[1].reading(_KEY), self.locks[1].writing(_KEY)):
                with self.assertRaises(LockUnavailable):
                    await context.__aenter__()
        async with self.locks[1].writing(_KEY):
            pass

    async def test_given_back_by_who_is_cancelled(self: Any) -> None:
        held: list[bool] = []

        async def hold() -> None:
            async with self.locks[0].writing(_KEY) as lease:
                held.append(True)
                await lease.limit(Deferred())

        holding = Deferred.fromCoroutine(hold())
        await self.until(lambda: held)
        holding.addErrback(lambda _: None)
        holding.cancel()
        async with self.locks[1].writing(_KEY):
            pass


class LocalTests(KeyLocksContract, LocksTestCase):
    """One process: both are the same."""

    def setUp(self) -> None:
        super().setUp()
        locks: KeyedLocks[Any] = KeyedLocks(self.reactor, 0.5, 10.0, 100)
        self.locks = [locks, locks]


class PostgreSQLTests(KeyLocksContract, PostgreSQLTestCase):
    """Across processes."""

    async def test_nothing_is_left(self) -> None:
        async with self.locks[0].reading(_KEY), self.locks[1].reading(_KEY):
            self.assertEqual(self.advisory_locks(), 2)
        # Asked behind what gives them back.
        await gatherResults([session.ask("1") for session in self.sessions])
        self.assertEqual(self.advisory_locks(), 0)

    async def test_the_server_ends_the_session(self) -> None:
        """Who writes is told at once, though nothing is asked, and the other one has the key."""
        lost: list[bool] = []

        async def write() -> None:
            async with self.locks[0].writing(_KEY) as lease:
                lost.append(False)
                try:
                    await lease.limit(Deferred())
                except LockLost:
                    lost.append(True)

        writing = Deferred.fromCoroutine(write())
        await self.until(lambda: lost)
        await self.end(self.sessions[0])
        await writing
        self.assertEqual(lost, [False, True])
        async with self.locks[1].writing(_KEY):
            pass
        async with self.locks[0].writing(_KEY):
            pass

    async def test_a_session_that_is_stopped_holds_nothing(self) -> None:
        async with self.locks[0].writing(_KEY):
            self.sessions[0].stop()
            async with self.locks[1].writing(_KEY):
                pass
        with self.assertRaises(LockUnavailable):
            await self.locks[0].reading(_KEY).__aenter__()


class SessionTests(PostgreSQLTestCase):
    """The session."""

    async def test_values(self) -> None:
        """In the order of asking, however many are asked at once."""
        session = self.sessions[0]
        found = await gatherResults([session.ask(str(number)) for number in range(1000)])
        self.assertEqual(found, list(range(1000)))
        self.assertEqual(await session.ask("repeat('x', 3000000)"), "x" * 3_000_000)
        self.assertEqual(await session.ask(f"length('{'x' * 3_000_000}')"), 3_000_000)

    async def test_asked_while_answers_come(self) -> None:
        session = self.sessions[0]
        again = [session.ask("1").addCallback(lambda _: session.ask("2")) for _ in range(20)]
        self.assertEqual(await gatherResults(again), [2] * 20)

    async def test_an_error_ends_it(self) -> None:
        """What was taken before the error is not held; the next question opens another one."""
        session = self.sessions[0]
        number = key_number(_KEY)
        await session.ask(f"pg_try_advisory_lock({number})")
        before, told = session.number, []
        session.when_lost(lambda: told.append(self.advisory_locks))
        with self.assertRaises(SessionLost):
            await session.ask("1 / (length('x') - 1)")
        self.assertEqual((session.number, len(told)), (before + 1, 1))
        self.assertEqual(await session.ask("1"), 1)
        self.assertTrue(await self.sessions[1].ask(f"pg_try_advisory_lock({number})"))

    async def test_its_settings(self) -> None:
        """What a database's own settings would end it by is off."""
        name = self.url.rpartition("?")[0].rpartition("/")[2]
        for setting in ("idle_session_timeout = '1s'", "statement_timeout = '1s'"):
            postgresql.run(self.url, f"ALTER DATABASE {name} SET {setting}")
        for setting in ("idle_session_timeout", "statement_timeout"):
            self.assertEqual(await self.sessions[0].ask(f"current_setting('{setting}')"), "0")

    async def test_no_server(self) -> None:
        """It is refused after a few attempts, and another question tries again."""
        url = f"postgresql://me@/db?host={self.mktemp()}"
        session = Database(self.reactor, url, "twisted_aigate.migrations").lock_session()
        assert session is not None
        for _ in range(2):
            with self.assertRaises(DatabaseUnavailable):
                await session.ask("1")
        session.stop()

    async def test_stopped_while_it_connects(self) -> None:
        session = self.session()
        asked = session.ask("1")
        session.stop()
        self.failureResultOf(asked, DatabaseUnavailable)
        self.failureResultOf(session.ask("1"), DatabaseUnavailable)

    def test_sqlite_has_none(self) -> None:
        url = f"sqlite:///{self.mktemp()}"
        database = Database(self.reactor, url, "twisted_aigate.migrations")
        self.assertIsNone(database.lock_session())
