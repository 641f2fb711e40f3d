"""A request's body, read whole or streamed."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.streams import RecordingConsumer
from twisted_aigate.web.body import HIGH_WATER, RequestBody
from twisted_aigate.web.errors import HTTPError


class Source:
    """Stands in for the connection."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def body_wanted(self) -> None:
        self.calls.append("wanted")

    def body_unwanted(self) -> None:
        self.calls.append("unwanted")


class BodyCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.source = Source()
        self.consumer = RecordingConsumer()

    def body(self, length: int | None = None) -> RequestBody:
        return RequestBody(self.source, length)

    def reading(self, body: RequestBody, limit: int = 0) -> Deferred[bytes]:
        return Deferred.fromCoroutine(body.read(limit))

    def refused(self, reading: Deferred[Any]) -> int:
        return self.failureResultOf(reading, HTTPError).value.status


class ReadTests(BodyCase):
    def test_a_body_that_is_all_there_is_read_at_once(self) -> None:
        body = self.body()
        body.received(b"hello ")
        body.received(b"world")
        body.ended()
        self.assertEqual(self.successResultOf(self.reading(body)), b"hello world")
        self.assertEqual(self.source.calls, [])

    def test_a_body_still_coming_is_asked_for_and_waited_for(self) -> None:
        body = self.body()
        body.received(b"hello ")
        reading = self.reading(body)
        self.assertEqual(self.source.calls, ["wanted"])
        body.received(b"world")
        self.assertNoResult(reading)
        body.ended()
        self.assertEqual(self.successResultOf(reading), b"hello world")

    def test_a_told_length_over_the_limit_is_413_and_nothing_is_asked_for(self) -> None:
        self.assertEqual(self.refused(self.reading(self.body(11), 10)), 413)
        self.assertEqual(self.source.calls, [])

    def test_what_is_over_the_limit_is_413_however_it_comes(self) -> None:
        whole = self.body()
        whole.received(b"x" * 11)
        whole.ended()
        self.assertEqual(self.refused(self.reading(whole, 10)), 413)
        waiting = self.body()
        waiting.received(b"x" * 11)
        self.assertEqual(self.refused(self.reading(waiting, 10)), 413)
        coming = self.body()
        reading = self.reading(coming, 10)
        coming.received(b"x" * 10)
        self.assertNoResult(reading)
        coming.received(b"x")
        self.assertEqual(self.refused(reading), 413)

    def test_a_body_as_large_as_the_limit_is_taken(self) -> None:
        body = self.body(10)
        reading = self.reading(body, 10)
        body.received(b"x" * 10)
        body.ended()
        self.assertEqual(self.successResultOf(reading), b"x" * 10)

    def test_a_limit_of_0_is_none(self) -> None:
        body = self.body(1_000_000)
        reading = self.reading(body, 0)
        body.received(b"x" * 1_000_000)
        body.ended()
        self.assertEqual(len(self.successResultOf(reading)), 1_000_000)

    def test_a_body_that_breaks_off_is_not_taken_for_whole(self) -> None:
        for before in (True, False):
            body = self.body()
            body.received(b"half")
            if before:
                body.failed(ValueError("gone"))
            reading = self.reading(body)
            if not before:
                body.failed(ValueError("gone"))
            self.failureResultOf(reading, ValueError)

    def test_what_comes_after_a_failure_is_dropped(self) -> None:
        body = self.body()
        reading = self.reading(body)
        body.failed(ValueError("gone"))
        body.received(b"x" * HIGH_WATER * 2)
        self.failureResultOf(reading, ValueError)
        self.assertNotIn("unwanted", self.source.calls)

    def test_a_failure_after_the_end_changes_nothing(self) -> None:
        body = self.body()
        body.received(b"all")
        body.ended()
        body.failed(ValueError("gone"))
        self.assertEqual(self.successResultOf(self.reading(body)), b"all")


class DeliverTests(BodyCase):
    def test_pieces_are_handed_over_as_they_come(self) -> None:
        body = self.body()
        body.received(b"one")
        done = body.deliver(self.consumer, 0)
        self.assertEqual(self.consumer.parts, [b"one"])
        body.received(b"two")
        self.assertEqual(self.consumer.parts, [b"one", b"two"])
        self.assertIs(self.consumer.producer, body)
        body.ended()
        self.successResultOf(done)
        self.assertIsNone(self.consumer.producer)

    def test_a_paused_consumer_gets_nothing_and_then_all_in_order(self) -> None:
        body = self.body()
        done = body.deliver(self.consumer, 0)
        body.pauseProducing()
        for piece in (b"1", b"2", b"3"):
            body.received(piece)
        body.ended()
        self.assertEqual(self.consumer.parts, [])
        self.assertNoResult(done)
        body.resumeProducing()
        self.assertEqual(self.consumer.data, b"123")
        self.successResultOf(done)

    def test_pausing_and_resuming_reach_the_connection(self) -> None:
        body = self.body()
        body.deliver(self.consumer, 0)
        body.pauseProducing()
        body.resumeProducing()
        self.assertEqual(self.source.calls, ["wanted", "unwanted", "wanted"])

    def test_a_consumer_that_pauses_at_each_piece_gets_one_a_time(self) -> None:
        self.consumer.pause_after = 1
        body = self.body()
        body.received(b"1")
        body.received(b"2")
        done = body.deliver(self.consumer, 0)
        body.ended()
        self.assertEqual(self.consumer.parts, [b"1"])
        body.resumeProducing()
        self.assertEqual(self.consumer.parts, [b"1", b"2"])
        self.successResultOf(done)

    def test_no_more_than_the_high_water_mark_waits(self) -> None:
        body = self.body()
        body.received(b"x" * HIGH_WATER)
        self.assertEqual(self.source.calls, [])
        body.received(b"x")
        self.assertEqual(self.source.calls, ["unwanted"])

    def test_a_body_is_delivered_once(self) -> None:
        body = self.body()
        body.deliver(self.consumer, 0)
        self.assertRaises(RuntimeError, body.deliver, self.consumer, 0)

    def test_cancelling_stops_the_delivery(self) -> None:
        body = self.body()
        done = body.deliver(self.consumer, 0)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertIsNone(self.consumer.producer)
        body.received(b"late")
        body.ended()
        self.assertEqual(self.consumer.parts, [])

    def test_the_limit_counts_what_waited(self) -> None:
        body = self.body()
        body.received(b"x" * 6)
        done = body.deliver(self.consumer, 10)
        body.received(b"x" * 5)
        self.assertEqual(self.refused(done), 413)
        self.assertEqual(self.consumer.data, b"x" * 6)
