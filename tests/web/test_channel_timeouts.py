"""What a connection does when nothing happens on it."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import UNKNOWN_LENGTH

from tests.support.edge import Handlers, Wire, get, head, make_site, post, render_plain_error
from tests.support.streams import HandFed
from twisted_aigate.web.auth import public
from twisted_aigate.web.reply import Reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.site import Tree


class TimeoutCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.handlers = Handlers()
        other = Tree(
            b"other", self.handlers.router, render_plain_error, None, frozenset(), timeout=20
        )
        endless = Tree(
            b"endless", self.handlers.router, render_plain_error, None, frozenset(), timeout=0
        )
        self.site = make_site(self.clock, self.handlers.router, others=[other, endless])
        self.wire = Wire(self.site, self.clock)

    def pass_time(self, seconds: float) -> None:
        """Let time pass in small steps, as it does."""
        self.clock.pump([0.5] * int(seconds * 2))


class HeadTests(TimeoutCase):
    def test_a_head_that_never_begins_is_a_closed_connection_after_30_s(self) -> None:
        self.pass_time(29)
        self.assertFalse(self.wire.transport.closed)
        self.pass_time(2)
        self.assertTrue(self.wire.transport.half_closed or self.wire.transport.closed)

    def test_a_head_that_never_ends_is_408_after_30_s(self) -> None:
        self.wire.send(b"GET /hello HTTP/1.1\r\nHost: te")
        self.pass_time(29)
        self.assertEqual(self.wire.statuses, [])
        self.pass_time(1.5)
        answer = self.wire.answer()
        self.assertEqual(answer.status, 408)
        self.assertEqual(answer.field("connection"), "close")

    def test_dripping_does_not_lengthen_the_time_for_a_head(self) -> None:
        self.wire.send(b"GET /hello HTTP/1.1\r\nHost: test\r\n")
        for _ in range(29):
            self.pass_time(1)
            self.wire.send(b"a: b\r\n")
        self.assertEqual(self.wire.statuses, [])
        self.pass_time(1.5)
        self.assertEqual(self.wire.statuses, [408])

    def test_the_second_request_has_30_s_for_its_head_too(self) -> None:
        self.wire.send(get())
        self.pass_time(50)
        self.wire.send(b"G")
        self.pass_time(29)
        self.assertEqual(self.wire.statuses, [200])
        self.pass_time(1.5)
        self.assertEqual(self.wire.statuses, [200, 408])

    def test_a_head_begun_behind_a_request_has_30_s_from_that_ones_answer(self) -> None:
        self.wire.send(get("/wait") + b"GET /hello HTT")
        self.handlers.gates[0].callback(None)
        self.pass_time(31)
        self.assertEqual(self.wire.statuses, [200, 408])

    def test_what_comes_after_the_408_is_not_read_as_a_request(self) -> None:
        self.wire.send(b"GET /hello HTTP/1.1\r\nHost: test\r\n")
        self.pass_time(30.5)
        self.wire.send(b"\r\n" + get())
        self.assertEqual(self.wire.statuses, [408])
        self.assertEqual(self.handlers.seen, [])


class IdleTests(TimeoutCase):
    def test_an_idle_connection_is_closed_after_75_s_without_a_word(self) -> None:
        self.wire.send(get())
        self.pass_time(74)
        self.assertFalse(self.wire.transport.disconnecting)
        self.pass_time(1.5)
        self.assertTrue(self.wire.transport.closed)
        self.assertFalse(self.wire.transport.aborted)
        self.assertEqual(self.wire.statuses, [200])

    def test_each_request_starts_the_75_s_anew(self) -> None:
        for _ in range(3):
            self.wire.send(get())
            self.pass_time(70)
        self.assertFalse(self.wire.transport.disconnecting)

    def test_an_idle_connection_whose_client_never_read_the_answer_is_cut_in_the_end(self) -> None:
        self.wire.transport.choke()
        self.wire.send(get())
        self.pass_time(75 + 60)
        self.assertTrue(self.wire.transport.closed, "the connection stays for ever")


class BodyTests(TimeoutCase):
    def test_a_body_that_stops_coming_is_408_after_60_s_and_the_connection_closes(self) -> None:
        self.wire.send(post("/read", b"hello")[:-1])
        self.pass_time(59)
        self.assertEqual(self.wire.statuses, [])
        self.pass_time(1.5)
        answer = self.wire.answer()
        self.assertEqual(answer.status, 408)
        self.assertEqual(answer.field("connection"), "close")
        self.assertEqual(self.handlers.ended, [b"/read"])
        self.pass_time(6)
        self.assertTrue(self.wire.transport.closed)

    def test_a_body_that_goes_on_coming_is_waited_for(self) -> None:
        self.wire.send(head("POST", "/read", "Content-Length: 10"))
        for _ in range(10):
            self.pass_time(50)
            self.wire.send(b"x")
        self.assertEqual(self.wire.answer().status, 200)

    def test_a_handler_that_never_reads_a_body_that_stopped_coming_is_ended_too(self) -> None:
        self.wire.send(post("/wait", b"hello")[:-1])
        self.pass_time(60 + 600 + 60)
        self.assertEqual(self.handlers.ended, [b"/wait"])
        self.assertIn(self.wire.answer().status, (408, 504))

    def test_a_handler_that_never_reads_a_broken_body_is_ended_too(self) -> None:
        self.wire.send(head("POST", "/wait", "Transfer-Encoding: chunked") + b"x\r\n")
        self.pass_time(60 + 600 + 60)
        self.assertEqual(self.handlers.ended, [b"/wait"])

    def test_the_response_has_its_whole_time_from_the_bodys_end(self) -> None:
        self.wire.send(post("/other/wait", b"hello")[:-1])
        self.pass_time(50)
        self.wire.send(b"o")
        self.pass_time(19)
        self.assertEqual(self.wire.statuses, [])
        self.pass_time(1.5)
        self.assertEqual(self.wire.answer().status, 504)


class ResponseTests(TimeoutCase):
    def test_a_response_that_does_not_begin_is_504_in_the_trees_format(self) -> None:
        self.wire.send(get("/other/wait"))
        self.pass_time(19)
        self.assertEqual(self.wire.statuses, [])
        self.pass_time(1.5)
        answer = self.wire.answer()
        self.assertEqual(answer.status, 504)
        self.assertEqual(answer.field("content-type"), "text/plain")
        self.assertTrue(answer.body.startswith(b"plain: "))
        self.assertEqual(self.handlers.ended, [b"/other/wait"])

    def test_a_connection_goes_on_after_a_504(self) -> None:
        self.wire.send(get("/other/wait") + get("/n/2"))
        self.pass_time(21)
        self.assertEqual(self.wire.statuses, [504, 200])

    def test_the_request_behind_a_504_has_its_own_time(self) -> None:
        self.wire.send(get("/other/wait") + get("/wait"))
        self.pass_time(21 + 598)
        self.assertEqual(self.wire.statuses, [504])
        self.pass_time(2)
        self.assertEqual(self.wire.statuses, [504, 504])

    def test_a_connection_is_idle_for_75_s_after_a_504_too(self) -> None:
        self.wire.send(get("/other/wait"))
        self.pass_time(20 + 74)
        self.assertFalse(self.wire.transport.disconnecting)

    def test_another_tree_has_another_time(self) -> None:
        self.wire.send(get("/wait"))
        self.pass_time(599)
        self.assertEqual(self.wire.statuses, [])
        self.pass_time(1.5)
        self.assertEqual(self.wire.statuses, [504])

    def test_a_timeout_of_0_is_no_end(self) -> None:
        self.wire.send(get("/endless/wait"))
        self.clock.advance(1_000_000)
        self.handlers.gates[0].callback(None)
        self.assertEqual(self.wire.statuses, [200])

    def test_a_waiting_requests_time_starts_with_its_turn(self) -> None:
        self.wire.send(get("/wait") + get("/other/wait"))
        self.pass_time(30)
        self.handlers.gates[0].callback(None)
        self.pass_time(19)
        self.assertEqual(self.wire.statuses, [200])
        self.pass_time(1.5)
        self.assertEqual(self.wire.statuses, [200, 504])


class StreamTests(TimeoutCase):
    def setUp(self) -> None:
        super().setUp()
        self.body = HandFed(UNKNOWN_LENGTH)

        async def stream(request: Request, caller: None) -> Reply:
            return Reply(self.body, b"text/event-stream")

        self.handlers.router.add("GET", "/stream", stream, public)
        self.handlers.router.add("POST", "/stream", stream, public)

    def test_a_stream_that_stops_is_cut_so_that_the_client_sees_it(self) -> None:
        self.wire.send(get("/other/stream"))
        self.body.feed(b"begun")
        self.pass_time(21)
        self.assertTrue(self.wire.transport.aborted)
        answer = self.wire.answer()
        self.assertEqual((answer.status, answer.body, answer.whole), (200, b"begun", False))
        self.assertIn("stop", self.body.calls)

    def test_a_stream_that_goes_on_is_not_cut(self) -> None:
        self.wire.send(get("/other/stream"))
        for _ in range(20):
            self.pass_time(15)
            self.body.feed(b"x")
        self.body.done.callback(None)
        answer = self.wire.answer()
        self.assertEqual((answer.body, answer.whole), (b"x" * 20, True))

    def test_a_stream_that_goes_on_is_not_cut_for_a_body_that_nobody_reads(self) -> None:
        self.wire.send(head("POST", "/other/stream", "Content-Length: 1000000"))
        self.wire.send(b"x" * 60_000)
        self.wire.send(b"x" * 60_000)
        self.assertFalse(self.wire.transport.reading)
        for _ in range(20):
            self.pass_time(15)
            self.body.feed(b"x")
        self.assertFalse(self.wire.transport.aborted)
