"""The database on its threads: the same for SQLite and PostgreSQL, and what each has alone."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from twisted.internet.defer import CancelledError, Deferred, DeferredList, gatherResults
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.support import postgresql
from twisted_aigate.kernel.database import (
    Database,
    DatabaseFull,
    DatabaseUnavailable,
    insert_rows,
)
from twisted_aigate.kernel.database.sessions import Session

_MIGRATIONS = "twisted_aigate.migrations"
_TIMEOUT = 10


def _make(conn: Connection) -> None:
    conn.execute(text("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)"))


def _insert(number: int, name: str = "") -> object:
    def work(conn: Connection) -> int:
        row = {"id": number, "name": name}
        conn.execute(text("INSERT INTO things VALUES (:id, :name)"), row)
        return number

    return work


_events = sa.Table(
    "events",
    sa.MetaData(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("note", sa.Text),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("hit", sa.Boolean, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)


def _all(conn: Connection) -> list[int]:
    return list(conn.execute(text("SELECT id FROM things ORDER BY id")).scalars())


class DatabaseTestCase(TestCase):
    async def begin(self, url: str) -> Database:
        from twisted.internet import reactor

        database = Database(reactor, url, _MIGRATIONS)
        self.addCleanup(lambda: Deferred.fromCoroutine(database.stop()))
        await database.start()
        return database

    async def setUp(self) -> None:
        self.address = self.url()
        self.database = await self.begin(self.address)
        await self.database.write(_make)

    def watch(self) -> list[str]:
        """What begins and ends transactions from now on."""
        statements: list[str] = []
        run = Session.run

        def watched(session: Session, statement: str) -> None:
            statements.append(statement)
            run(session, statement)

        self.patch(Session, "run", watched)
        return statements

    def together(self, *works: object) -> Deferred[list[tuple[bool, object]]]:
        """Have these written in one transaction: they gather while another holds the writer."""
        held, go = threading.Event(), threading.Event()

        def hold(conn: Connection) -> None:
            held.set()
            go.wait(_TIMEOUT)

        self.database.write(hold)
        held.wait(_TIMEOUT)
        results = [self.database.write(work) for work in works]
        go.set()
        return DeferredList(results, consumeErrors=True)


class DatabaseContract:
    async def test_what_is_written_is_read(self) -> None:
        self.assertEqual(await self.database.write(_insert(1)), 1)
        self.assertEqual(await self.database.read(_all), [1])

    async def test_many_rows_at_once(self) -> None:
        """They come back as they were: rows of every kind of value."""
        names = ("id", "note", "amount", "hit", "at")
        rows = [
            ("a", None, 2**63 - 1, True, 1_764_278_400.123456),
            ("b", "quotes \"' and \\ back\nslashes", -(2**63), False, 0.1),
            ("c", "Ελληνικά 中文 🙂", 0, False, -1e300),
            ("d", "", 1, True, 5e-324),
        ]

        def work(conn: Connection) -> list[tuple[object, ...]]:
            _events.create(conn)
            insert_rows(conn, _events, [dict(zip(names, row, strict=True)) for row in rows])
            return [tuple(row) for row in conn.execute(_events.select().order_by("id"))]

        self.assertEqual(await self.database.write(work), rows)

    async def test_many_rows_of_which_one_is_there(self) -> None:
        def work(conn: Connection) -> None:
            _events.create(conn)
            row = {"id": "a", "note": None, "amount": 1, "hit": True, "at": 0.0}
            insert_rows(conn, _events, [row, row])

        await self.assertFailure(self.database.write(work), IntegrityError)

    async def test_writes_share_a_commit(self) -> None:
        statements = self.watch()
        results = await self.together(*(_insert(number) for number in range(100)))
        self.assertEqual(results, [(True, number) for number in range(100)])
        # That which held the writer, 64, and the rest.
        self.assertEqual(statements.count("COMMIT"), 3)
        self.assertEqual(await self.database.read(_all), list(range(100)))

    async def test_one_that_fails_fails_alone(self) -> None:
        def half(conn: Connection) -> None:
            _insert(2)(conn)
            raise KeyError("half")

        def twice(conn: Connection) -> None:
            _insert(4)(conn)
            _insert(1)(conn)

        def swallowed(conn: Connection) -> None:
            _insert(5)(conn)
            try:
                conn.execute(text("SELECT 1 FROM nothing"))
            except SQLAlchemyError:
                raise ValueError("swallowed") from None

        results = await self.together(_insert(1), half, twice, swallowed, _insert(3))
        self.assertEqual([good for good, _ in results], [True, False, False, False, True])
        errors = [type(result.value) for _, result in results if isinstance(result, Failure)]
        self.assertEqual(errors, [KeyError, IntegrityError, ValueError])
        self.assertEqual(await self.database.read(_all), [1, 3])

    async def test_a_write_sees_those_before_it(self) -> None:
        results = await self.together(_insert(1), _all, _insert(2), _all)
        self.assertEqual([result for _, result in results], [1, [1], 2, [1, 2]])

    async def test_a_commit_that_fails_fails_all(self) -> None:
        run = Session.run
        failing = [False]

        def fails(session: Session, statement: str) -> None:
            if statement == "COMMIT" and failing[0]:
                raise sqlite3.OperationalError("disk I/O error")
            run(session, statement)

        def work(conn: Connection) -> None:
            failing[0] = True

        self.patch(Session, "run", fails)
        results = await self.together(_insert(1), work, _insert(2))
        self.assertEqual([good for good, _ in results], [False, False, False])
        failing[0] = False
        self.assertEqual(await self.database.read(_all), [])
        self.assertEqual(await self.database.write(_insert(3)), 3)

    async def test_a_reader_does_not_write(self) -> None:
        with self.assertRaises((DBAPIError, DatabaseUnavailable)):
            await self.database.read(_insert(1))
        self.assertEqual(await self.database.read(_all), [])

    async def test_a_failed_read_leaves_the_thread_in_order(self) -> None:
        for _ in range(8):
            with self.assertRaises(SQLAlchemyError):
                await self.database.read(lambda conn: conn.execute(text("SELECT 1 FROM nothing")))
            with self.assertRaises(ZeroDivisionError):
                await self.database.read(lambda conn: 1 / 0)
        self.assertEqual(await gatherResults([self.database.read(_all)] * 8), [[]] * 8)

    async def test_a_reader_sees_one_state(self) -> None:
        begun, written = threading.Event(), threading.Event()

        def look(conn: Connection) -> tuple[list[int], list[int]]:
            first = _all(conn)
            begun.set()
            written.wait(_TIMEOUT)
            return first, _all(conn)

        looking = self.database.read(look)
        begun.wait(_TIMEOUT)
        await self.database.write(_insert(1))
        written.set()
        self.assertEqual(await looking, ([], []))

    async def test_reads_run_beside_each_other(self) -> None:
        all_there = threading.Barrier(2)
        waiting = [self.database.read(lambda _: all_there.wait(_TIMEOUT)) for _ in range(2)]
        self.assertEqual(sorted(await gatherResults(waiting)), [0, 1])

    async def test_many_at_once(self) -> None:
        async def caller(first: int) -> None:
            for number in range(first, first + 50):
                await self.database.write(_insert(number))
                self.assertIn(number, await self.database.read(_all))

        callers = [Deferred.fromCoroutine(caller(number * 50)) for number in range(8)]
        await gatherResults(callers)
        self.assertEqual(await self.database.read(_all), list(range(400)))

    async def test_stopping_finishes_what_was_asked(self) -> None:
        asked = [self.database.write(_insert(number)) for number in range(200)]
        asked.append(self.database.read(lambda conn: -1))
        await self.database.stop()
        self.assertEqual([self.successResultOf(one) for one in asked], [*range(200), -1])
        for refused in (self.database.write(_insert(1)), self.database.read(_all)):
            self.failureResultOf(refused, DatabaseUnavailable)
        await self.database.stop()
        names = [thread.name for thread in threading.enumerate() if thread.name[:8] == "database"]
        self.assertEqual(names, [])

    async def test_what_was_stopped_is_there_at_the_next_start(self) -> None:
        await self.database.write(_insert(1))
        await self.database.stop()
        statements = self.watch()
        again = await self.begin(self.address)
        self.assertEqual(statements, [])
        self.assertEqual(await again.read(_all), [1])

    async def test_a_cancelled_read_is_not_run(self) -> None:
        go = threading.Event()
        held = [self.database.read(lambda _: go.wait(_TIMEOUT)) for _ in range(4)]
        run: list[int] = []
        waiting = self.database.read(lambda _: run.append(1))
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        go.set()
        await gatherResults(held)
        await self.database.stop()
        self.assertEqual(run, [])

    async def test_a_cancelled_write_is_done_all_the_same(self) -> None:
        waiting = self.database.write(_insert(1))
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        await self.database.write(_insert(2))
        self.assertEqual(await self.database.read(_all), [1, 2])


class SQLiteDatabaseTests(DatabaseContract, DatabaseTestCase):
    def url(self) -> str:
        self.path = Path(self.mktemp()).absolute()
        return f"sqlite:///{self.path}"

    async def test_commits_are_durable(self) -> None:
        for run in (self.database.write, self.database.read):
            mode = await run(lambda conn: conn.exec_driver_sql("PRAGMA journal_mode").scalar())
            self.assertEqual(mode, "wal")
            full = await run(lambda conn: conn.exec_driver_sql("PRAGMA synchronous").scalar())
            self.assertEqual(full, 2)

    async def test_a_full_disk(self) -> None:
        def limit(conn: Connection) -> None:
            pages = conn.exec_driver_sql("PRAGMA page_count").scalar()
            conn.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")

        await self.database.write(limit)
        results = await self.together(_insert(1), _insert(2, "x" * 100_000), _insert(3))
        self.assertEqual([good for good, _ in results], [True, False, True])
        self.assertIsInstance(results[1][1].value, DatabaseFull)
        self.assertEqual(await self.database.read(_all), [1, 3])

    async def test_one_that_ends_the_transaction_of_all_fails_alone(self) -> None:
        """SQLite rolls all of a transaction back on some errors, as this statement asks for."""

        def rolls_back(conn: Connection) -> None:
            conn.execute(text("INSERT OR ROLLBACK INTO things VALUES (1, '')"))

        results = await self.together(_insert(1), rolls_back, _insert(2))
        self.assertEqual([good for good, _ in results], [True, False, True])
        self.assertIsInstance(results[1][1].value, IntegrityError)
        self.assertEqual(await self.database.read(_all), [1, 2])

    async def test_another_process_writes(self) -> None:
        other = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.2, other.execute, ("COMMIT",))
        timer.start()
        self.addCleanup(timer.join)
        self.assertEqual(await self.database.write(_insert(1)), 1)

    async def test_another_process_writes_for_too_long(self) -> None:
        await self.database.write(lambda c: c.exec_driver_sql("PRAGMA busy_timeout = 20"))
        other = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        with self.assertRaises(DatabaseUnavailable):
            await self.database.write(_insert(1))
        other.execute("COMMIT")
        self.assertEqual(await self.database.write(_insert(2)), 2)

    async def test_a_fault_of_ours_is_no_outage(self) -> None:
        with self.assertRaises(SQLAlchemyError):
            await self.database.write(lambda conn: conn.execute(text("SELECT 1 FROM nothing")))


class PostgreSQLDatabaseTests(DatabaseContract, DatabaseTestCase):
    def url(self) -> str:
        return postgresql.new_database()

    def kick(self) -> None:
        """The server ends our connections, as when it restarts."""
        postgresql.run(
            self.address,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )

    async def test_connections_are_opened_again(self) -> None:
        await gatherResults([self.database.read(_all) for _ in range(8)])
        self.kick()
        self.assertEqual(await self.database.write(_insert(1)), 1)
        reads = [self.database.read(_all) for _ in range(8)]
        self.assertEqual(await gatherResults(reads), [[1]] * 8)

    async def test_a_connection_lost_before_the_commit(self) -> None:
        runs: list[int] = []

        def lost_once(conn: Connection) -> None:
            runs.append(1)
            _insert(2)(conn)
            if len(runs) == 1:
                conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

        results = await self.together(_insert(1), lost_once, _insert(3))
        self.assertEqual([good for good, _ in results], [True, True, True])
        self.assertEqual(len(runs), 2)
        self.assertEqual(await self.database.read(_all), [1, 2, 3])

    async def test_a_connection_lost_in_the_commit(self) -> None:
        """Nobody knows whether it took place: it is not done again."""
        await self.database.write(
            lambda conn: conn.exec_driver_sql(
                "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
                " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';"
                "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW WHEN (NEW.id = 2) EXECUTE FUNCTION die()"
            )
        )
        runs: list[int] = []

        def counted(conn: Connection) -> None:
            runs.append(1)
            _insert(2)(conn)

        results = await self.together(_insert(1), counted)
        for _, result in results:
            self.assertIsInstance(result.value, DatabaseUnavailable)
        self.assertEqual(len(runs), 1)
        self.assertEqual(await self.database.write(_insert(3)), 3)

    async def test_a_commit_that_the_server_refuses_fails_all(self) -> None:
        await self.database.write(
            lambda conn: conn.exec_driver_sql(
                "ALTER TABLE things ADD UNIQUE (name) DEFERRABLE INITIALLY DEFERRED"
            )
        )
        results = await self.together(_insert(1, "a"), _insert(2, "a"))
        self.assertEqual([good for good, _ in results], [False, False])
        self.assertEqual(await self.database.read(_all), [])
        self.assertEqual(await self.database.write(_insert(3)), 3)

    async def test_a_deadlock_is_resolved(self) -> None:
        await self.together(_insert(1), _insert(2))
        other = await self.begin(self.address)
        both = threading.Barrier(2)

        def updates(first: int, second: int) -> object:
            def work(conn: Connection) -> None:
                update = text("UPDATE things SET name = name || 'x' WHERE id = :id")
                conn.execute(update, {"id": first})
                # Each holds one before it asks for the other; in a second run nobody is waited for.
                with contextlib.suppress(threading.BrokenBarrierError):
                    both.wait(0.5)
                conn.execute(update, {"id": second})

            return work

        await gatherResults([self.database.write(updates(1, 2)), other.write(updates(2, 1))])
        names = text("SELECT name FROM things")
        found = await self.database.read(lambda conn: conn.execute(names).scalars().all())
        self.assertEqual(found, ["xx", "xx"])

    async def test_a_conflict_without_end_fails_that_one_alone(self) -> None:
        conflict = text("DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$")

        results = await self.together(_insert(1), lambda conn: conn.execute(conflict), _insert(2))
        self.assertEqual([good for good, _ in results], [True, False, True])
        self.assertIsInstance(results[1][1].value, DatabaseUnavailable)

    async def test_a_full_disk(self) -> None:
        full = text("DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$")
        with self.assertRaises(DatabaseFull):
            await self.database.write(lambda conn: conn.execute(full))

    async def test_a_server_that_is_gone(self) -> None:
        """What is asked meanwhile fails; what is asked when it is back does not."""
        name = self.address.rpartition("?")[0].rpartition("/")[2]
        elsewhere = self.address.replace(f"/{name}?", "/postgres?")
        await self.together(_insert(1))
        self.kick()
        postgresql.run(elsewhere, f"ALTER DATABASE {name} RENAME TO {name}_gone")
        for run, work in ((self.database.write, _insert(2)), (self.database.read, _all)):
            with self.assertRaises(DatabaseUnavailable):
                await run(work)
        postgresql.run(elsewhere, f"ALTER DATABASE {name}_gone RENAME TO {name}")
        self.assertEqual(await self.database.write(_insert(3)), 3)
        self.assertEqual(await self.database.read(_all), [1, 3])


class StartTests(TestCase):
    """Starts that do not succeed, and those that have nothing to do."""

    def database(self, url: str) -> Database:
        from twisted.internet import reactor

        return Database(reactor, url, _MIGRATIONS)

    async def fails(self, url: str) -> None:
        database = self.database(url)
        waiting = database.write(_insert(1))
        with self.assertRaises(DatabaseUnavailable):
            await database.start()
        self.failureResultOf(waiting, DatabaseUnavailable)
        self.failureResultOf(database.read(_all), DatabaseUnavailable)
        await database.stop()

    async def test_a_folder_that_is_not_there(self) -> None:
        await self.fails(f"sqlite:///{self.mktemp()}/none/db")

    async def test_a_file_that_is_no_database(self) -> None:
        path = Path(self.mktemp())
        path.write_bytes(b"no database" * 1000)
        await self.fails(f"sqlite:///{path}")

    async def test_no_server(self) -> None:
        await self.fails(f"postgresql://me@/db?host={self.mktemp()}")

    async def test_never_started(self) -> None:
        database = self.database(f"sqlite:///{self.mktemp()}")
        waiting = database.read(_all)
        await database.stop()
        self.failureResultOf(waiting, DatabaseUnavailable)

    def test_urls_of_nothing_that_we_know(self) -> None:
        for url in ("mysql://localhost/db", "sqlite://", "sqlite:///:memory:"):
            with self.assertRaises(ValueError):
                self.database(url)

    async def test_alembic_is_imported_only_when_there_is_something_to_do(self) -> None:
        path = Path(self.mktemp()).absolute()
        for expected in ("True", "False"):
            ran = subprocess.run(
                [sys.executable, "-c", _START, f"sqlite:///{path}"],
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
            self.assertEqual(ran.stdout.strip(), expected, ran.stderr)


_START = f"""
import sys
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react
from twisted_aigate.kernel.database import Database

async def main(reactor):
    database = Database(reactor, sys.argv[1], {_MIGRATIONS!r})
    await database.start()
    await database.stop()
    print("alembic" in sys.modules)

react(lambda reactor: ensureDeferred(main(reactor)))
"""
