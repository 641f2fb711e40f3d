"""One body, and those who read it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.streams import HandFed, RecordingConsumer
from twisted_aigate.gateway.cache.shared_body import Reader, SharedBody


class SharedBodyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.source = HandFed()
        self.over: list[bytes | None] = []
        self.body = SharedBody(self.source, 10, self.over.append)

    def read(self) -> tuple[Reader, RecordingConsumer, Deferred[None]]:
        reader, consumer = self.body.reader(), RecordingConsumer()
        return reader, consumer, reader.startProducing(consumer)

    def test_all_read_all_of_it(self) -> None:
        first = self.read()
        self.source.feed(b"one")
        second = self.read()
        self.assertEqual(second[1].data, b"one")
        self.source.feed(b"two")
        self.source.done.callback(None)
        third = self.read()
        for _, consumer, done in (first, second, third):
            self.assertEqual(consumer.data, b"onetwo")
            self.successResultOf(done)
        self.assertEqual(self.over, [b"onetwo"])
        self.assertEqual(self.source.calls, ["start"])

    def test_one_who_pauses_holds_nobody_up(self) -> None:
        slow, consumer, done = self.read()
        _, fast, _ = self.read()
        slow.pauseProducing()
        self.source.feed(b"one")
        self.source.feed(b"two")
        self.source.done.callback(None)
        self.assertEqual((consumer.data, fast.data), (b"", b"onetwo"))
        self.assertNoResult(done)
        slow.resumeProducing()
        self.assertEqual(consumer.data, b"onetwo")
        self.successResultOf(done)

    def test_the_source_pauses_when_all_do(self) -> None:
        first, second = self.read()[0], self.read()[0]
        first.pauseProducing()
        self.assertEqual(self.source.calls, ["start"])
        second.pauseProducing()
        self.assertEqual(self.source.calls, ["start", "pause"])
        first.resumeProducing()
        self.assertEqual(self.source.calls, ["start", "pause", "resume"])

    def test_the_source_goes_on_when_the_last_who_reads_leaves(self) -> None:
        first, second = self.read()[0], self.read()[0]
        first.pauseProducing()
        second.stopProducing()
        self.assertEqual(self.source.calls, ["start", "pause"])
        first.resumeProducing()
        self.assertEqual(self.source.calls, ["start", "pause", "resume"])

    def test_one_who_leaves_leaves_the_others(self) -> None:
        first, consumer, done = self.read()
        _, other, _ = self.read()
        self.source.feed(b"one")
        first.stopProducing()
        self.source.feed(b"two")
        self.assertEqual((consumer.data, other.data), (b"one", b"onetwo"))
        self.assertNoResult(done)
        self.assertNotIn("stop", self.source.calls)

    def test_the_last_who_leaves_ends_it(self) -> None:
        first, second = self.read()[0], self.read()[0]
        first.stopProducing()
        second.stopProducing()
        second.stopProducing()
        self.assertEqual(self.source.calls, ["start", "stop"])
        self.assertEqual(self.over, [None])
        self.assertFalse(self.body.whole)

    def test_cancelling_is_leaving(self) -> None:
        done = self.read()[2]
        done.addErrback(lambda _: None)
        done.cancel()
        self.assertEqual(self.source.calls, ["start", "stop"])

    def test_all_are_told_of_a_failure(self) -> None:
        reads = [self.read(), self.read()]
        self.source.feed(b"one")
        self.source.done.errback(ValueError("broken"))
        for _, consumer, done in reads:
            self.assertEqual(consumer.data, b"one")
            self.failureResultOf(done, ValueError)
        self.assertEqual(self.over, [None])
        self.assertFalse(self.body.whole)

    def test_a_large_one_is_not_kept(self) -> None:
        _, consumer, done = self.read()
        for _ in range(4):
            self.source.feed(b"12345")
        self.assertFalse(self.body.whole)
        self.source.done.callback(None)
        self.assertEqual(consumer.data, b"12345" * 4)
        self.successResultOf(done)
        self.assertEqual(self.over, [None])

    def test_of_a_large_one_the_fast_wait_for_the_slow(self) -> None:
        slow, taken, _ = self.read()
        _, fast, _ = self.read()
        slow.pauseProducing()
        for _ in range(3):
            self.source.feed(b"12345")
        self.assertEqual(self.source.calls, ["start", "pause"])
        self.assertEqual(len(fast.data), 15)
        slow.resumeProducing()
        self.assertEqual(len(taken.data), 15)
        self.assertEqual(self.source.calls, ["start", "pause", "resume"])

    def test_the_slow_who_leaves_lets_the_fast_go_on(self) -> None:
        slow, _, _ = self.read()
        self.read()
        slow.pauseProducing()
        for _ in range(3):
            self.source.feed(b"12345")
        slow.stopProducing()
        self.assertEqual(self.source.calls, ["start", "pause", "resume"])

    def test_one_that_stops_within_a_write(self) -> None:
        reader = self.body.reader()
        _, other, _ = self.read()

        class Enough(RecordingConsumer):
            def write(self, data: bytes) -> None:
                super().write(data)
                reader.stopProducing()

        enough = Enough()
        reader.startProducing(enough)
        self.source.feed(b"one")
        self.source.feed(b"two")
        self.assertEqual((enough.data, other.data), (b"one", b"onetwo"))

    def test_one_that_pauses_within_a_write(self) -> None:
        reader, consumer = self.body.reader(), RecordingConsumer(pause_after=1)
        consumer.registerProducer(reader, True)
        reader.startProducing(consumer)
        self.source.feed(b"one")
        self.source.feed(b"two")
        self.assertEqual(consumer.parts, [b"one"])
        reader.resumeProducing()
        self.assertEqual(consumer.parts, [b"one", b"two"])


class AnyOrderTests(SynchronousTestCase):
    """Whatever readers and the source do, in whatever order."""

    @given(
        st.lists(
            st.tuples(st.sampled_from(("join", "pause", "resume", "stop", "feed")), st.integers(0)),
            max_size=60,
        ),
        st.integers(1, 40),
    )
    def test_who_stays_has_all_of_it(self, steps: list[tuple[str, int]], most: int) -> None:
        source = HandFed()
        over: list[bytes | None] = []
        body = SharedBody(source, most, over.append)
        readers: list[tuple[Reader, RecordingConsumer, Deferred[None]]] = []
        fed = b""

        def join() -> None:
            reader, consumer = body.reader(), RecordingConsumer()
            readers.append((reader, consumer, reader.startProducing(consumer)))

        join()
        for step, number in steps:
            if body.is_over:
                break
            reader = readers[number % len(readers)]
            if step == "join" and body.whole:
                join()
            elif step == "feed" and source.calls[-1] != "pause":
                piece = bytes([number % 256]) * (1 + number % 7)
                fed += piece
                source.feed(piece)
            elif step == "pause":
                reader[0].pauseProducing()
            elif step == "resume":
                reader[0].resumeProducing()
            elif step == "stop":
                reader[0].stopProducing()
                readers.remove(reader)
            for _, consumer, _ in readers:
                self.assertTrue(fed.startswith(consumer.data))
            # Somebody can always go on.
            paused = source.calls[-1] == "pause"
            if paused and not body.is_over:
                self.assertTrue(any(each.paused for each, _, _ in readers))
        if body.is_over:
            self.assertEqual((readers, source.calls[-1], over), ([], "stop", [None]))
            return
        source.done.callback(None)
        for reader, consumer, done in readers:
            reader.resumeProducing()
            self.assertEqual(consumer.data, fed)
            self.successResultOf(done)
        self.assertEqual(over, [fed if len(fed) <= most else None])
