"""Forgetting runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.claudebox.case import RunDatabase
from tests.support.threads import HeldThreads
from twisted_aigate.claudebox.instance import Instance
from twisted_aigate.claudebox.records import COMPLETED, Outcome, RunRecord, RunTable
from twisted_aigate.claudebox.retention import Retention
from twisted_aigate.kernel.secrets import Secret

_KEPT = 100.0


class RetentionTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = Path(self.mktemp())
        self.instance = Instance("claudebox", Secret("token"), folder, None, {})
        for each in (self.instance.runs, self.instance.transcripts):
            each.mkdir(parents=True)
        self.clock = Clock()
        self.clock.rightNow = 1000.0
        self.database: Any = RunDatabase()
        self.addCleanup(self.database.close)
        self.threads: Any = HeldThreads()
        self.table = RunTable("node", "claudebox")
        self.retention = Retention(
            self.clock, self.instance, self.table, self.database, self.threads, _KEPT,
            self.clock.seconds,
        )  # fmt: skip

    def add(self, run_id: str, finished_at: float | None) -> None:
        record = RunRecord(run_id, "ws", "", False, False, 0.0, None)
        self.database.now(lambda conn: self.table.insert(conn, record))
        if finished_at is not None:
            self.database.now(
                lambda conn: self.table.finished(
                    conn, run_id, "ws", None, Outcome(COMPLETED), finished_at
                )
            )
        (self.instance.runs / run_id).mkdir()
        (self.instance.runs / run_id / "prompt").touch()
        self.instance.transcript(run_id).touch()

    def kept(self) -> list[str]:
        """The runs of which something is left, and all of it is."""
        transcripts = sorted(name.removesuffix(".jsonl")
                             for name in os.listdir(self.instance.transcripts))  # fmt: skip
        known = [
            run_id
            for run_id in ("a", "b", "c", "d")
            if self.database.now(lambda conn, run_id=run_id: self.table.find(conn, run_id))
        ]
        self.assertEqual(sorted(os.listdir(self.instance.runs)), transcripts)
        self.assertEqual(transcripts, known)
        return known

    def stop(self) -> None:
        self.successResultOf(Deferred.fromCoroutine(self.retention.stop()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_is_old_goes(self) -> None:
        self.add("a", 1000 - _KEPT - 0.5)
        self.add("b", 1000 - _KEPT + 30)
        self.add("c", None)
        self.add("d", 1000 - _KEPT + 90)
        self.retention.start()
        self.assertEqual(self.kept(), ["b", "c", "d"])
        self.clock.advance(60)
        self.assertEqual(self.kept(), ["c", "d"])
        self.clock.advance(60)
        self.assertEqual(self.kept(), ["c"])
        self.stop()

    def test_many(self) -> None:
        for number in range(120):
            self.add(f"run-{number}", 0.0)
        self.add("a", 999.0)
        self.retention.start()
        self.assertEqual(self.kept(), ["a"])
        self.stop()

    def test_files_that_are_gone_already(self) -> None:
        self.add("a", 0.0)
        self.instance.transcript("a").unlink()
        (self.instance.runs / "a/prompt").unlink()
        (self.instance.runs / "a").rmdir()
        self.retention.start()
        self.assertEqual(self.kept(), [])
        self.stop()

    def test_the_database_fails_and_the_next_time_it_does_not(self) -> None:
        self.add("a", 0.0)
        for name in ("finished_before", "delete"):
            self.database.failing = {name}
            self.retention.start()
            self.assertEqual(len(self.flushLoggedErrors()), 1)
            self.stop()
        self.retention.start()
        self.assertEqual(len(self.flushLoggedErrors()), 1)
        self.database.failing = set()
        self.clock.advance(60)
        self.assertEqual(self.kept(), [])
        self.stop()

    def test_stop_waits_for_the_sweep_in_hand(self) -> None:
        self.add("a", 0.0)
        self.threads.held = True
        self.retention.start()
        stopping = Deferred.fromCoroutine(self.retention.stop())
        self.assertNoResult(stopping)
        self.threads.work_off()
        self.successResultOf(stopping)
        self.assertEqual((self.kept(), self.clock.getDelayedCalls()), ([], []))
