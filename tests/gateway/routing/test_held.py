"""A body whose beginning is held."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.trial.unittest import SynchronousTestCase

from tests.support.streams import HandFed, RecordingConsumer
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.routing.held import HeldBody, whole_body


class _Broken(Exception):
    pass


class HeldCase(SynchronousTestCase):
    """
    A body and what it is made of.

    @ivar events: It is a stream of events.
    """

    events = False

    def setUp(self) -> None:
        self.source = HandFed(length=12)
        self.body = HeldBody(self.source, events=self.events)
        self.overs = 0
        self.body.over = self.count_over
        self.begun: Deferred[None] = Deferred.fromCoroutine(self.body.begin())
        self.consumer = RecordingConsumer()

    def count_over(self) -> None:
        """Count."""
        self.overs += 1

    def start(self) -> Deferred[None]:
        """Take the body."""
        self.successResultOf(self.begun)
        return self.body.startProducing(self.consumer)


class HeldBodyTests(HeldCase):
    """Bodies of any kind."""

    def test_passes_on(self) -> None:
        """The first piece is held with its source paused, the others pass."""
        self.assertEqual(self.body.length, 12)
        self.assertNoResult(self.begun)
        self.source.feed(b"")
        self.assertNoResult(self.begun)
        self.source.feed(b"one")
        self.assertEqual(self.source.calls, ["start", "pause"])
        done = self.start()
        self.assertEqual(self.source.calls, ["start", "pause", "resume"])
        self.source.feed(b"two")
        self.assertEqual(self.consumer.parts, [b"one", b"two"])
        self.assertNoResult(done)
        self.assertEqual(self.overs, 0)
        self.source.done.callback(None)
        self.successResultOf(done)
        self.assertEqual(self.overs, 1)

    def test_what_comes_in_spite_of_the_pause(self) -> None:
        """It is held too, in order."""
        self.source.feed(b"one")
        self.source.feed(b"two")
        self.start()
        self.source.feed(b"three")
        self.assertEqual(self.consumer.data, b"onetwothree")

    def test_ended_while_it_is_held(self) -> None:
        """All of it goes out when it is taken; only then is it over."""
        self.source.feed(b"all")
        self.source.done.callback(None)
        self.assertEqual(self.overs, 0)
        self.successResultOf(self.start())
        self.assertEqual(self.consumer.data, b"all")
        self.assertEqual((self.overs, self.source.calls), (1, ["start", "pause"]))

    def test_end_without_bytes(self) -> None:
        """An empty body is one."""
        self.source.done.callback(None)
        self.successResultOf(self.start())
        self.assertEqual((self.consumer.parts, self.overs), ([], 1))

    def test_failure_before_the_first_byte(self) -> None:
        """It is the beginning's."""
        self.source.done.errback(_Broken())
        self.failureResultOf(self.begun, _Broken)
        self.assertEqual(self.source.calls, ["start"])

    def test_failure_while_it_is_held(self) -> None:
        """What came goes out, and then it fails."""
        self.source.feed(b"one")
        self.source.done.errback(_Broken())
        self.failureResultOf(self.start(), _Broken)
        self.assertEqual((self.consumer.data, self.overs), (b"one", 1))

    def test_failure_after_the_first_byte(self) -> None:
        """It is the body's."""
        self.source.feed(b"one")
        done = self.start()
        self.source.done.errback(_Broken())
        self.failureResultOf(done, _Broken)
        self.assertEqual(self.overs, 1)

    def test_cancelled_before_the_first_byte(self) -> None:
        """The source is stopped, and what it does then is of no interest."""
        self.begun.cancel()
        self.failureResultOf(self.begun, CancelledError)
        self.assertEqual(self.source.calls, ["start", "stop"])
        self.source.feed(b"late")
        self.source.done.errback(_Broken())
        self.assertEqual(self.overs, 1)

    def test_cancelled_after_the_first_byte(self) -> None:
        """The same, once, however often it is stopped."""
        self.source.feed(b"one")
        done = self.start()
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.body.stopProducing()
        self.assertEqual(self.source.calls, ["start", "pause", "resume", "stop"])
        self.source.feed(b"late")
        self.source.done.callback(None)
        self.assertEqual((self.consumer.data, self.overs), (b"one", 1))

    def test_stopped_while_it_is_held(self) -> None:
        """Nobody takes it."""
        self.source.feed(b"one")
        self.body.stopProducing()
        self.body.stopProducing()
        self.assertEqual((self.source.calls, self.overs), (["start", "pause", "stop"], 1))

    def test_stopped_when_it_has_ended(self) -> None:
        """Its source is not asked again."""
        self.source.feed(b"one")
        self.source.done.callback(None)
        self.body.stopProducing()
        self.assertEqual((self.source.calls, self.overs), (["start", "pause"], 1))

    def test_backpressure(self) -> None:
        """Who takes the body decides about its source."""
        self.source.feed(b"one")
        self.start()
        self.body.pauseProducing()
        self.body.resumeProducing()
        self.assertEqual(self.source.calls, ["start", "pause", "resume", "pause", "resume"])

    def test_consumer_has_enough_before_the_start(self) -> None:
        """Nothing is written before it takes more, and the source rests."""
        self.source.feed(b"one")
        self.body.pauseProducing()
        done = self.start()
        self.assertEqual(self.consumer.parts, [])
        self.assertNotIn("resume", self.source.calls)
        self.body.resumeProducing()
        self.assertEqual(self.consumer.parts, [b"one"])
        self.assertEqual(self.source.calls[-1], "resume")
        self.source.done.callback(None)
        self.successResultOf(done)

    def test_consumer_has_enough_after_the_first_piece(self) -> None:
        """The source is not resumed behind its back."""
        self.consumer.pause_after = 1
        self.consumer.producer = self.body
        self.source.feed(b"one")
        self.start()
        self.assertEqual(self.source.calls, ["start", "pause", "pause"])
        self.body.resumeProducing()
        self.assertEqual(self.source.calls[-1], "resume")

    def test_ended_while_the_consumer_has_enough(self) -> None:
        """It waits for the consumer, and its source is asked nothing more."""
        self.source.feed(b"one")
        self.body.pauseProducing()
        done = self.start()
        self.source.done.callback(None)
        self.assertNoResult(done)
        calls = list(self.source.calls)
        self.body.pauseProducing()
        self.body.resumeProducing()
        self.successResultOf(done)
        self.assertEqual((self.consumer.data, self.source.calls), (b"one", calls))

    def test_seen(self) -> None:
        """Who looks on sees what is passed on."""
        seen: list[bytes] = []
        self.source.feed(b"one")
        self.body.seen = seen.append
        self.assertEqual(seen, [])
        self.start()
        self.source.feed(b"two")
        self.assertEqual(seen, [b"one", b"two"])

    def test_source_that_is_there_at_once(self) -> None:
        """One that writes and ends as it is started."""

        class Eager(HandFed):
            def startProducing(self, consumer: object) -> Deferred[None]:
                done = super().startProducing(consumer)  # type: ignore[arg-type]
                self.feed(b"all")
                self.done.callback(None)
                return done

        body = HeldBody(Eager())
        self.successResultOf(Deferred.fromCoroutine(body.begin()))
        self.successResultOf(body.startProducing(self.consumer))
        self.assertEqual(self.consumer.data, b"all")


class HeldEventsTests(HeldCase):
    """Streams of events."""

    events = True

    def test_first_event_is_held_until_it_is_whole(self) -> None:
        """Byte by byte, behind comments, and then all of it goes out as it came."""
        data = b": PROCESSING\n\n: PROCESSING\n\ndata: {}\n\n"
        for byte in data[:-1]:
            self.source.feed(bytes((byte,)))
            self.assertNoResult(self.begun)
            self.assertNotIn("pause", self.source.calls)
        self.source.feed(data[-1:])
        self.assertEqual((self.body.first, self.source.calls), (b"{}", ["start", "pause"]))
        self.start()
        self.assertEqual(self.consumer.data, data)

    def test_failure_within_the_first_event(self) -> None:
        """Nothing has gone out: it is the beginning's."""
        self.source.feed(b": x\n\ndata: {")
        self.source.done.errback(_Broken())
        self.failureResultOf(self.begun, _Broken)

    def test_end_within_the_first_event(self) -> None:
        """An event whose end is missing is one; a comment is none."""
        self.source.feed(b'data: {"error"')
        self.source.done.callback(None)
        self.start()
        self.assertEqual(self.body.first, b'{"error"')
        self.assertEqual(self.consumer.data, b'data: {"error"')

    def test_comments_alone(self) -> None:
        """They are no event."""
        self.source.feed(b": x\n\n")
        self.source.done.callback(None)
        self.successResultOf(self.begun)
        self.assertIsNone(self.body.first)

    def test_large_first_event(self) -> None:
        """What is held has a bound."""
        self.source.feed(b"data: " + b"x" * 60_000)
        self.assertNoResult(self.begun)
        self.source.feed(b"x" * 10_000)
        self.assertEqual(self.body.first, b"")
        self.start()
        self.assertEqual(len(self.consumer.data), 70_006)

    def test_cancelled(self) -> None:
        """Comments do not keep a caller."""
        self.source.feed(b": x\n\n")
        self.begun.cancel()
        self.failureResultOf(self.begun, CancelledError)
        self.assertEqual(self.source.calls, ["start", "stop"])


class WholeBodyTests(SynchronousTestCase):
    """A body that is awaited."""

    def test_whole(self) -> None:
        """All of it, or why not."""
        source = HandFed()
        whole = Deferred.fromCoroutine(whole_body(source))
        source.feed(b"one")
        source.feed(b"two")
        self.assertNoResult(whole)
        source.done.callback(None)
        self.assertEqual(self.successResultOf(whole), b"onetwo")
        source = HandFed()
        whole = Deferred.fromCoroutine(whole_body(source))
        source.done.errback(_Broken())
        self.failureResultOf(whole, _Broken)

    def test_more_than_is_kept(self) -> None:
        """The body is ended at the byte that is too many, and the call has failed."""
        source = HandFed()
        source.done = Deferred(lambda _: source.stopProducing())
        whole = Deferred.fromCoroutine(whole_body(source, 6))
        source.feed(b"one")
        source.feed(b"two")
        self.assertNoResult(whole)
        source.feed(b"!")
        error = self.failureResultOf(whole, GatewayError).value
        self.assertEqual((error.status, error.code), (502, "answer_too_large"))
        self.assertEqual(source.calls, ["start", "stop"])
        source.feed(b"what was on its way")

    def test_more_than_is_kept_at_once(self) -> None:
        """Nor is one kept that is all there when it is asked for."""

        class Eager(HandFed):
            def startProducing(self, consumer: IConsumer) -> Deferred[None]:
                consumer.write(b"1234567")
                return succeed(None)

        whole = Deferred.fromCoroutine(whole_body(Eager(), 6))
        self.assertEqual(self.failureResultOf(whole, GatewayError).value.status, 502)

    def test_cancelled(self) -> None:
        """Who leaves ends the body, and is told of no failure of the answer's."""
        source = HandFed()
        source.done = Deferred(lambda _: source.stopProducing())
        whole = Deferred.fromCoroutine(whole_body(source))
        whole.cancel()
        self.failureResultOf(whole, CancelledError)
        self.assertEqual(source.calls, ["start", "stop"])
