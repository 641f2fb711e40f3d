"""Readers and those who wait, while others write, leave or hold on."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.storage.faults import (
    BUCKET,
    NEW,
    OLD,
    PART,
    FaultsTestCase,
    Fed,
    Gate,
)
from tests.support.streams import RecordingConsumer
from twisted_aigate.storage.intake import source_of
from twisted_aigate.storage.models import BlobRef, StoredObject
from twisted_aigate.storage.outflow import ObjectBody
from twisted_aigate.storage.s3.digester import Announced, Digester
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.service import ObjectHeaders
from twisted_aigate.storage.uploads import MultipartUploads, NamedPart


class ReaderTests(FaultsTestCase):
    """A reader is slow, or leaves, while others write."""

    async def reader(self, key: str = "key") -> tuple[ObjectBody, RecordingConsumer, Deferred[Any]]:
        """A reader that has taken the first piece."""
        _, body = await self.store.get(BUCKET, key)
        assert isinstance(body, ObjectBody)
        consumer = RecordingConsumer(pause_after=1)
        consumer.registerProducer(body, True)
        done = body.startProducing(consumer)
        await self.until(lambda: bool(consumer.parts), "nothing came")
        return body, consumer, done

    async def finish(self, body: ObjectBody, consumer: RecordingConsumer, done: Any) -> bytes:
        consumer.pause_after = 0
        body.resumeProducing()
        await done
        return consumer.data

    async def multipart(self) -> bytes:
        uploads = MultipartUploads(self.store)
        upload = await uploads.create(BUCKET, "parts", "owner", ObjectHeaders(), None, None)
        pieces = [b"1" * PART, b"2" * PART, b"3" * 10]
        named = []
        for number, piece in enumerate(pieces, 1):
            digester = Digester(Announced())
            part = await uploads.put_part(BUCKET, upload, number, source_of(piece), digester)
            named.append(NamedPart(number, part.etag))
        await uploads.complete(BUCKET, upload, named)
        return b"".join(pieces)

    async def test_object_is_overwritten(self) -> None:
        reader = await self.reader()
        await self.put(NEW)
        await self.sweep.once()
        self.assertEqual(await self.finish(*reader), OLD)
        await self.check_clean(NEW)

    async def test_object_of_parts_is_deleted(self) -> None:
        """The parts that are not open yet are kept until it is read."""
        whole = await self.multipart()
        reader = await self.reader("parts")
        self.assertTrue(await self.store.delete(BUCKET, "parts"))
        await self.sweep.once()
        self.assertEqual(len(self.files("blobs")), 4)
        self.assertEqual(await self.finish(*reader), whole)
        await self.check_clean(OLD)
        self.assertEqual(len(self.files("blobs")), 1)

    async def test_reader_leaves(self) -> None:
        await self.multipart()
        _, _, done = await self.reader("parts")
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertTrue(await self.store.delete(BUCKET, "parts"))
        await self.check_clean(OLD)
        self.assertEqual(len(self.files("blobs")), 1)

    async def test_reader_leaves_while_it_is_opened(self) -> None:
        gate = Gate()
        opening, opened = self.blobs.open, Gate()

        def held(blob: BlobRef, offset: int = 0) -> Any:
            gate.pass_through()
            file = opening(blob, offset)
            opened.open()
            opened.pass_through()
            return file

        self.blobs.open = held
        getting = Deferred.fromCoroutine(self.store.get(BUCKET, "key"))
        await self.until(lambda: gate.reached, "it was not reached")
        getting.cancel()
        with self.assertRaises(CancelledError):
            await getting
        gate.open()
        await self.until(lambda: opened.reached, "it was not opened")
        await self.until(lambda: self.open_files() == [], "a descriptor is open")
        await self.check_clean(OLD)

    async def test_copy_whose_target_is_refused(self) -> None:
        """The source is let go."""
        self.locks._max_waiters = 0
        async with self.locks.writing(("bucket", "target")):
            with self.assertRaises(S3Error):
                await self.copy(lambda _: Digester(Announced()))
        await self.check_clean(OLD)

    async def test_copy_whose_digester_is_refused(self) -> None:
        """The source is let go."""

        def refuse(found: StoredObject) -> Digester:
            raise S3Error(ErrorCode.InvalidRequest)

        with self.assertRaises(S3Error):
            await self.copy(refuse)
        await self.check_clean(OLD)

    def copy(
        self, digester: Callable[[StoredObject], Digester]
    ) -> Coroutine[Any, Any, StoredObject]:
        return self.store.copy((BUCKET, "key"), (BUCKET, "target"), None, digester)


class LockTests(FaultsTestCase):
    """Someone holds a key's lock."""

    async def test_waited_too_long(self) -> None:
        source = Fed()
        first = self.put(source)
        waiting = [
            self.put(NEW),
            Deferred.fromCoroutine(self.store.get(BUCKET, "key")),
            Deferred.fromCoroutine(self.store.delete(BUCKET, "key")),
        ]
        self.clock.advance(30)
        for one in waiting:
            self.assertEqual(self.failureResultOf(one, S3Error).value.status, 503)
        source.consumer.write(b"first")
        source.done.callback(None)
        await first
        await self.check_clean(b"first")

    async def test_held_too_long(self) -> None:
        """The holder is let go, and nothing of it is left; who waits has its turn."""
        source = Fed()
        first = self.put(source)
        source.consumer.write(NEW)
        self.clock.advance(299)
        second = self.put(b"second")
        self.clock.advance(1)
        with self.assertRaises(S3Error) as raised:
            await first
        self.assertEqual(raised.exception.status, 503)
        await second
        await self.check_clean(b"second")
