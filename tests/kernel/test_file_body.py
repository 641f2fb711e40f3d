"""An open file's bytes: given whole, stopped anywhere, and the file closed."""

from __future__ import annotations

import os
from io import FileIO
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.streams import RecordingConsumer
from tests.support.threads import HeldThreads
from twisted_aigate.kernel.file_body import PIECE, FileBody

_CONTENT = os.urandom(2 * PIECE + 10)


class FileBodyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.threads: Any = HeldThreads()
        self.path = Path(self.mktemp())
        self.path.write_bytes(_CONTENT)

    def body(self, start: int = 0, size: int = len(_CONTENT)) -> FileBody:
        self.file = FileIO(os.open(self.path, os.O_RDONLY))
        return FileBody(self.threads, self.file, start, size)

    def test_all(self) -> None:
        consumer = RecordingConsumer()
        body = self.body()
        self.assertEqual(body.length, len(_CONTENT))
        self.successResultOf(body.startProducing(consumer))
        self.assertEqual(consumer.data, _CONTENT)
        self.assertEqual([len(part) for part in consumer.parts], [PIECE, PIECE, 10])
        self.assertTrue(self.file.closed)

    def test_some(self) -> None:
        for start, size in ((0, 0), (0, 1), (PIECE - 1, 2), (len(_CONTENT) - 3, 3)):
            consumer = RecordingConsumer()
            self.successResultOf(self.body(start, size).startProducing(consumer))
            self.assertEqual(consumer.data, _CONTENT[start : start + size])
            self.assertTrue(self.file.closed)

    def test_backpressure(self) -> None:
        """Nothing is read for a consumer that has enough."""
        self.threads.held = True
        consumer = RecordingConsumer(pause_after=1)
        body = self.body()
        consumer.registerProducer(body, True)
        done = body.startProducing(consumer)
        for pieces in range(1, 4):
            self.threads.work_off()
            self.assertEqual(len(consumer.parts), pieces)
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

    def test_stopped_at_any_point(self) -> None:
        """By the consumer, or by a cancel; never closed while a thread reads."""
        self.threads.held = True
        for steps in range(4):
            for cancel in (False, True):
                body = self.body()
                done: Deferred[None] = body.startProducing(RecordingConsumer())
                done.addErrback(lambda _: None)
                for _ in range(steps):
                    self.threads.work()
                if cancel:
                    done.cancel()
                else:
                    body.stopProducing()
                body.close()
                # In a thread, after what it has in hand.
                self.assertFalse(self.file.closed)
                self.threads.work_off()
                self.assertTrue(self.file.closed, (steps, cancel))

    def test_never_started(self) -> None:
        for end in ("close", "stopProducing"):
            body = self.body()
            getattr(body, end)()
            getattr(body, end)()
            self.assertTrue(self.file.closed)
