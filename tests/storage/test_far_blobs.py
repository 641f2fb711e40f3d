"""Blobs that are far away: they are opened and read by threads of their own."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, gatherResults

from tests.storage.faults import BUCKET, OLD, FaultsTestCase, Gate
from tests.support.storage import PRIVATE, StorageCase, plain_digester
from tests.support.streams import RecordingConsumer
from tests.support.threads import HeldThreads
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.storage.intake import source_of
from twisted_aigate.storage.outflow import PIECE, ObjectBody
from twisted_aigate.storage.reading import no_condition
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.service import ObjectHeaders


class FarBlobsTests(StorageCase):
    """What is done where."""

    def setUp(self) -> None:
        super().setUp()
        self.far = HeldThreads(held=True)
        far: Any = self.far
        self.store.blob_threads = far

    def put(self, data: bytes, key: str = "k") -> None:
        given = ObjectHeaders()
        self.result(self.store.put(PRIVATE, key, source_of(data), given, plain_digester()))

    def getting(self, key: str = "k", **more: Any) -> Deferred[Any]:
        return Deferred.fromCoroutine(self.store.get(PRIVATE, key, **more))

    def nothing_held(self) -> None:
        self.assertEqual((len(self.locks), len(self.store.pins)), (0, 0))

    def test_small(self) -> None:
        """Read where it is opened, under the key's lock, and the database is not kept by it."""
        self.put(b"hello")
        getting = self.getting()
        self.assertNoResult(getting)
        self.assertEqual((len(self.far), len(self.locks)), (1, 1))
        self.assertEqual(self.result(self.store.head(PRIVATE, "k")).size, 5)
        self.far.work()
        self.assertEqual(self.successResultOf(getting)[1], b"hello")
        self.nothing_held()

    def test_large(self) -> None:
        """All of its pieces are read there, and it is closed there."""
        data = b"x" * (2 * PIECE + 1)
        self.put(data)
        self.threads.held = True
        getting = self.getting()
        self.far.work()
        _, body = self.successResultOf(getting)
        consumer = RecordingConsumer()
        done = body.startProducing(consumer)
        self.far.work_off()
        self.successResultOf(done)
        self.assertEqual(consumer.data, data)
        self.assertEqual((len(self.far), len(self.threads)), (0, 0))
        self.nothing_held()

    def test_refused(self) -> None:
        """Before a thread is asked, or by it."""

        def refuse(*_: object) -> Any:
            raise S3Error(ErrorCode.InvalidRange)

        self.put(b"hello")
        for more in ({"condition": refuse}, {"span": refuse}):
            getting = self.getting(**more)
            self.far.work_off()
            self.failureResultOf(getting, S3Error)
        self.failureResultOf(self.getting("other", condition=no_condition), S3Error)
        self.assertEqual(len(self.far), 0)
        self.nothing_held()

    def test_caller_leaves(self) -> None:
        """What a thread opens then is closed."""
        self.put(b"x" * (PIECE + 1))
        opened: list[Any] = []
        opening = self.blobs.open

        def watched(*arguments: Any) -> Any:
            opened.append(opening(*arguments))
            return opened[0]

        self.blobs.open = watched
        getting = self.getting()
        getting.cancel()
        self.failureResultOf(getting, CancelledError)
        self.nothing_held()
        self.far.work_off()
        self.assertEqual([reader.closed for reader in opened], [True])


class SlowEndpointTests(FaultsTestCase):
    """The endpoint does not answer."""

    async def test_metadata_is_not_kept(self) -> None:
        """However many wait for bytes, the database answers and so do writes."""
        gate = Gate()
        self.addCleanup(gate.open)
        threads = Threads(self.reactor, 2, "far")
        self.addCleanup(threads.stop)
        self.store.blob_threads = threads
        opening = self.blobs.open

        def slow(*arguments: Any) -> Any:
            gate.pass_through()
            return opening(*arguments)

        self.patch(self.blobs, "open", slow)
        waiting = [Deferred.fromCoroutine(self.store.get(BUCKET, "key")) for _ in range(12)]
        await self.until(lambda: gate.reached, "nobody reads")
        self.assertEqual((await self.store.head(BUCKET, "key")).size, len(OLD))
        await self.put(b"small", key="other")
        self.assertEqual((await self.store.list_page(BUCKET, "", "", "", 9)).next_key, None)
        self.assertFalse(any(each.called for each in waiting))
        gate.open()
        for _, body in await gatherResults(waiting):
            assert isinstance(body, ObjectBody)
            consumer = RecordingConsumer()
            await body.startProducing(consumer)
            self.assertEqual(consumer.data, OLD)
