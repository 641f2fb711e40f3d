"""Bytes on their way in: whole or refused, and no file left behind."""

from __future__ import annotations

import hashlib
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer

from tests.support.storage import StorageCase, plain_digester
from tests.support.streams import HandFed
from tests.support.threads import HeldThreads
from twisted_aigate.kernel.offload import HIGH_WATER
from twisted_aigate.storage.intake import Intake, source_of
from twisted_aigate.storage.models import BlobRef
from twisted_aigate.storage.s3.digester import Announced, Digester
from twisted_aigate.storage.s3.errors import S3Error


class Arriving:
    """A request's body whose pieces the test hands over."""

    length: int | None = None

    def __init__(self) -> None:
        self.cancelled = False
        self.feeder = HandFed()
        self.feeder.done = Deferred(self._cancelled)

    def _cancelled(self, _: object) -> None:
        self.cancelled = True

    def arrived(self) -> None:
        return None

    def deliver(self, consumer: IConsumer, limit: int) -> Deferred[None]:
        consumer.registerProducer(self.feeder, True)
        return self.feeder.startProducing(consumer)

    def feed(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.feeder.feed(piece)

    def end(self) -> None:
        self.feeder.done.callback(None)


class LaterFirst(HeldThreads):
    """Threads of which the one that was asked last is done first."""

    def work(self) -> None:
        self._queue.rotate(1)
        super().work()


class _FullDisk:
    """A blob store without room."""

    def __init__(self) -> None:
        self.discarded = 0

    def create(self) -> _FullDisk:
        return self

    def write(self, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    def finish(self) -> BlobRef:
        raise OSError(28, "No space left on device")

    def discard(self) -> None:
        self.discarded += 1


class IntakeTests(StorageCase):
    """One object after the other."""

    def setUp(self) -> None:
        super().setUp()
        self.source = Arriving()

    def take(
        self, source: Any = None, limit: int = 0, digester: Digester | None = None,
        blobs: Any = None, decoder: Any = None,
    ) -> Deferred[Any]:  # fmt: skip
        _, threads = self.fakes()
        intake = Intake(blobs or self.blobs, threads, digester or plain_digester(), decoder, limit)
        return Deferred.fromCoroutine(intake.take(source or self.source))

    def content(self, taken: Any) -> bytes:
        """What lies there now."""
        with self.blobs.open(taken.blob) as file:
            return bytes(file.read())

    def test_in_pieces(self) -> None:
        """Hashed, detected and written, in order."""
        taking = self.take()
        self.source.feed(b"<htm", b"l>", b"x" * 1000)
        self.source.end()
        taken = self.successResultOf(taking)
        content = b"<html>" + b"x" * 1000
        self.assertEqual(self.content(taken), content)
        self.assertEqual((taken.blob.size, taken.detected_type), (1006, "text/html"))
        self.assertEqual(taken.md5, hashlib.md5(content).hexdigest())
        self.assertIsNone(taken.checksum)

    def test_at_once(self) -> None:
        """What is here already takes one hand-over to a thread."""
        self.threads.held = True
        taking = self.take(source_of(b"hello"))
        self.assertEqual(len(self.threads), 1)
        self.threads.work()
        self.assertEqual(self.content(self.successResultOf(taking)), b"hello")

    def test_empty(self) -> None:
        """No byte is an object too, whether it is here or comes."""
        taking = self.take()
        self.source.end()
        for taken in (
            self.successResultOf(taking),
            self.successResultOf(self.take(source_of(b""))),
        ):
            self.assertEqual((taken.blob.size, self.content(taken)), (0, b""))
            self.assertEqual(taken.md5, "d41d8cd98f00b204e9800998ecf8427e")

    def test_discard(self) -> None:
        """Bytes that nothing refers to can be removed again."""
        taken = self.successResultOf(self.take(source_of(b"hello")))
        taken.discard()
        self.assertEqual(self.blob_files(), [])

    def test_limit(self) -> None:
        """As many bytes as are allowed, and not one more; nothing stays."""
        self.successResultOf(self.take(source_of(b"x" * 10), 10)).discard()
        error = self.failureResultOf(self.take(source_of(b"x" * 11), 10), S3Error).value
        self.assertEqual((error.code, error.status), ("EntityTooLarge", 413))
        self.assertEqual(self.blob_files(), [])

    def test_over_the_limit_is_known_before_the_end(self) -> None:
        """The refusal does not wait for the rest of a body that is too large already."""
        taking = self.take(limit=10)
        self.source.feed(b"x" * 11)
        error = self.failureResultOf(taking, S3Error).value
        self.assertEqual(error.code, "EntityTooLarge")
        self.assertTrue(self.source.cancelled)
        self.assertEqual(self.blob_files(), [])

    def test_not_what_was_announced(self) -> None:
        """Nothing stays."""
        digester = Digester(Announced(md5=hashlib.md5(b"other").digest()))
        error = self.failureResultOf(self.take(source_of(b"hello"), digester=digester), S3Error)
        self.assertEqual(error.value.code, "BadDigest")
        self.assertEqual(self.blob_files(), [])

    def test_full_disk(self) -> None:
        """The disk's error is the caller's, and the file is dropped."""
        for source in (source_of(b"hello"), source_of(b"")):
            disk = _FullDisk()
            self.failureResultOf(self.take(source, blobs=disk), OSError)
            self.assertEqual(disk.discarded, 1)

    def test_source_fails(self) -> None:
        """A client that stops in the middle leaves nothing."""
        taking = self.take()
        self.source.feed(b"hello")
        self.assertEqual(len(self.blob_files()), 1)
        self.source.feeder.done.errback(ConnectionError())
        self.failureResultOf(taking, ConnectionError)
        self.assertEqual(self.blob_files(), [])

    def test_cancelled_at_any_point(self) -> None:
        """Whatever the threads do in that moment, and in whatever order they do it."""
        for kind in (HeldThreads, LaterFirst):
            for point in range(4):
                self.threads = kind(held=True)
                self.source = Arriving()
                taking = self.take()
                if point > 0:
                    self.source.feed(b"hello")
                if point > 1:
                    self.threads.work_off()
                if point > 2:
                    self.source.end()
                taking.cancel()
                self.failureResultOf(taking, CancelledError)
                self.threads.work_off()
                self.assertEqual(self.blob_files(), [], (kind, point))

    def test_cancelled_while_taken_at_once(self) -> None:
        """The thread finishes what it has in hand, and then it is removed."""
        for kind in (HeldThreads, LaterFirst):
            self.threads = kind(held=True)
            taking = self.take(source_of(b"hello"))
            taking.cancel()
            self.failureResultOf(taking, CancelledError)
            self.threads.work_off()
            self.assertEqual(self.blob_files(), [], kind)

    def test_backpressure(self) -> None:
        """A client that is faster than the disk is told to wait."""
        self.threads.held = True
        taking = self.take()
        self.source.feed(b"x", b"x" * HIGH_WATER, b"x")
        self.assertEqual(self.source.feeder.calls, ["start", "pause"])
        self.threads.work_off()
        self.source.end()
        self.threads.work_off()
        self.assertEqual(self.successResultOf(taking).blob.size, HIGH_WATER + 2)

    def test_framing_is_taken_off(self) -> None:
        """The decoder's pieces are the object; its limit counts them, not the frames."""

        class Decoder:
            trailers: dict[str, str] = {}
            finished = False

            def feed(self, data: bytes) -> list[bytes]:
                return [data[1:3], data[3:-1]]

            def finish(self) -> None:
                self.finished = True

        decoder = Decoder()
        taken = self.successResultOf(self.take(source_of(b"<hello>"), 5, decoder=decoder))
        self.assertEqual((self.content(taken), decoder.finished), (b"hello", True))
