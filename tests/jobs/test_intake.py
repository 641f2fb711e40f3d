"""Taking jobs: all of one, or nothing."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer

from tests.jobs.case import JobsCase
from twisted_aigate.jobs import files as module
from twisted_aigate.kernel.database import DatabaseUnavailable


class IntakeTests(JobsCase):
    """No job runs here."""

    def setUp(self) -> None:
        super().setUp()
        self.arriving: Deferred[None] = Deferred()
        self.consumer: Any = None

    def deliver(self, consumer: IConsumer) -> Deferred[None]:
        self.consumer = consumer
        consumer.write(b"half")
        return self.arriving

    def begin(self) -> Deferred[Any]:
        return Deferred.fromCoroutine(self.jobs.take(self.alice, self.ask(), self.deliver))

    def rows(self) -> int:
        return len(self.database.now(lambda each: self.table.page(each, self.master, None, 9)))

    def test_taken(self) -> None:
        """Body, folder and the folder above are synced before the database has the job."""
        synced: list[int] = []

        def fsync(descriptor: int) -> None:
            synced.append(self.rows())

        self.patch(module.os, "fsync", fsync)
        taking = self.begin()
        self.consumer.write(b" and half")
        self.assertEqual(self.rows(), 0)
        self.arriving.callback(None)
        job = self.successResultOf(taking)
        self.assertEqual((synced, self.rows()), ([0, 0, 0], 1))
        self.assertEqual((self.folder / job.id / "request").read_bytes(), b"half and half")
        self.assertEqual((self.folder / job.id).stat().st_mode & 0o77, 0)
        self.assertNotIn("sk-alice", str(self.database.now(
            lambda each: each.exec_driver_sql("select * from jobs").all())))  # fmt: skip

    def test_client_leaves(self) -> None:
        """Nothing is left of what came."""
        taking = self.begin()
        self.assertEqual(len(self.there()), 1)
        taking.cancel()
        self.failureResultOf(taking, CancelledError)
        self.assertEqual((self.there(), self.rows()), ([], 0))
        self.assertEqual(len(self.flushLoggedErrors(CancelledError)), 0)

    def test_client_leaves_at_once(self) -> None:
        """Before a byte is read."""
        self.threads.held = True
        taking = self.begin()
        taking.cancel()
        self.threads.work_off()
        self.failureResultOf(taking, CancelledError)
        self.assertIsNone(self.consumer)
        self.assertEqual((self.there(), self.rows()), ([], 0))

    def test_body_stops(self) -> None:
        """So does what stops coming."""
        taking = self.begin()
        self.arriving.errback(ConnectionError("gone"))
        self.failureResultOf(taking, ConnectionError)
        self.assertEqual((self.there(), self.rows()), ([], 0))

    def test_database_away(self) -> None:
        """And what the database does not take."""
        taking = self.begin()
        self.database.refuse = [DatabaseUnavailable("away")]
        self.arriving.callback(None)
        self.failureResultOf(taking, DatabaseUnavailable)
        self.assertEqual(self.there(), [])
