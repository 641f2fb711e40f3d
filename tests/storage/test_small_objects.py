"""Small objects: their bytes are in their rows, and all else is as with others."""

from __future__ import annotations

import hashlib
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.storage.test_intake import Arriving
from tests.support.storage import PRIVATE, UPLOADS, StorageCase, plain_digester
from tests.support.streams import RecordingConsumer
from twisted_aigate.kernel.database import DatabaseUnavailable
from twisted_aigate.storage.intake import MOST_INLINE, source_of
from twisted_aigate.storage.models import Bucket, StoredObject
from twisted_aigate.storage.outflow import PIECE
from twisted_aigate.storage.s3.digester import Announced, Digester
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.service import ObjectHeaders
from twisted_aigate.storage.sweep import Sweep
from twisted_aigate.storage.uploads import NamedPart


class SmallObjectTests(StorageCase):
    """Up to L{MOST_INLINE} bytes."""

    def setUp(self) -> None:
        super().setUp()
        self.store.most_inline = MOST_INLINE

    def putting(
        self, data: Any, key: str = "k", bucket: Bucket = PRIVATE, **more: Any
    ) -> Deferred[Any]:
        source = source_of(data) if isinstance(data, bytes) else data
        digester = more.pop("digester", plain_digester())
        put = self.store.put(bucket, key, source, ObjectHeaders(), digester, **more)
        return Deferred.fromCoroutine(put)

    def put(self, data: Any, key: str = "k", bucket: Bucket = PRIVATE) -> StoredObject:
        found: StoredObject = self.successResultOf(self.putting(data, key, bucket))
        return found

    def read(self, key: str = "k", bucket: Bucket = PRIVATE, **more: Any) -> bytes:
        _, body = self.result(self.store.get(bucket, key, **more))
        if isinstance(body, bytes):
            return body
        consumer = RecordingConsumer()
        self.successResultOf(body.startProducing(consumer))
        return consumer.data

    def arriving(self, data: bytes, length: int | None) -> Arriving:
        """A body that has come in two pieces, as soon as it is read."""
        source = Arriving()
        source.length = length
        deliver = source.deliver

        def at_once(consumer: Any, limit: int) -> Any:
            delivering = deliver(consumer, limit)
            source.feed(data[:1], data[1:])
            source.end()
            return delivering

        source.deliver = at_once  # type: ignore[method-assign]
        return source

    def test_around_the_limit(self) -> None:
        """Its length decides, whether it is here, comes, or comes without its length being told."""
        for size in (0, 1, MOST_INLINE, MOST_INLINE + 1, PIECE + 1):
            data = b"x" * size
            for source in (data, self.arriving(data, size), self.arriving(data, None)):
                stored = self.put(source)
                small = size <= MOST_INLINE
                self.assertEqual(
                    (stored.content, len(stored.blobs)), (data, 0) if small else (None, 1)
                )
                self.assertEqual((stored.size, stored.etag), (size, hashlib.md5(data).hexdigest()))
                self.assertEqual(self.read(), data)
                self.result(Sweep(self.store, self.clock).once())
                self.assertEqual(len(self.blob_files()), 0 if small else 1)

    def test_no_thread(self) -> None:
        """What is small has nothing to wait for but the database."""
        self.threads.held = True
        for source in (b"hello", self.arriving(b"hello", 5)):
            self.put(source)
        self.assertEqual(len(self.threads), 0)

    def test_framing_counts_on_the_way_only(self) -> None:
        """It is the object's bytes that are few."""

        class Decoder:
            trailers: dict[str, str] = {}

            def feed(self, data: bytes) -> list[bytes]:
                return [data[1:-1]]

            def finish(self) -> None:
                """Nothing is missing."""

        data = b"x" * MOST_INLINE
        decoder: Any = Decoder()
        stored = self.successResultOf(self.putting(b"<" + data + b">", decoder=decoder))
        self.assertEqual((stored.content, self.blob_files()), (data, []))

    def test_ranges(self) -> None:
        """Some of its bytes."""
        self.put(b"0123456789")
        self.assertEqual(self.read(span=lambda _: (3, 4)), b"3456")

    def test_refused(self) -> None:
        """Over the bucket's limit, or not what was announced: what was there is there."""
        self.put(b"old")
        self.put(b"old", bucket=UPLOADS)
        self.failureResultOf(self.putting(b"x" * 1001, bucket=UPLOADS), S3Error)
        wrong = Digester(Announced(md5=hashlib.md5(b"other").digest()))
        self.failureResultOf(self.putting(b"new", digester=wrong), S3Error)
        self.assertEqual((self.read(), self.read(bucket=UPLOADS)), (b"old", b"old"))
        self.assertEqual(len(self.locks), 0)

    def test_stops_coming(self) -> None:
        """Nothing is stored of what a client gives up, or is cut off in."""
        for leaves in (True, False):
            source = Arriving()
            source.length = 5
            putting = self.putting(source)
            source.feed(b"hel")
            if leaves:
                putting.cancel()
                self.assertTrue(source.cancelled)
                self.failureResultOf(putting, CancelledError)
            else:
                source.feeder.done.errback(ConnectionError())
                self.failureResultOf(putting, ConnectionError)
            self.assertEqual(self.error(self.store.head(PRIVATE, "k"), S3Error).code, "NoSuchKey")
            self.assertEqual(len(self.locks), 0)

    def test_metadata_fails(self) -> None:
        """So does the object, and what was there is there."""
        self.put(b"old")
        self.database.refuse.append(DatabaseUnavailable("no"))
        self.failureResultOf(self.putting(b"new"), DatabaseUnavailable)
        self.assertEqual(self.read(), b"old")

    def test_condition(self) -> None:
        """It is looked at in the same transaction."""

        def refuse(found: StoredObject | None) -> None:
            raise S3Error(ErrorCode.PreconditionFailed)

        self.put(b"old")
        self.failureResultOf(self.putting(b"new", condition=refuse), S3Error)
        self.assertEqual(self.read(), b"old")

    def test_copies(self) -> None:
        """A copy has its own bytes, whatever becomes of its source."""
        for size in (0, 1, MOST_INLINE, MOST_INLINE + 1):
            data = b"x" * size
            self.put(data)
            copying = self.store.copy(
                (PRIVATE, "k"), (PRIVATE, "copy"), None, lambda _: plain_digester()
            )
            copied = self.result(copying)
            self.assertEqual(copied.content, data if size <= MOST_INLINE else None)
            self.result(self.store.delete(PRIVATE, "k"))
            self.assertEqual(self.read("copy"), data)

    def test_stored_before(self) -> None:
        """A small object with a blob is read, and replaced, as ever."""
        self.store.most_inline = None
        self.put(b"before")
        self.store.most_inline = MOST_INLINE
        self.assertEqual((self.read(), len(self.blob_files())), (b"before", 1))
        self.put(b"after")
        self.result(Sweep(self.store, self.clock).once())
        self.assertEqual((self.read(), self.blob_files()), (b"after", []))

    def test_expires(self) -> None:
        """Its row goes, and its bytes with it."""
        self.put(b"short", bucket=UPLOADS)
        self.clock.advance(3600)
        self.result(Sweep(self.store, self.clock).once())
        self.assertEqual(self.result(self.store.list_page(UPLOADS, "", "", "", 9)).objects, ())
        self.assertEqual(self.store.pins._counts, {})

    def test_parts_are_blobs(self) -> None:
        """A part has no row of an object that its bytes could be in."""
        begun = self.uploads.create(PRIVATE, "k", "me", ObjectHeaders(), None, None)
        upload = self.result(begun)
        putting = self.uploads.put_part(PRIVATE, upload, 1, source_of(b"part"), plain_digester())
        part = self.result(putting)
        self.assertEqual(len(self.blob_files()), 1)
        stored = self.result(
            self.uploads.complete(PRIVATE, upload, [NamedPart(1, part.etag)])
        )  # fmt: skip
        self.assertEqual((stored.content, self.read()), (None, b"part"))
        self.put(b"small")
        self.result(Sweep(self.store, self.clock).once())
        self.assertEqual((self.read(), self.blob_files()), (b"small", []))
