"""Bytes out of files: sent from the kernel's memory, or read where that cannot be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from tests.support.streams import FileTaker
from tests.support.threads import HeldThreads
from twisted_aigate.kernel.page_cache import cached
from twisted_aigate.storage.blobs.files import FileBlobs
from twisted_aigate.storage.models import BlobRef
from twisted_aigate.storage.outflow import PIECE, ObjectBody, Pins, stretches

SIZE = 12 * PIECE + 10


class FileBodyTests(SynchronousTestCase):
    """An object of two blobs."""

    def setUp(self) -> None:
        self.threads: Any = HeldThreads()
        self.blobs = FileBlobs(Path(self.mktemp()))
        self.blobs.start()
        self.pins = Pins()
        self.content = b""
        self.refs: list[BlobRef] = []
        for _ in range(2):
            self.add(os.urandom(SIZE))
        self.consumer = FileTaker()

    def add(self, data: bytes) -> None:
        writer = self.blobs.create()
        writer.write(data)
        self.refs.append(writer.finish())
        self.blobs.settle([self.refs[-1].id])
        self.content += data

    def body(self, start: int = 0, size: int = 2 * SIZE) -> ObjectBody:
        wanted = stretches(self.refs, start, size)
        self.pins.add(each.blob.id for each in wanted)
        first: Any = self.blobs.open(wanted[0].blob, wanted[0].offset)
        self.first = first
        return ObjectBody(self.blobs, self.threads, wanted, first, self.pins)

    def forget(self) -> None:
        """Have the kernel drop the blobs from its memory."""
        for ref in self.refs:
            with self.blobs.open(ref) as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                if cached(file.fileno(), 0, 1):
                    raise SkipTest("NOT TESTED: this file system keeps its files in memory")

    def assert_let_go(self) -> None:
        self.assertTrue(self.first.closed)
        self.assertEqual(len(self.pins), 0)

    def test_whole_and_parts(self) -> None:
        """What is in memory is not read here."""
        ranges = (0, 2 * SIZE), (SIZE - 3, 6), (7, PIECE), (SIZE, SIZE), (2 * SIZE - 1, 1)
        for start, size in ranges:
            self.consumer = FileTaker()
            self.successResultOf(self.body(start, size).startProducing(self.consumer))
            self.assertEqual(self.consumer.data, self.content[start : start + size])
            self.assertEqual(self.consumer.parts, self.consumer.sent)
            self.assert_let_go()

    def test_consumer_that_takes_none(self) -> None:
        """It is asked once, and is written to."""
        self.consumer.willing = False
        self.successResultOf(self.body().startProducing(self.consumer))
        self.assertEqual((self.consumer.data, self.consumer.sent), (self.content, []))
        self.assert_let_go()

    def test_what_is_not_in_memory(self) -> None:
        """A thread waits for the disk; nothing else does."""
        self.forget()
        self.threads.held = True
        done = self.body().startProducing(self.consumer)
        self.assertEqual((self.consumer.parts, len(self.threads)), ([], 1))
        self.threads.work_off()
        self.successResultOf(done)
        self.assertEqual(self.consumer.data, self.content)
        self.assert_let_go()

    def test_paused(self) -> None:
        """A consumer that has enough is sent nothing."""
        body = self.body()
        body.pauseProducing()
        done = body.startProducing(self.consumer)
        self.assertEqual(self.consumer.parts, [])
        body.resumeProducing()
        self.successResultOf(done)
        self.assertEqual(self.consumer.data, self.content)

    def test_stopped_while_it_is_sent(self) -> None:
        """The sending ends before the file is closed."""
        for end in ("stopProducing", "cancel"):
            self.consumer = FileTaker()
            self.consumer.holds = True
            body = self.body()
            done = body.startProducing(self.consumer)
            self.assertFalse(self.first.closed)
            if end == "cancel":
                done.cancel()
                self.failureResultOf(done, CancelledError)
            else:
                body.stopProducing()
            self.assertEqual((self.consumer.cancelled, len(self.consumer.sent)), (1, 1))
            self.assert_let_go()

    def test_fails_while_it_is_sent(self) -> None:
        """So does the body, and lets go."""
        self.consumer.holds = True
        done = self.body().startProducing(self.consumer)
        self.consumer.waiting[0].errback(OSError("the disk fails"))
        self.failureResultOf(done, OSError)
        self.assert_let_go()

    def test_short_file(self) -> None:
        """A blob that lost bytes is a failure."""
        (path,) = self.blobs._settled.rglob(self.refs[1].id)
        os.truncate(path, SIZE - 1)
        self.failureResultOf(self.body().startProducing(self.consumer), OSError)
        self.assertEqual(self.consumer.data, self.content[: 2 * SIZE - 1])
        self.assert_let_go()

    def test_removed_file_is_closed_in_a_thread(self) -> None:
        """Its last descriptor frees what it held, which takes a while; another frees nothing."""
        body = self.body(0, 10)
        self.threads.held = True
        body.close()
        self.assertEqual((self.first.closed, len(self.threads)), (True, 0))
        body = self.body(0, 10)
        self.blobs.delete([self.refs[0].id])
        body.close()
        self.assertEqual((self.first.closed, len(self.threads)), (False, 1))
        self.threads.work_off()
        self.assert_let_go()
