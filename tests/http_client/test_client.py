"""The pool, time-outs, cancelling."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectingCancelledError, DNSLookupError
from twisted.internet.error import ConnectionRefusedError as Refused

from tests.support.upstream import GET, HEAD, OK, ORIGIN, POST, ClientCase
from twisted_aigate.http_client import (
    ConnectFailed,
    ConnectionBroken,
    Origin,
    ResponseTimeout,
)
from twisted_aigate.http_client import client as client_module
from twisted_aigate.http_client.connection import IDLE_TIMEOUT

CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"


class PoolTests(ClientCase):
    def connections(self) -> int:
        return len(self.upstream.connections)

    def test_a_connection_is_used_again(self) -> None:
        for _ in range(3):
            self.assertEqual(self.answered(OK).whole(), b"ok")
        self.assertEqual(self.connections(), 1)

    def test_calls_at_once_have_connections_of_their_own(self) -> None:
        one, two = self.call(), self.call()
        self.assertEqual(self.connections(), 2)
        for connection in self.upstream.connections:
            connection.receive(OK)
        self.successResultOf(one)
        self.successResultOf(two)
        self.call()
        self.call()
        self.assertEqual(self.connections(), 2)

    def test_a_connection_is_not_used_again_before_its_response_is_complete(self) -> None:
        self.answered(OK[:-1])
        self.call()
        self.assertEqual(self.connections(), 2)

    def test_a_connection_is_used_for_its_origin_alone(self) -> None:
        self.answered(OK)
        for other in (
            Origin("https", "upstream.test", 8080),
            Origin("http", "other.test", 8080),
            Origin("http", "upstream.test", 8081),
        ):
            self.call(origin=other)
        self.assertEqual(self.connections(), 4)
        self.call(origin=Origin("http", "upstream.test", 8080))
        self.assertEqual(self.connections(), 4)

    def test_a_server_that_closes_is_heeded(self) -> None:
        for response in (CLOSING, b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"):
            self.assertEqual(self.answered(response).whole(), b"ok")
            self.assertTrue(self.upstream.connections[-1].closed)
        self.answered(OK)
        self.assertEqual(self.connections(), 3)

    def test_an_idle_connection_that_is_closed_is_forgotten(self) -> None:
        self.answered(OK)
        self.upstream.connections[0].lose()
        self.answered(OK)
        self.assertEqual(self.connections(), 2)

    def test_an_idle_connection_is_closed_after_a_while(self) -> None:
        self.answered(OK)
        self.clock.advance(IDLE_TIMEOUT - 1)
        self.assertFalse(self.upstream.connections[0].closed)
        self.clock.advance(1)
        self.clock.advance(0)
        self.assertTrue(self.upstream.connections[0].closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_no_more_idle_connections_are_kept_than_may(self) -> None:
        self.patch(client_module, "MOST_IDLE", 2)
        calls = [self.call() for _ in range(4)]
        for connection in self.upstream.connections:
            connection.receive(OK)
        for call in calls:
            self.successResultOf(call)
        self.clock.advance(0)
        kept = [c for c in self.upstream.connections if not c.closed]
        self.assertEqual(len(kept), 2)


class StaleTests(ClientCase):
    def test_a_kept_connection_that_turns_out_closed_is_replaced_once(self) -> None:
        self.answered(OK)
        answer = self.call(POST)
        self.upstream.connections[0].lose()
        self.assertEqual(len(self.upstream.connections), 2)
        self.assertTrue(self.upstream.connections[1].sent.endswith(b"\r\n\r\nhello"))
        self.respond(OK)
        self.assertEqual(self.successResultOf(answer).whole(), b"ok")

    def test_the_second_connection_is_the_last(self) -> None:
        self.answered(OK)
        answer = self.call()
        self.upstream.connections[0].lose()
        self.upstream.connections[1].lose()
        self.failureResultOf(answer, ConnectionBroken)
        self.assertEqual(len(self.upstream.connections), 2)

    def test_a_fresh_connection_that_breaks_is_not_replaced(self) -> None:
        answer = self.call()
        self.upstream.connections[0].lose()
        self.failureResultOf(answer, ConnectionBroken)
        self.assertEqual(len(self.upstream.connections), 1)

    def test_a_request_whose_answer_had_begun_is_not_sent_again(self) -> None:
        self.answered(OK)
        answer = self.call()
        self.respond(b"HTTP/1.1 2")
        self.upstream.connections[0].lose()
        self.failureResultOf(answer, ConnectionBroken)
        self.assertEqual(len(self.upstream.connections), 1)

    def test_a_request_that_timed_out_is_not_sent_again(self) -> None:
        self.answered(OK)
        answer = self.call()
        self.clock.pump([1] * 31)
        self.failureResultOf(answer, ResponseTimeout)
        self.assertEqual(len(self.upstream.connections), 1)


class ConnectTests(ClientCase):
    def test_what_cannot_be_connected_to_is_told(self) -> None:
        self.upstream.error = Refused()
        error = self.failureResultOf(self.call(), ConnectFailed).value
        self.assertIn("upstream.test:8080", str(error))

    def test_cancelling_ends_the_connecting(self) -> None:
        self.upstream.slow = True
        answer = self.call()
        answer.cancel()
        self.failureResultOf(answer, CancelledError)

    def test_cancelling_ends_the_lookup_of_a_name(self) -> None:
        self.upstream.slow = True
        answer = self.call()
        self.upstream.pending[0]._canceller = lambda cut: cut.errback(DNSLookupError())
        answer.cancel()
        self.failureResultOf(answer, CancelledError)

    def test_connecting_takes_no_longer_than_the_time_out(self) -> None:
        self.upstream.slow = True
        for timeout in (3, 9):
            answer = self.call(timeout=timeout)
            self.clock.advance(timeout - 1)
            self.assertNoResult(answer)
            self.clock.advance(1)
            self.failureResultOf(answer, ResponseTimeout)
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_connecting_that_is_cut_as_twisted_does_it(self) -> None:
        self.upstream.slow = True
        answer = self.call(timeout=3)
        connecting = self.upstream.pending[0]
        connecting._canceller = lambda cut: cut.errback(ConnectingCancelledError(None))
        self.clock.advance(3)
        self.failureResultOf(answer, ResponseTimeout)


class TimeoutTests(ClientCase):
    def test_a_head_that_does_not_come_is_a_time_out(self) -> None:
        answer = self.call(timeout=10)
        self.clock.pump([1] * 9)
        self.assertNoResult(answer)
        self.clock.pump([1] * 2)
        self.failureResultOf(answer, ResponseTimeout)
        self.assertTrue(self.upstream.connections[0].closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_body_whose_next_piece_does_not_come_is_a_time_out(self) -> None:
        answer = self.call(timeout=10)
        self.respond(HEAD)
        response = self.successResultOf(answer)
        done = response.startProducing(_Sink())
        for _ in range(5):
            self.clock.pump([1] * 9)
            self.respond(b"x")
        self.assertNoResult(done)
        self.clock.pump([1] * 11)
        self.failureResultOf(done, ResponseTimeout)

    def test_0_is_no_end(self) -> None:
        answer = self.call(timeout=0)
        self.clock.advance(1_000_000)
        self.respond(OK)
        self.assertEqual(self.successResultOf(answer).whole(), b"ok")

    def test_the_time_out_of_one_call_is_not_the_next_ones(self) -> None:
        self.call(timeout=5)
        self.respond(OK)
        answer = self.call(timeout=40)
        self.clock.pump([1] * 39)
        self.assertNoResult(answer)


class CancelTests(ClientCase):
    def test_cancelling_a_call_cuts_its_connection(self) -> None:
        for _ in range(2):
            answer = self.call(GET)
            answer.cancel()
            self.failureResultOf(answer, CancelledError)
            self.clock.advance(0)
            self.assertTrue(self.upstream.connections[-1].aborted)
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cancelling_on_a_kept_connection_does_not_send_again(self) -> None:
        self.answered(OK)
        answer = self.call(GET)
        answer.cancel()
        self.clock.advance(0)
        self.failureResultOf(answer, CancelledError)
        self.assertEqual(len(self.upstream.connections), 1)


class CloseTests(ClientCase):
    def test_closing_cuts_idle_and_busy_connections(self) -> None:
        self.answered(OK)
        busy = self.call(origin=Origin("http", "other.test", 1))
        self.client.close()
        self.clock.advance(0)
        self.assertEqual([c.aborted for c in self.upstream.connections], [True, True])
        self.failureResultOf(busy, ConnectionBroken)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_call_on_a_kept_connection_is_not_made_again_when_closing_cuts_it(self) -> None:
        self.answered(OK)
        answer = self.call()
        self.client.close()
        self.clock.advance(0)
        self.failureResultOf(answer, ConnectionBroken)
        self.assertEqual(len(self.upstream.connections), 1)

    def test_nothing_is_kept_from_then_on(self) -> None:
        self.client.close()
        self.assertEqual(self.answered(OK).whole(), b"ok")
        self.clock.advance(0)
        self.assertTrue(self.upstream.connections[0].closed)
        self.assertEqual(self.upstream.origins, [ORIGIN])


class _Sink:
    def write(self, data: bytes) -> None:
        pass
