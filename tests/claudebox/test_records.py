"""Runs in the database, in SQLite and in PostgreSQL."""

from __future__ import annotations

from attrs import evolve

from tests.storage.metadata.connections import OnPostgreSQL, OnSQLite
from twisted_aigate.claudebox.records import (
    CANCELLED,
    COMPLETED,
    FAILED,
    Outcome,
    RunRecord,
    RunTable,
)
from twisted_aigate.kernel.process_table import ProcessIdentity

_PROCESS = ProcessIdentity(2**22, 2**40, "aef43885-8aa3-4c38-824b-2d7051c11d11")
_RUN = RunRecord("run-1", "a/ü 😀", "session", True, False, 1000.25, 2000.5)
_DONE = Outcome(COMPLETED, exit_code=0)


class RecordsContract:
    def setUp(self) -> None:
        super().setUp()
        self.table = RunTable("node", "claudebox")
        self.others = [RunTable("node", "claudebox-zai"), RunTable("another", "claudebox")]

    def finish(
        self,
        run_id: str,
        outcome: Outcome = _DONE,
        now: float = 3000.75,
        session: str | None = None,
        table: RunTable | None = None,
    ) -> None:
        (table or self.table).finished(self.conn, run_id, "ws", session, outcome, now)

    def test_what_is_inserted_is_found(self) -> None:
        runs = [
            _RUN,
            evolve(_RUN, id="run-2", deadline=None, verbose=False, detached=True),
        ]
        for run in runs:
            self.table.insert(self.conn, run)
        for run in runs:
            self.assertEqual(self.table.find(self.conn, run.id), run)
        self.assertIsNone(self.table.find(self.conn, "run-3"))

    def test_its_process(self) -> None:
        self.table.insert(self.conn, _RUN)
        self.table.started(self.conn, "run-1", _PROCESS)
        self.assertEqual(self.table.find(self.conn, "run-1"), evolve(_RUN, process=_PROCESS))

    def test_its_end(self) -> None:
        for outcome in (
            _DONE,
            Outcome(CANCELLED, "The client left."),
            Outcome(FAILED, "ü" * 2000 + "'\"\\ %s", -(2**31)),
        ):
            self.table.insert(self.conn, _RUN)
            self.finish("run-1", outcome)
            self.assertEqual(self.table.find(self.conn, "run-1"), evolve(_RUN, outcome=outcome))
            self.table.delete(self.conn, ["run-1"])

    def test_the_end_of_one_that_is_not_known(self) -> None:
        self.finish("run-1")
        self.assertIsNone(self.table.find(self.conn, "run-1"))

    def test_those_without_an_end(self) -> None:
        self.assertEqual(self.table.unfinished(self.conn), [])
        for number in range(3):
            self.table.insert(self.conn, evolve(_RUN, id=f"run-{number}"))
        self.finish("run-1")
        self.table.started(self.conn, "run-2", _PROCESS)
        self.assertEqual(
            sorted(self.table.unfinished(self.conn), key=lambda run: run.id),
            [evolve(_RUN, id="run-0"), evolve(_RUN, id="run-2", process=_PROCESS)],
        )

    def test_those_that_ended_before(self) -> None:
        for number in range(4):
            self.table.insert(self.conn, evolve(_RUN, id=f"run-{number}"))
        for number in range(3):
            self.finish(f"run-{number}", now=100.0 + number)
        self.assertEqual(sorted(self.table.finished_before(self.conn, 101.5)), ["run-0", "run-1"])
        self.assertEqual(self.table.finished_before(self.conn, 100.0), [])

    def test_what_is_deleted_is_gone(self) -> None:
        for number in range(3):
            self.table.insert(self.conn, evolve(_RUN, id=f"run-{number}"))
        self.table.delete(self.conn, [])
        self.table.delete(self.conn, ["run-0", "run-2", "unknown"])
        self.assertEqual([run.id for run in self.table.unfinished(self.conn)], ["run-1"])

    def test_nobody_sees_what_is_not_its_own(self) -> None:
        self.table.insert(self.conn, _RUN)
        for other in self.others:
            self.assertIsNone(other.find(self.conn, "run-1"))
            self.assertEqual(other.unfinished(self.conn), [])
        self.finish("run-1", session="session")
        for other in self.others:
            self.assertEqual(other.finished_before(self.conn, 1e12), [])
            self.assertIsNone(other.session(self.conn, "ws"))

    def test_the_last_session_of_a_workspace(self) -> None:
        self.assertIsNone(self.table.session(self.conn, "ws"))
        for session in ("one", "two"):
            self.finish("run-1", session=session)
            self.assertEqual(self.table.session(self.conn, "ws"), session)
        self.finish("run-1", session=None)
        self.assertEqual(self.table.session(self.conn, "ws"), "two")
        self.assertIsNone(self.table.session(self.conn, "other"))

    def test_a_session_that_is_lost(self) -> None:
        """A workspace goes on with one no more; but with another, it does."""
        args = (self.conn, "run-1", "ws")
        self.table.finished(*args, "s-1", Outcome(COMPLETED), 1.0)
        self.table.finished(*args, None, Outcome(FAILED), 2.0, lost_session="s-2")
        self.assertEqual(self.table.session(self.conn, "ws"), "s-1")
        self.table.finished(*args, None, Outcome(FAILED), 3.0, lost_session="s-1")
        self.assertIsNone(self.table.session(self.conn, "ws"))

    def test_each_has_its_own_session(self) -> None:
        for number, table in enumerate([self.table, *self.others]):
            self.finish("run-1", session=f"session-{number}", table=table)
        for number, table in enumerate([self.table, *self.others]):
            self.assertEqual(table.session(self.conn, "ws"), f"session-{number}")


class SQLiteRecordsTests(RecordsContract, OnSQLite):
    pass


class PostgreSQLRecordsTests(RecordsContract, OnPostgreSQL):
    pass
