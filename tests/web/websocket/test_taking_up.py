"""From an offer to a WebSocket, or to an ordinary answer."""

from __future__ import annotations

from tests.support.edge import Wire, get, head, make_site
from tests.support.logs import record_log
from tests.support.websockets import ACCEPT, OFFER, TEXT, frame
from tests.web.websocket.case import WebSocketCase
from twisted_aigate.kernel.units import Rate
from twisted_aigate.kernel.websocket import Message
from twisted_aigate.web.parser import HEAD_LIMIT
from twisted_aigate.web.ratelimit import RateLimiter


class TakenUpTests(WebSocketCase):
    def test_the_answer_switches_protocols(self) -> None:
        self.wire.send(self.offer("/ws", "X-Request-Id: my-id"))
        status, *fields = self.head()
        self.assertEqual(status, "HTTP/1.1 101 Switching Protocols")
        self.assertIn(f"Sec-WebSocket-Accept: {ACCEPT}", fields)
        self.assertIn("X-Request-Id: my-id", fields)
        self.assertIn("X-Content-Type-Options: nosniff", fields)
        self.assertIn("Server: aigate", fields)
        self.assertIn("X-Extra: yes", fields)

    def test_the_subprotocol_is_the_handlers_choice(self) -> None:
        self.subprotocol = "two"
        self.wire.send(self.offer("/ws", "Sec-WebSocket-Protocol: one, two"))
        self.assertIn("Sec-WebSocket-Protocol: two", self.head())

    def test_no_extension_is_agreed_on(self) -> None:
        self.wire.send(self.offer("/ws", "Sec-WebSocket-Extensions: permessage-deflate"))
        self.assertFalse([line for line in self.head() if "extension" in line.lower()])

    def test_bytes_that_came_with_the_head_are_frames(self) -> None:
        self.wire.send(self.offer() + frame(TEXT, b"early") + frame(TEXT, b"bird"))
        self.assertEqual(self.ears.messages, [Message(b"early"), Message(b"bird")])

    def test_an_offer_in_single_bytes_is_taken_up(self) -> None:
        for byte in self.offer() + frame(TEXT, b"hi"):
            self.wire.send(bytes([byte]))
        self.assertEqual(self.ears.messages, [Message(b"hi")])

    def test_frames_that_come_while_the_handler_thinks_wait(self) -> None:
        self.wire.send(self.offer("/later"), frame(TEXT, b"impatient"))
        self.assertEqual(bytes(self.wire.transport.sent), b"")
        self.gate.callback(None)
        self.assertEqual(self.ears.messages, [Message(b"impatient")])

    def test_no_more_is_read_than_is_worth_keeping_while_the_handler_thinks(self) -> None:
        self.wire.send(self.offer("/later"))
        message = frame(TEXT, b"x" * HEAD_LIMIT)
        self.wire.send(message)
        self.assertFalse(self.wire.transport.reading)
        self.gate.callback(None)
        self.assertTrue(self.wire.transport.reading)
        self.assertEqual(self.ears.messages, [Message(b"x" * HEAD_LIMIT)])

    def test_requests_before_the_offer_are_answered_first(self) -> None:
        self.wire.send(get("/wait") + self.offer() + frame(TEXT, b"hi"))
        self.assertEqual(self.sockets, [])
        self.handlers.gates[0].callback(None)
        sent = bytes(self.wire.transport.sent)
        self.assertTrue(sent.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertIn(b"HTTP/1.1 101 ", sent)
        self.assertEqual(self.ears.messages, [Message(b"hi")])

    def test_a_client_that_leaves_while_the_handler_thinks_cancels_it(self) -> None:
        self.wire.send(self.offer("/later"))
        self.wire.transport.lose()
        self.assertTrue(self.gate.called)
        self.assertEqual(self.sockets, [])

    def test_one_line_is_logged_when_it_is_over(self) -> None:
        events = record_log(self)
        self.wire.send(self.offer("/ws", "X-Request-Id: my-id"))
        self.sockets[0].send(Message(b"hello"))
        self.assertEqual(events, [])
        self.clock.advance(3)
        self.wire.transport.lose()
        (event,) = events
        self.assertEqual((event["status"], event["request_id"]), (101, "my-id"))
        self.assertEqual(event["milliseconds"], 3000)
        self.assertEqual(event["bytes"], len(frame(TEXT, b"hello", masked=False)))

    def test_a_handler_that_fails_when_it_is_open_closes_with_1011(self) -> None:
        def fail(socket: object) -> None:
            raise RuntimeError("oops")

        self.opened = fail  # type: ignore[method-assign]
        self.wire.send(self.offer())
        sent = bytes(self.wire.transport.sent)
        self.assertTrue(sent.startswith(b"HTTP/1.1 101 "))
        self.assertIn(b"\x03\xf3internal error", sent)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class DeclinedTests(WebSocketCase):
    def test_a_refusal_is_http_and_so_is_what_follows(self) -> None:
        for path, status in (("/never", 429), ("/locked", 401), ("/nowhere", 404)):
            with self.subTest(path):
                wire = Wire(self.site, self.clock)
                wire.send(self.offer(path) + get("/n/1"))
                wire.send(get("/n/2"))
                self.assertEqual(wire.statuses, [status, 200, 200])
                self.assertEqual(wire.answers()[0].field("content-type"), "application/json")

    def test_a_rate_limit_refuses_an_offer(self) -> None:
        limiter = RateLimiter(Rate(1 / 60), 0, self.clock)
        wire = Wire(make_site(self.clock, self.handlers.router, limiter=limiter), self.clock)
        wire.send(get(), self.offer())
        self.assertEqual(wire.statuses, [200, 429])

    def test_what_is_no_offer_is_told_what_to_do(self) -> None:
        wrong_version = [line.replace("13", "8") for line in OFFER]
        for lines in ((), wrong_version):
            wire = Wire(self.site, self.clock)
            wire.send(get("/ws", *lines) + get("/n/1"))
            refusal, after = wire.answers()
            self.assertEqual((refusal.status, after.body), (426, b"1"))
            self.assertEqual(refusal.field("upgrade"), "websocket")
            self.assertEqual(refusal.field("sec-websocket-version"), "13")

    def test_what_stands_behind_an_offer_to_a_plain_route_is_http(self) -> None:
        self.wire.send(self.offer("/n/1") + get("/n/2"))
        self.assertEqual([answer.body for answer in self.wire.answers()], [b"1", b"2"])

    def test_what_stands_behind_it_waits_for_the_answer(self) -> None:
        self.wire.send(self.offer("/wait") + get("/n/2"))
        self.assertEqual(len(self.handlers.seen), 1)
        self.handlers.gates[0].callback(None)
        self.assertEqual(self.wire.statuses, [200, 200])

    def test_frames_behind_an_offer_that_is_refused_are_no_http(self) -> None:
        self.wire.send(self.offer("/never") + frame(TEXT, b"hello"))
        self.assertEqual(self.wire.statuses, [429, 400])

    def test_an_offer_with_a_body_is_an_ordinary_request(self) -> None:
        hidden = get("/n/666")
        smuggled = head("GET", "/ws", *OFFER, f"Content-Length: {len(hidden)}") + hidden
        self.wire.send(smuggled + get("/n/1"))
        self.assertEqual(self.wire.statuses, [426, 200])
        self.assertEqual(self.sockets, [])
        self.assertEqual([request.path for request in self.handlers.seen], [b"/n/1"])

    def test_a_chunked_offer_is_an_ordinary_request(self) -> None:
        chunked = head("GET", "/ws", *OFFER, "Transfer-Encoding: chunked")
        hidden = get("/n/666")
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(hidden), hidden)
        self.wire.send(chunked + body + get("/n/1"))
        self.assertEqual(self.wire.statuses, [426, 200])
        self.assertEqual([request.path for request in self.handlers.seen], [b"/n/1"])

    def test_an_offer_from_http_1_0_is_none(self) -> None:
        self.wire.send(get("/ws", *OFFER, version="1.0"))
        self.assertEqual(self.wire.statuses, [426])

    def test_a_connection_that_is_to_close_is_not_taken_over(self) -> None:
        lines = [line.replace("Connection: ", "Connection: close, ") for line in OFFER]
        self.wire.send(get("/ws", *lines))
        self.assertEqual(self.wire.statuses, [426])
        self.assertTrue(self.wire.transport.closed)
