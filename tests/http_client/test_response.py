"""A response's body, streamed to who takes it at his own pace."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred

from tests.support.streams import RecordingConsumer
from tests.support.upstream import HEAD, OK, ClientCase
from twisted_aigate.http_client.response import HIGH_WATER

PIECE = b"x" * 20_000


class StreamTests(ClientCase):
    def setUp(self) -> None:
        super().setUp()
        self.consumer = RecordingConsumer()

    def test_pieces_are_handed_over_as_they_come(self) -> None:
        response = self.answered(OK[:-1])
        done = response.startProducing(self.consumer)
        self.assertEqual(self.consumer.parts, [b"o"])
        self.respond(b"k")
        self.assertEqual(self.consumer.parts, [b"o", b"k"])
        self.successResultOf(done)

    def test_a_body_that_is_all_there_is_handed_over_at_once(self) -> None:
        self.successResultOf(self.answered(OK).startProducing(self.consumer))
        self.assertEqual(self.consumer.data, b"ok")

    def test_a_body_that_nobody_takes_stops_the_reading(self) -> None:
        response = self.answered(HEAD)
        sent = 0
        while self.upstream.connections[0].reading:
            self.respond(PIECE)
            sent += 1
            self.assertLess(sent, 100)
        self.assertEqual(sent, HIGH_WATER // len(PIECE) + 1)
        response.startProducing(self.consumer)
        self.assertEqual(self.consumer.data, PIECE * sent)
        self.assertTrue(self.upstream.connections[0].reading)

    def test_a_consumer_that_pauses_stops_the_reading_and_one_that_resumes_starts_it(self) -> None:
        response = self.answered(HEAD)
        response.startProducing(self.consumer)
        response.pauseProducing()
        self.assertFalse(self.upstream.connections[0].reading)
        response.resumeProducing()
        self.assertTrue(self.upstream.connections[0].reading)

    def test_what_came_while_paused_is_handed_over_in_order(self) -> None:
        response = self.answered(OK[:-2])
        done = response.startProducing(self.consumer)
        response.pauseProducing()
        response.received(b"o")
        self.upstream.connections[0].resumeProducing()
        self.respond(b"ok")
        self.assertEqual(self.consumer.parts, [])
        self.assertNoResult(done)
        response.resumeProducing()
        self.assertEqual(self.consumer.data, b"ook")
        self.successResultOf(done)

    def test_the_time_out_rests_while_the_consumer_pauses(self) -> None:
        response = self.answered(HEAD)
        done = response.startProducing(self.consumer)
        response.pauseProducing()
        self.clock.pump([1] * 100)
        self.assertNoResult(done)
        response.resumeProducing()
        self.clock.pump([1] * 29)
        self.assertNoResult(done)
        self.clock.pump([1] * 2)
        self.assertIn("no progress", str(self.failureResultOf(done).value))

    def test_a_connection_is_reused_after_a_response_that_ended_while_paused(self) -> None:
        response = self.answered(OK[:-2])
        done = response.startProducing(self.consumer)
        response.pauseProducing()
        self.upstream.connections[0].reading = True  # what was under way when it was paused
        self.respond(b"ok")
        response.resumeProducing()
        self.successResultOf(done)
        self.assertTrue(self.upstream.connections[0].reading)
        self.assertEqual(self.answered(OK).whole(), b"ok")
        self.assertEqual(len(self.upstream.connections), 1)

    def test_who_stops_taking_cuts_the_connection(self) -> None:
        response = self.answered(HEAD)
        response.startProducing(self.consumer)
        response.stopProducing()
        self.clock.advance(0)
        self.assertTrue(self.upstream.connections[0].aborted)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cancelling_cuts_the_connection(self) -> None:
        response = self.answered(HEAD)
        done = response.startProducing(self.consumer)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.clock.advance(0)
        self.assertTrue(self.upstream.connections[0].aborted)

    def test_stopping_what_is_complete_leaves_the_connection_alone(self) -> None:
        self.answered(OK).stopProducing()
        self.clock.advance(0)
        self.assertFalse(self.upstream.connections[0].aborted)


class ReadTests(ClientCase):
    def test_what_is_over_the_most_is_cut_off(self) -> None:
        response = self.answered(OK[:-1])
        reading = Deferred.fromCoroutine(response.read(1))
        self.respond(b"k")
        self.assertEqual(self.successResultOf(reading), b"o")

    def test_cancelling_cuts_the_connection(self) -> None:
        response = self.answered(HEAD)
        reading = Deferred.fromCoroutine(response.read(10))
        reading.cancel()
        self.failureResultOf(reading, CancelledError)
        self.clock.advance(0)
        self.assertTrue(self.upstream.connections[0].aborted)
