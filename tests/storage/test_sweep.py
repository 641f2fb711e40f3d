"""The minute's sweep: what it removes, what it leaves, and that it goes on."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.storage.test_intake import Arriving
from tests.support.storage import PRIVATE, UPLOADS, StorageCase, plain_digester
from tests.support.threads import HeldThreads
from twisted_aigate.kernel.units import DAY, MINUTE
from twisted_aigate.storage import sweep as module
from twisted_aigate.storage.intake import source_of
from twisted_aigate.storage.metadata import garbage
from twisted_aigate.storage.outflow import PIECE
from twisted_aigate.storage.s3.errors import S3Error
from twisted_aigate.storage.service import ObjectHeaders
from twisted_aigate.storage.sweep import Sweep


class SweepTests(StorageCase):
    """Once a minute, in batches of three."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(module, "BATCH", 3)
        self.sweep = Sweep(self.store, self.clock)

    def put(self, key: str = "k", data: bytes = b"x", bucket: Any = UPLOADS) -> None:
        put = self.store.put(bucket, key, source_of(data), ObjectHeaders(), plain_digester())
        self.result(put)

    def once(self) -> None:
        self.result(self.sweep.once())

    def rows(self) -> int:
        """How many objects the database has, expired or not."""
        return int(self.database.now(lambda c: c.exec_driver_sql(
            "select count(*) from objects").scalar_one()))  # fmt: skip

    def garbage(self) -> list[str]:
        return list(self.database.now(lambda connection: garbage.take(connection, 100)))

    def test_expired(self) -> None:
        """More than a batch of them, and no other; bytes and rows."""
        for number in range(8):
            self.put(f"old{number}")
        self.put("kept", bucket=PRIVATE)
        self.clock.advance(1800)
        self.put("young")
        self.clock.advance(1800)
        self.once()
        self.assertEqual((self.rows(), len(self.blob_files()), self.garbage()), (2, 2, []))

    def test_every_minute(self) -> None:
        """From the start on, until it is stopped."""
        self.put("a")
        self.sweep.start()
        self.clock.advance(3600 - MINUTE)
        for _ in range(2):
            self.put("b", bucket=PRIVATE)
            self.assertGreater(len(self.blob_files()), 1)
            self.clock.advance(MINUTE)
        self.assertEqual(len(self.blob_files()), 1)
        self.result(self.sweep.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.put("b", bucket=PRIVATE)
        self.clock.advance(10 * MINUTE)
        self.assertEqual(len(self.blob_files()), 2)

    def test_key_that_is_written(self) -> None:
        """The lock is respected: what is written meanwhile is not expired any more."""
        self.put()
        self.clock.advance(3600)
        source = Arriving()
        writing = Deferred.fromCoroutine(
            self.store.put(UPLOADS, "k", source, ObjectHeaders(), plain_digester())
        )
        sweeping = Deferred.fromCoroutine(self.sweep.once())
        self.assertNoResult(sweeping)
        source.feed(b"new")
        source.end()
        self.successResultOf(writing)
        self.successResultOf(sweeping)
        self.assertEqual(self.result(self.store.get(UPLOADS, "k"))[1], b"new")

    def test_key_that_stays_locked(self) -> None:
        """It is left for the next time, and does not keep the others."""
        for key in ("a", "k", "z"):
            self.put(key)
        self.clock.advance(3600)
        writing = Deferred.fromCoroutine(
            self.store.put(UPLOADS, "k", Arriving(), ObjectHeaders(), plain_digester())
        )
        sweeping = Deferred.fromCoroutine(self.sweep.once())
        for _ in range(4):
            self.clock.advance(30)
        self.successResultOf(sweeping)
        self.assertEqual(self.rows(), 1)
        writing.cancel()
        self.failureResultOf(writing, CancelledError)
        self.once()
        self.assertEqual(self.rows(), 0)

    def test_stale_uploads(self) -> None:
        """After a week an upload is over, with its parts."""
        uploads = [
            self.result(self.uploads.create(PRIVATE, "k", "me", ObjectHeaders(), None, None))
            for _ in range(7)
        ]
        part = self.uploads.put_part(PRIVATE, uploads[0], 1, source_of(b"x"), plain_digester())
        self.result(part)
        self.clock.advance(7 * DAY)
        self.once()
        self.result(self.uploads.find(PRIVATE, "k", uploads[0].id))
        self.clock.advance(1)
        self.once()
        for upload in uploads:
            self.error(self.uploads.find(PRIVATE, "k", upload.id), S3Error)
        self.assertEqual(self.blob_files(), [])

    def test_what_is_read_stays(self) -> None:
        """Bytes that a slow reader still wants are left for the next time."""
        data = b"x" * (PIECE + 1)
        self.put(data=data, bucket=PRIVATE)
        _, body = self.result(self.store.get(PRIVATE, "k"))
        for key in "abcdefg":
            self.put(key, bucket=PRIVATE)
        for key in "kabcdefg":
            self.result(self.store.delete(PRIVATE, key))
        self.once()
        self.assertEqual(len(self.blob_files()), 1)
        body.close()
        self.once()
        self.assertEqual((self.blob_files(), self.garbage()), ([], []))

    def test_errors(self) -> None:
        """Each is logged, does not keep the other work, and is tried again the next time."""
        self.put()
        self.result(self.store.delete(UPLOADS, "k"))
        self.database.refuse.append(ZeroDivisionError())
        self.sweep.start()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.blob_files(), [])
        self.put()
        self.result(self.store.delete(UPLOADS, "k"))
        deleting = self.blobs.delete

        def fail(ids: Any) -> None:
            raise OSError("the disk fails")

        self.blobs.delete = fail
        self.clock.advance(MINUTE)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual(len(self.garbage()), 1)
        self.blobs.delete = deleting
        self.clock.advance(MINUTE)
        self.assertEqual((self.blob_files(), self.garbage()), ([], []))
        self.result(self.sweep.stop())

    def test_stopped_in_the_middle(self) -> None:
        """Whatever it waits for, it ends, and what is left is swept another time."""
        for steps in range(8):
            for key in "abcd":
                self.put(key)
            self.clock.advance(3600)
            self.database.threads = HeldThreads(held=True)
            sweep = Sweep(self.store, self.clock)
            sweep.start()
            for _ in range(steps):
                if len(self.database.threads):
                    self.database.threads.work()
            self.result(sweep.stop())
            self.database.threads.work_off()
            self.database.threads.held = False
            self.assertEqual((len(self.locks), self.clock.getDelayedCalls()), (0, []), steps)
            self.once()
            self.assertEqual((self.blob_files(), self.garbage(), self.rows()), ([], [], 0), steps)

    def test_stopped_before_the_start(self) -> None:
        """Then it does nothing."""
        self.result(self.sweep.stop())
