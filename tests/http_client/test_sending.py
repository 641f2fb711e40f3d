"""Request bodies that are streamed."""

from __future__ import annotations

from tests.support.streams import HandFed
from tests.support.upstream import OK, ClientCase
from twisted_aigate.http_client import ConnectionBroken, OutgoingRequest, ResponseTimeout


class SendingTests(ClientCase):
    def setUp(self) -> None:
        super().setUp()
        self.source = HandFed()
        self.answer = self.call(OutgoingRequest(b"POST", b"/x", (), self.source))
        self.transport = self.upstream.connections[0]

    def sent(self) -> bytes:
        return bytes(self.transport.sent).partition(b"\r\n\r\n")[2]

    def test_a_body_of_unknown_length_goes_out_in_chunks(self) -> None:
        for piece in (b"hello", b"", b"x" * 16):
            self.source.feed(piece)
        self.assertEqual(self.sent(), b"5\r\nhello\r\n10\r\n" + b"x" * 16 + b"\r\n")
        self.source.done.callback(None)
        self.assertTrue(self.sent().endswith(b"\r\n0\r\n\r\n"))
        self.respond(OK)
        self.assertEqual(self.successResultOf(self.answer).whole(), b"ok")

    def test_a_body_of_known_length_goes_out_as_it_is(self) -> None:
        source = HandFed(4)
        self.call(OutgoingRequest(b"POST", b"/x", (), source))
        source.feed(b"ab")
        source.feed(b"cd")
        source.done.callback(None)
        sent = bytes(self.upstream.connections[-1].sent)
        self.assertTrue(sent.endswith(b"Content-Length: 4\r\n\r\nabcd"))

    def test_a_connection_is_kept_after_a_streamed_body(self) -> None:
        self.source.done.callback(None)
        self.respond(OK)
        self.assertEqual(self.answered(OK).whole(), b"ok")
        self.assertEqual(len(self.upstream.connections), 1)

    def test_a_server_that_reads_slowly_pauses_the_source(self) -> None:
        self.transport.choke()
        self.assertEqual(self.source.calls, ["start", "pause"])
        self.transport.unchoke()
        self.assertEqual(self.source.calls, ["start", "pause", "resume"])
        self.source.done.callback(None)
        self.transport.choke()
        self.assertEqual(len(self.source.calls), 3)

    def test_a_server_that_answers_before_the_body_is_sent_is_heard(self) -> None:
        self.source.feed(b"begun")
        self.respond(b"HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\nno")
        response = self.successResultOf(self.answer)
        self.assertEqual((response.status, response.whole()), (413, b"no"))
        self.assertEqual(self.source.calls[-1], "stop")
        self.assertTrue(self.transport.closed)
        self.source.feed(b"late")
        self.assertNotIn(b"late", self.transport.sent)
        self.assertEqual(self.answered(OK).whole(), b"ok")
        self.assertEqual(len(self.upstream.connections), 2)

    def test_a_source_that_fails_fails_the_call(self) -> None:
        self.source.done.errback(RuntimeError("no more"))
        self.clock.advance(0)
        self.failureResultOf(self.answer, ConnectionBroken)
        self.assertTrue(self.transport.aborted)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_a_connection_that_breaks_stops_the_source_once_and_is_not_tried_again(self) -> None:
        self.transport.lose()
        self.failureResultOf(self.answer, ConnectionBroken)
        self.assertEqual(self.source.calls.count("stop"), 1)
        self.assertEqual(len(self.upstream.connections), 1)

    def test_a_streamed_body_is_not_sent_again_on_a_stale_connection(self) -> None:
        self.source.done.callback(None)
        self.respond(OK)
        self.successResultOf(self.answer)
        answer = self.call(OutgoingRequest(b"POST", b"/x", (), HandFed()))
        self.transport.lose()
        self.failureResultOf(answer, ConnectionBroken)
        self.assertEqual(len(self.upstream.connections), 1)

    def test_a_body_that_goes_on_is_progress(self) -> None:
        for _ in range(10):
            self.clock.pump([1] * 20)
            self.source.feed(b"x")
        self.source.done.callback(None)
        self.assertNoResult(self.answer)
        self.respond(OK)
        self.assertEqual(self.successResultOf(self.answer).whole(), b"ok")

    def test_a_body_that_stops_is_none(self) -> None:
        self.source.feed(b"x")
        self.clock.pump([1] * 31)
        self.failureResultOf(self.answer, ResponseTimeout)
        self.assertEqual(self.source.calls[-1], "stop")
