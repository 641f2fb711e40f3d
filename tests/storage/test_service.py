"""The object store: whole or not at all, under its key's lock, with nothing left behind."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.storage.test_intake import Arriving
from tests.support.storage import PRIVATE, UPLOADS, StorageCase, plain_digester
from tests.support.streams import RecordingConsumer
from twisted_aigate.kernel.database import DatabaseUnavailable
from twisted_aigate.storage.intake import source_of
from twisted_aigate.storage.models import StoredObject
from twisted_aigate.storage.outflow import PIECE, ObjectBody
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.service import ObjectHeaders

_GIVEN = ObjectHeaders("text/x", {"cache-control": "no-store"}, {"colour": "blue"}, {"a": "b"})


class ObjectStoreTests(StorageCase):
    """What can be done with objects."""

    def putting(
        self, key: str = "k", data: Any = b"hello", bucket: Any = PRIVATE, **more: Any
    ) -> Deferred[Any]:
        source = source_of(data) if isinstance(data, bytes) else data
        given = more.pop("given", ObjectHeaders())
        return Deferred.fromCoroutine(
            self.store.put(bucket, key, source, given, plain_digester(), **more)
        )

    def put(self, key: str = "k", data: bytes = b"hello", **more: Any) -> StoredObject:
        found: StoredObject = self.successResultOf(self.putting(key, data, **more))
        return found

    def read(self, key: str = "k", bucket: Any = PRIVATE) -> bytes:
        _, body = self.result(self.store.get(bucket, key))
        if isinstance(body, bytes):
            return body
        consumer = RecordingConsumer()
        self.successResultOf(body.startProducing(consumer))
        return consumer.data

    def code(self, coroutine: Any) -> str:
        return str(self.error(coroutine, S3Error).code)

    def nothing_held(self) -> None:
        """No lock, no timer, no pin."""
        self.assertEqual((len(self.locks), self.clock.getDelayedCalls()), (0, []))
        self.assertEqual(self.store.pins._counts, {})

    def test_put_and_get(self) -> None:
        """All that was given comes back; expiry counts from now."""
        stored = self.put(bucket=UPLOADS, given=_GIVEN)
        self.assertEqual(stored.expires_at, self.clock.seconds() + 3600)
        self.assertEqual(stored.etag, "5d41402abc4b2a76b9719d911017c592")
        found, body = self.result(self.store.get(UPLOADS, "k"))
        self.assertEqual((found, body), (stored, b"hello"))
        self.assertEqual((found.content_type, dict(found.tags)), ("text/x", {"a": "b"}))
        self.assertIsNone(self.put().expires_at)
        self.nothing_held()

    def test_large_and_empty(self) -> None:
        """In one answer, in pieces, or of nothing."""
        for data in (b"", b"x" * PIECE, b"x" * (PIECE + 1)):
            self.put(data=data)
            self.assertEqual(self.read(), data)
        self.nothing_held()

    def test_written_over(self) -> None:
        """The new one, once it is whole; the old bytes become garbage."""
        self.put(data=b"old")
        source = Arriving()
        putting = self.putting(data=source)
        source.feed(b"new")
        self.assertNoResult(putting)
        source.end()
        self.successResultOf(putting)
        self.assertEqual(self.read(), b"new")

    def test_not_there(self) -> None:
        """Every operation says so; deleting nothing is no fault."""
        for coroutine in (
            self.store.get(PRIVATE, "k"),
            self.store.head(PRIVATE, "k"),
            self.store.set_tags(PRIVATE, "k", {}),
            self.store.copy((PRIVATE, "k"), (PRIVATE, "l"), None, lambda _: plain_digester()),
        ):
            self.assertEqual(self.code(coroutine), "NoSuchKey")
        self.assertFalse(self.result(self.store.delete(PRIVATE, "k")))
        self.nothing_held()

    def test_expired(self) -> None:
        """Gone in that very moment; writing again begins a new life."""
        self.put(bucket=UPLOADS)
        self.clock.advance(3599)
        self.result(self.store.set_tags(UPLOADS, "k", {"x": "y"}))
        self.clock.advance(1)
        self.assertEqual(self.code(self.store.get(UPLOADS, "k")), "NoSuchKey")
        self.assertEqual(self.code(self.store.set_tags(UPLOADS, "k", {})), "NoSuchKey")
        self.assertEqual(self.result(self.store.list_page(UPLOADS, "", "", "", 9)).objects, ())
        self.put(bucket=UPLOADS)
        self.assertEqual(self.read(bucket=UPLOADS), b"hello")

    def test_conditions(self) -> None:
        """What the condition raises is the outcome; what was there is still there."""
        seen: list[StoredObject | None] = []

        def refuse(found: StoredObject | None) -> None:
            seen.append(found)
            raise S3Error(ErrorCode.PreconditionFailed)

        self.failureResultOf(self.putting(condition=refuse), S3Error)
        stored = self.put()
        for coroutine in (
            self.store.get(PRIVATE, "k", condition=refuse),
            self.store.head(PRIVATE, "k", refuse),
            self.store.delete(PRIVATE, "k", refuse),
        ):
            self.assertEqual(self.code(coroutine), "PreconditionFailed")
        self.failureResultOf(self.putting(data=b"other", condition=refuse), S3Error)
        self.assertEqual([found and found.etag for found in seen], [None, *[stored.etag] * 4])
        self.assertEqual((self.read(), len(self.blob_files())), (b"hello", 1))
        self.nothing_held()

    def test_over_the_limit(self) -> None:
        """The bucket's."""
        self.failureResultOf(self.putting(data=b"x" * 1001, bucket=UPLOADS), S3Error)
        self.assertEqual(self.blob_files(), [])
        self.nothing_held()

    def test_copy(self) -> None:
        """With what the source has, or with other headers or tags."""
        self.put(given=_GIVEN)

        def copied(given: ObjectHeaders | None, **more: Any) -> StoredObject:
            found: StoredObject = self.result(
                self.store.copy(
                    (PRIVATE, "k"), (UPLOADS, "l"), given, lambda _: plain_digester(), **more
                )
            )
            return found

        same = copied(None)
        self.assertEqual((same.content_type, same.headers, same.metadata, same.tags),
                         ("text/x", _GIVEN.headers, _GIVEN.metadata, _GIVEN.tags))  # fmt: skip
        self.assertEqual(same.expires_at, self.clock.seconds() + 3600)
        other = copied(ObjectHeaders(metadata={"x": "y"}), tags={})
        self.assertEqual((other.content_type, other.headers, other.metadata, other.tags),
                         ("text/x", {}, {"x": "y"}, {}))  # fmt: skip
        self.assertEqual(self.read("l", UPLOADS), b"hello")

    def test_copy_that_cannot_begin_lets_go(self) -> None:
        """When the target's lock is not to be had the source is not held any longer."""
        self.put(data=b"x" * (PIECE + 1))
        source = Arriving()
        holding = self.putting("target", source)
        copying = Deferred.fromCoroutine(
            self.store.copy((PRIVATE, "k"), (PRIVATE, "target"), None, lambda _: plain_digester())
        )
        self.clock.advance(30)
        self.assertEqual(self.failureResultOf(copying, S3Error).value.status, 503)
        holding.cancel()
        self.failureResultOf(holding, CancelledError)
        self.nothing_held()

    def test_lock_not_to_be_had(self) -> None:
        """503 after half a minute, for readers and writers."""
        source = Arriving()
        holding = self.putting(data=source)
        waiting = [self.putting(), Deferred.fromCoroutine(self.store.get(PRIVATE, "k"))]
        self.clock.advance(30)
        for each in waiting:
            self.assertEqual(self.failureResultOf(each, S3Error).value.code, "ServiceUnavailable")
        source.end()
        self.successResultOf(holding)
        self.nothing_held()

    def test_lock_held_for_too_long(self) -> None:
        """The holder is let go with a 503, its bytes are dropped, and the next one goes ahead."""
        source = Arriving()
        holding = self.putting(data=source)
        source.feed(b"slow")
        self.clock.advance(299)
        waiting = self.putting()
        self.clock.advance(1)
        error = self.failureResultOf(holding, S3Error).value
        self.assertEqual((error.code, error.status), ("ServiceUnavailable", 503))
        self.successResultOf(waiting)
        self.assertEqual((self.read(), len(self.blob_files())), (b"hello", 1))
        self.nothing_held()

    def test_slow_reader_holds_nobody_up(self) -> None:
        """Once its bytes are open the key can be written, and it still gets what it opened."""
        self.put(data=b"x" * (PIECE + 1))
        _, body = self.result(self.store.get(PRIVATE, "k"))
        assert isinstance(body, ObjectBody)
        self.put(data=b"new")
        consumer = RecordingConsumer()
        self.successResultOf(body.startProducing(consumer))
        self.assertEqual(consumer.data, b"x" * (PIECE + 1))

    def test_metadata_fails(self) -> None:
        """Bytes whose metadata was refused are removed."""
        self.database.refuse.append(ValueError("no"))
        self.failureResultOf(self.putting(), ValueError)
        self.assertEqual(self.blob_files(), [])

    def test_metadata_may_be_there(self) -> None:
        """A commit that got no answer may have been made: then its bytes must not be removed."""
        self.database.lose.append(DatabaseUnavailable("the connection was lost"))
        self.failureResultOf(self.putting(), DatabaseUnavailable)
        self.assertEqual(self.read(), b"hello")

    def test_caller_leaves_during_the_commit(self) -> None:
        """What was begun is ended: the object is there and settled."""
        self.database.threads.held = True
        putting = self.putting()
        putting.cancel()
        self.failureResultOf(putting, CancelledError)
        self.database.threads.work_off()
        self.database.threads.held = False
        self.assertEqual(self.read(), b"hello")
        self.assertEqual(list((self.folder / "incoming").iterdir()), [])
        self.nothing_held()

    def test_short_blob_is_no_object(self) -> None:
        """A file that lost bytes is a failure, whatever its size, and never a shorter object."""
        stored = self.put()
        (path,) = self.folder.rglob(stored.blobs[0].id)
        path.write_bytes(b"hel")
        self.error(self.store.get(PRIVATE, "k"), OSError)

    def test_missing_blob(self) -> None:
        """So is one that is gone."""
        stored = self.put()
        self.blobs.delete([stored.blobs[0].id])
        self.error(self.store.get(PRIVATE, "k"), FileNotFoundError)
        self.nothing_held()
