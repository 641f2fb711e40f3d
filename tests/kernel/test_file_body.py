"""An open file's bytes: given whole, stopped anywhere, and the file closed."""

from __future__ import annotations

import os
from io import FileIO
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.streams import FileTaker, RecordingConsumer
from tests.support.threads import HeldThreads
from twisted_aigate.kernel.file_body import PIECE, FileBody
from twisted_aigate.kernel.page_cache import cached

_CONTENT = os.urandom(2 * PIECE + 10)
_RANGES = ((0, 0), (0, 1), (PIECE - 1, 2), (len(_CONTENT) - 3, 3))


class FileBodyCase(SynchronousTestCase):
    """A file of some pieces."""

    def setUp(self) -> None:
        self.threads: Any = HeldThreads()
        self.path = Path(self.mktemp())
        self.path.write_bytes(_CONTENT)

    def body(self, start: int = 0, size: int = len(_CONTENT)) -> FileBody:
        self.file = FileIO(os.open(self.path, os.O_RDONLY))
        return FileBody(self.threads, self.file, start, size)


class FileBodyTests(FileBodyCase):
    """What the kernel has in memory, to a consumer that takes no files."""

    def test_all(self) -> None:
        consumer = RecordingConsumer()
        body = self.body()
        self.assertEqual(body.length, len(_CONTENT))
        self.successResultOf(body.startProducing(consumer))
        self.assertEqual(consumer.data, _CONTENT)
        self.assertEqual([len(part) for part in consumer.parts], [PIECE, PIECE, 10])
        self.assertTrue(self.file.closed)

    def test_some(self) -> None:
        for start, size in _RANGES:
            consumer = RecordingConsumer()
            self.successResultOf(self.body(start, size).startProducing(consumer))
            self.assertEqual(consumer.data, _CONTENT[start : start + size])
            self.assertTrue(self.file.closed)

    def test_backpressure(self) -> None:
        """Nothing is read for a consumer that has enough."""
        consumer = RecordingConsumer(pause_after=1)
        body = self.body()
        consumer.registerProducer(body, True)
        done = body.startProducing(consumer)
        for pieces in range(1, 4):
            self.assertEqual(len(consumer.parts), pieces)
            self.assertFalse(self.file.closed)
            body.resumeProducing()
        self.successResultOf(done)

    def test_a_file_that_becomes_shorter(self) -> None:
        body = self.body()
        os.truncate(self.path, PIECE + 5)
        consumer = RecordingConsumer()
        self.failureResultOf(body.startProducing(consumer), OSError)
        self.assertEqual(consumer.data, _CONTENT[: PIECE + 5])
        self.assertTrue(self.file.closed)

    def test_a_disk_that_fails(self) -> None:
        body = self.body()
        os.close(self.file.fileno())
        self.failureResultOf(body.startProducing(RecordingConsumer()), OSError)
        # The descriptor is gone: closing it fails too, which is logged.
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_never_started(self) -> None:
        for end in ("close", "stopProducing"):
            body = self.body()
            getattr(body, end)()
            getattr(body, end)()
            self.assertTrue(self.file.closed)


class SentFileTests(FileBodyCase):
    """What the kernel has in memory, to a consumer that takes files."""

    def test_whole_and_parts(self) -> None:
        """Nothing is read here."""
        for start, size in ((0, len(_CONTENT)), *_RANGES):
            consumer = FileTaker()
            self.successResultOf(self.body(start, size).startProducing(consumer))
            self.assertEqual(consumer.data, _CONTENT[start : start + size])
            self.assertEqual(consumer.parts, consumer.sent)
            self.assertTrue(self.file.closed)

    def test_consumer_that_takes_none(self) -> None:
        """It is written to."""
        consumer = FileTaker()
        consumer.willing = False
        self.successResultOf(self.body().startProducing(consumer))
        self.assertEqual((consumer.data, consumer.sent), (_CONTENT, []))

    def test_paused(self) -> None:
        """A consumer that has enough is sent nothing."""
        consumer, body = FileTaker(), self.body()
        body.pauseProducing()
        done = body.startProducing(consumer)
        self.assertEqual(consumer.parts, [])
        body.resumeProducing()
        self.successResultOf(done)
        self.assertEqual(consumer.data, _CONTENT)

    def test_stopped_while_it_is_sent(self) -> None:
        """The sending ends before the file is closed."""
        for cancel in (False, True):
            consumer, body = FileTaker(), self.body()
            consumer.holds = True
            done = body.startProducing(consumer)
            self.assertFalse(self.file.closed)
            if cancel:
                done.cancel()
                self.failureResultOf(done, CancelledError)
            else:
                body.stopProducing()
            self.assertEqual((consumer.cancelled, len(consumer.sent)), (1, 1))
            self.assertTrue(self.file.closed)

    def test_fails_while_it_is_sent(self) -> None:
        consumer = FileTaker()
        consumer.holds = True
        done = self.body().startProducing(consumer)
        consumer.waiting[0].errback(OSError("the disk fails"))
        self.failureResultOf(done, OSError)
        self.assertTrue(self.file.closed)


class ForgottenFileTests(FileBodyCase):
    """What only the disk has: a thread waits for it."""

    def setUp(self) -> None:
        super().setUp()
        self.threads.held = True
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.forget()

    def forget(self) -> None:
        with self.path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            if cached(file.fileno(), 0, 1):
                raise SkipTest("NOT TESTED: this file system keeps its files in memory")

    def test_all(self) -> None:
        for consumer in (RecordingConsumer(), FileTaker()):
            self.forget()
            done = self.body().startProducing(consumer)
            self.assertEqual((consumer.parts, len(self.threads)), ([], 1))
            self.threads.work_off()
            self.successResultOf(done)
            self.assertEqual(consumer.data, _CONTENT)
            self.assertTrue(self.file.closed)

    def test_stopped_while_a_thread_reads(self) -> None:
        """By the consumer, or by a cancel: the file is closed when the thread is done."""
        for cancel in (False, True):
            self.forget()
            body = self.body()
            done: Deferred[None] = body.startProducing(RecordingConsumer())
            done.addErrback(lambda _: None)
            self.assertEqual(len(self.threads), 1)
            if cancel:
                done.cancel()
            else:
                body.stopProducing()
            body.close()
            self.assertEqual((self.file.closed, len(self.threads)), (False, 1))
            self.threads.work()
            # It is closed in a thread too.
            self.assertEqual((self.file.closed, len(self.threads)), (False, 1))
            self.threads.work()
            self.assertTrue(self.file.closed)
