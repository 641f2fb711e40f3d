"""Bytes on their way out: any range over any blobs, and nothing held when it is over."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.test_intake import LaterFirst
from tests.support.streams import RecordingConsumer
from tests.support.threads import HeldThreads
from twisted_aigate.storage.models import BlobRef
from twisted_aigate.storage.outflow import PIECE, ObjectBody, Pins, Stretch, stretches


class Blobs:
    """
    Blobs in memory.

    @ivar content: By id.
    @ivar open_now: The readers that are open.
    @ivar misused: What was read from readers that were closed.
    """

    def __init__(self, **content: bytes) -> None:
        self.content = content
        self.open_now: list[Reader] = []
        self.misused: list[str] = []

    def open(self, blob: BlobRef, offset: int = 0) -> Reader:
        if blob.id not in self.content:
            raise FileNotFoundError(blob.id)
        reader = Reader(self, blob.id, offset)
        self.open_now.append(reader)
        return reader

    def refs(self) -> list[BlobRef]:
        return [BlobRef(name, len(data)) for name, data in self.content.items()]


class Reader:
    def __init__(self, blobs: Blobs, name: str, offset: int) -> None:
        self.blobs, self.name, self.offset = blobs, name, offset

    def read(self, size: int) -> bytes:
        if self not in self.blobs.open_now:
            self.blobs.misused.append(self.name)
        data = self.blobs.content[self.name][self.offset : self.offset + size]
        self.offset += len(data)
        return data

    def close(self) -> None:
        self.blobs.open_now.remove(self)


class StretchesTests(SynchronousTestCase):
    """Where a range of an object lies."""

    @settings(max_examples=200, deadline=None, database=None)
    @given(st.lists(st.integers(0, 5), max_size=6), st.data())
    def test_against_slices(self, sizes: list[int], data: st.DataObject) -> None:
        """As if the blobs were one."""
        names = [bytes([65 + number]) for number in range(len(sizes))]
        whole = b"".join(name * size for name, size in zip(names, sizes, strict=True))
        blobs = [BlobRef(n.decode(), size) for n, size in zip(names, sizes, strict=True)]
        start = data.draw(st.integers(0, len(whole)))
        size = data.draw(st.integers(0, len(whole) - start))
        found = stretches(blobs, start, size)
        self.assertEqual(
            b"".join(each.blob.id.encode() * each.size for each in found),
            whole[start : start + size],
        )
        self.assertTrue(all(each.size > 0 for each in found))

    def test_offsets(self) -> None:
        """The first may begin in the middle, the others at their beginning."""
        a, b, c = BlobRef("a", 10), BlobRef("b", 5), BlobRef("c", 10)
        self.assertEqual(
            stretches((a, b, c), 8, 9), [Stretch(a, 8, 2), Stretch(b, 0, 5), Stretch(c, 0, 2)]
        )


class PinsTests(SynchronousTestCase):
    """What is being read."""

    def test_counted(self) -> None:
        """Who reads twice lets go twice."""
        pins = Pins()
        pins.add(["a", "b"])
        pins.add(["a"])
        pins.remove(["a", "b"])
        self.assertEqual(("a" in pins, "b" in pins), (True, False))
        pins.remove(["a"])
        self.assertNotIn("a", pins)


class ObjectBodyTests(SynchronousTestCase):
    """Given whole, stopped anywhere."""

    def setUp(self) -> None:
        self.threads: Any = HeldThreads()
        self.pins = Pins()
        self.blobs: Any = Blobs(a=b"a" * (PIECE + 10), b=b"b" * 5, c=b"c" * PIECE)

    def body(self, start: int = 0, size: int | None = None) -> ObjectBody:
        refs = self.blobs.refs()
        size = sum(ref.size for ref in refs) if size is None else size
        wanted = stretches(refs, start, size)
        self.pins.add(each.blob.id for each in wanted)
        first = self.blobs.open(wanted[0].blob, wanted[0].offset)
        return ObjectBody(self.blobs, self.threads, wanted, first, self.pins)

    def assert_let_go(self, case: object = None) -> None:
        self.assertEqual(self.blobs.open_now, [], case)
        self.assertFalse(any(name in self.pins for name in "abc"), case)

    def test_all(self) -> None:
        """All of the blobs, one after the other."""
        consumer = RecordingConsumer()
        body = self.body()
        self.assertEqual(body.length, 2 * PIECE + 15)
        self.successResultOf(body.startProducing(consumer))
        self.assertEqual(consumer.data, b"a" * (PIECE + 10) + b"b" * 5 + b"c" * PIECE)
        self.assertTrue(all(len(part) <= PIECE for part in consumer.parts))
        self.assert_let_go()

    def test_some(self) -> None:
        """From within one blob into another."""
        consumer = RecordingConsumer()
        self.successResultOf(self.body(PIECE + 8, 9).startProducing(consumer))
        self.assertEqual(consumer.data, b"aabbbbbcc")
        self.assert_let_go()

    def test_backpressure(self) -> None:
        """Nothing is read for a client that has enough."""
        self.threads.held = True
        consumer = RecordingConsumer(pause_after=1)
        body = self.body()
        consumer.registerProducer(body, True)
        done = body.startProducing(consumer)
        for pieces in range(1, 5):
            self.threads.work_off()
            self.assertEqual(len(consumer.parts), pieces)
            body.resumeProducing()
            self.threads.work_off()
        self.successResultOf(done)
        self.assert_let_go()

    def test_short_blob(self) -> None:
        """A blob that is shorter than it should be is a failure, and lets go."""
        body = self.body()
        self.blobs.content["b"] = b"bb"
        self.failureResultOf(body.startProducing(RecordingConsumer()), OSError)
        self.assert_let_go()

    def test_missing_blob(self) -> None:
        """So is one that is gone."""
        body = self.body()
        del self.blobs.content["b"]
        self.failureResultOf(body.startProducing(RecordingConsumer()), FileNotFoundError)
        self.assert_let_go()

    def _stopped(self, threads: HeldThreads, steps: int, *, cancel: bool) -> None:
        self.threads = threads
        body = self.body()
        done: Deferred[None] = body.startProducing(RecordingConsumer())
        for _ in range(steps):
            if len(threads):
                HeldThreads.work(threads)
        if cancel:
            done.addErrback(lambda _: None)
            done.cancel()
        else:
            body.stopProducing()
        body.close()
        threads.work_off()
        self.assert_let_go((type(threads), steps, cancel))

    def test_stopped_at_any_point(self) -> None:
        """By the consumer, or by a cancel: no reader and no pin stays."""
        for steps in range(9):
            for cancel in (False, True):
                self._stopped(HeldThreads(held=True), steps, cancel=cancel)

    def test_not_closed_while_it_is_read(self) -> None:
        """A descriptor that one thread closes while another reads could be another file's then."""
        for steps in range(9):
            self._stopped(LaterFirst(held=True), steps, cancel=False)
            self.assertEqual(self.blobs.misused, [], steps)

    def test_never_started(self) -> None:
        """Closing is enough, and may be done twice."""
        for end in ("close", "stopProducing"):
            body = self.body()
            getattr(body, end)()
            getattr(body, end)()
            self.assert_let_go(end)
