"""Responses as they come off the wire."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.web.iweb import UNKNOWN_LENGTH

from tests.support.streams import RecordingConsumer
from tests.support.upstream import GET, OK, POST, ClientCase
from twisted_aigate.http_client import (
    BadResponse,
    ConnectionBroken,
    OutgoingRequest,
    UpstreamError,
)

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\n"


class RequestTests(ClientCase):
    def test_a_request_is_sent_in_one_piece(self) -> None:
        self.call(POST)
        self.assertEqual(
            bytes(self.upstream.connections[0].sent),
            b"POST /x HTTP/1.1\r\nHost: upstream.test:8080\r\nContent-Length: 5\r\n\r\nhello",
        )
        self.assertTrue(self.upstream.connections[0].no_delay)


class ResponseTests(ClientCase):
    def test_a_response_in_one_piece_is_had_in_one_piece(self) -> None:
        response = self.answered(
            b"HTTP/1.1 201 Made\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 2\r\n\r\nok"
        )
        self.assertEqual((response.status, response.length, response.whole()), (201, 2, b"ok"))
        self.assertEqual(response.fields[:2], [(b"x-a", b"1"), (b"x-a", b"2")])
        self.assertEqual(response.field(b"x-a"), b"1")
        self.assertIsNone(response.field(b"x-b"))

    def test_a_response_is_there_when_its_head_is(self) -> None:
        response = self.answered(OK[:-1])
        self.assertFalse(response.complete)
        self.assertIsNone(response.whole())
        self.respond(b"k")
        self.assertEqual(response.whole(), b"ok")

    def test_a_response_cut_anywhere_is_the_same(self) -> None:
        for stream, body in (
            (OK, b"ok"),
            (CHUNKED + b"1;a=b\r\no\r\n1\r\nk\r\n0\r\nX-T: 1\r\n\r\n", b"ok"),
            (b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
            (b"HTTP/1.1 204 None\r\n\r\n", b""),
        ):
            for at in range(1, len(stream)):
                response = self.answered(stream[:at], stream[at:])
                self.assertEqual(self.body(response), body)
                self.assertNotIn(b"link", dict(response.fields))
        self.assertEqual(len(self.upstream.connections), 1)

    def test_the_length_of_a_chunked_response_is_unknown(self) -> None:
        self.assertEqual(self.answered(CHUNKED).length, UNKNOWN_LENGTH)

    def test_a_response_may_end_with_the_connection(self) -> None:
        response = self.answered(UNTIL_CLOSE + b"some", b" more")
        reading = Deferred.fromCoroutine(response.read(100))
        self.assertNoResult(reading)
        self.upstream.connections[0].lose()
        self.assertEqual(self.successResultOf(reading), b"some more")

    def test_a_response_that_was_to_end_with_the_connection_but_was_cut_is_not_whole(self) -> None:
        response = self.answered(UNTIL_CLOSE + b"some")
        self.upstream.connections[0].reset()
        reading = Deferred.fromCoroutine(response.read(100))
        self.failureResultOf(reading, ConnectionBroken)

    def test_responses_that_have_no_body_end_with_their_head(self) -> None:
        for status in (b"204 No Content", b"304 Not Modified"):
            response = self.answered(b"HTTP/1.1 %b\r\nContent-Length: 5\r\n\r\n" % status)
            self.assertEqual(response.whole(), b"")
        self.assertEqual(self.answered(OK).whole(), b"ok")

    def test_a_response_to_head_ends_with_its_head(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
        response = self.answered(head, request=OutgoingRequest(b"HEAD", b"/x"))
        self.assertEqual(response.whole(), b"")
        self.assertEqual(self.answered(OK).whole(), b"ok")

    def test_what_comes_behind_a_response_is_not_taken_for_it(self) -> None:
        response = self.answered(OK + b"HTTP/1.1 500 Bad\r\nContent-Length: 3\r\n\r\nbad")
        self.assertEqual((response.status, response.whole()), (200, b"ok"))
        self.clock.advance(0)
        self.assertTrue(self.upstream.connections[0].closed)

    def test_garbage_behind_a_response_does_not_spoil_it(self) -> None:
        for garbage in (b"\r\n", b"garbage"):
            response = self.answered(OK + garbage)
            self.assertEqual((response.status, response.whole()), (200, b"ok"))
            self.clock.advance(0)

    def test_what_comes_unasked_cuts_the_connection(self) -> None:
        self.answered(OK)
        self.respond(OK)
        self.assertTrue(self.upstream.connections[0].aborted)
        self.assertEqual(self.answered(OK).whole(), b"ok")
        self.assertEqual(len(self.upstream.connections), 2)


class FailureTests(ClientCase):
    def test_what_is_no_http_is_a_bad_response(self) -> None:
        for garbage in (
            b"\x16\x03\x01",
            b"SSH-2.0-x\r\n",
            b"HTTP/1.1 abc\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ):
            answer = self.call()
            self.respond(garbage)
            self.failureResultOf(answer, BadResponse)
            self.assertTrue(self.upstream.connections[-1].aborted)

    def test_a_bad_chunk_fails_the_body(self) -> None:
        response = self.answered(CHUNKED + b"2\r\nok\r\n")
        reading = Deferred.fromCoroutine(response.read(100))
        self.respond(b"zz\r\n")
        self.failureResultOf(reading, BadResponse)

    def test_a_head_without_end_is_a_bad_response(self) -> None:
        answer = self.call()
        self.respond(b"HTTP/1.1 200 OK\r\n")
        for _ in range(70):
            if not self.upstream.connections[0].closed:
                self.respond(b"a: " + b"x" * 1000 + b"\r\n")
        self.failureResultOf(answer, BadResponse)

    def test_interim_responses_without_end_are_a_bad_response(self) -> None:
        answer = self.call()
        for _ in range(40):
            if not self.upstream.connections[0].closed:
                self.respond(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
        self.failureResultOf(answer, BadResponse)

    def test_a_connection_that_breaks_before_the_head_fails_the_call(self) -> None:
        answer = self.call()
        self.respond(b"HTTP/1.1 200")
        self.upstream.connections[0].lose()
        self.failureResultOf(answer, ConnectionBroken)

    def test_a_connection_that_breaks_in_the_body_fails_the_body(self) -> None:
        for begun in (OK[:-1], CHUNKED + b"5\r\nhel"):
            response = self.answered(begun)
            reading = Deferred.fromCoroutine(response.read(100))
            self.upstream.connections[-1].lose()
            self.failureResultOf(reading, ConnectionBroken)
            late = response.startProducing(RecordingConsumer())
            self.failureResultOf(late, UpstreamError)

    def test_nothing_is_left_in_the_reactor_by_a_connection_that_is_gone(self) -> None:
        answer = self.call(GET)
        self.upstream.connections[0].lose()
        self.failureResultOf(answer, ConnectionBroken)
        self.assertEqual(self.clock.getDelayedCalls(), [])
