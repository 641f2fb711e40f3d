"""Requests on one connection: order, turns, what keeps it open."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.edge import Handlers, Wire, get, head, make_site, post


class ChannelCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.handlers = Handlers()
        self.site = make_site(self.clock, self.handlers.router)
        self.wire = Wire(self.site, self.clock)


class PipeliningTests(ChannelCase):
    def test_pipelined_requests_in_one_segment_are_answered_in_order(self) -> None:
        self.wire.send(b"".join(get(f"/n/{number}") for number in range(50)))
        bodies = [answer.body for answer in self.wire.answers()]
        self.assertEqual(bodies, [b"%d" % number for number in range(50)])
        self.assertFalse(self.wire.transport.disconnecting)

    def test_two_thousand_pipelined_requests_do_not_recurse(self) -> None:
        self.wire.send(get() * 2000)
        self.assertEqual(self.wire.statuses, [200] * 2000)

    def test_two_thousand_requests_with_path_parameters_do_not_recurse(self) -> None:
        self.wire.send(get("/n/7") * 2000)
        self.assertEqual(self.wire.statuses, [200] * 2000)

    def test_two_thousand_requests_that_waited_for_one_do_not_recurse(self) -> None:
        self.wire.send(get("/wait") + get() * 2000)
        self.assertEqual(self.wire.statuses, [])
        self.handlers.gates[0].callback(None)
        self.assertEqual(self.wire.statuses, [200] * 2001)

    def test_a_pipelined_request_starts_when_the_one_before_is_answered(self) -> None:
        self.wire.send(get("/wait") + get("/n/2"))
        self.assertEqual([request.path for request in self.handlers.seen], [b"/wait"])
        self.assertEqual(self.wire.answers(), [])
        self.handlers.gates[0].callback(None)
        self.assertEqual([answer.body for answer in self.wire.answers()], [b'"waited"', b"2"])

    def test_bodies_of_pipelined_requests_are_kept_apart(self) -> None:
        pipelined = b"".join(post("/read", body) for body in (b"one", b"", b"three"))
        self.wire.send(get("/wait") + pipelined)
        self.handlers.gates[0].callback(None)
        self.assertEqual(self.handlers.bodies, [b"one", b"", b"three"])
        self.assertEqual(self.wire.statuses, [200] * 4)

    def test_requests_split_at_every_byte_are_answered_the_same(self) -> None:
        chunked = head("POST", "/read", "Transfer-Encoding: chunked")
        chunks = b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
        stream = get("/n/1") + post("/read", b"hello") + chunked + chunks + get("/n/4")
        for byte in stream:
            self.wire.send(bytes([byte]))
        answers = self.wire.answers()
        self.assertEqual([answer.body for answer in answers], [b"1", b"5", b"3", b"4"])
        self.assertEqual(self.handlers.bodies, [b"hello", b"abc"])

    def test_reading_stops_while_more_requests_wait_than_are_worth_keeping(self) -> None:
        self.wire.send(get("/wait"))
        for _ in range(2000):
            if not self.wire.transport.reading:
                break
            self.wire.send(get() * 100)
        self.assertFalse(self.wire.transport.reading, "200,000 requests were taken into memory")
        self.handlers.gates[0].callback(None)
        self.assertTrue(self.wire.transport.reading)


class PersistenceTests(ChannelCase):
    def test_a_connection_serves_one_request_after_another(self) -> None:
        for number in range(3):
            self.wire.send(get(f"/n/{number}"))
        self.assertEqual(self.wire.statuses, [200] * 3)
        for answer in self.wire.answers():
            self.assertIsNone(answer.field("connection"))
        self.assertFalse(self.wire.transport.disconnecting)

    def test_connection_close_is_heeded_and_told(self) -> None:
        self.wire.send(get("/hello", "Connection: close"))
        self.assertEqual(self.wire.answer().field("connection"), "close")
        self.assertTrue(self.wire.transport.closed)
        self.assertFalse(self.wire.transport.aborted)

    def test_connection_close_among_other_options_is_heeded(self) -> None:
        self.wire.send(get("/hello", "Connection: x, CLOSE"))
        self.assertTrue(self.wire.transport.closed)

    def test_nothing_behind_a_last_request_in_its_segment_is_answered(self) -> None:
        self.wire.send(get("/n/1", "Connection: close") + get("/n/2"))
        self.assertEqual([answer.body for answer in self.wire.answers()], [b"1"])
        self.clock.advance(60)
        self.assertTrue(self.wire.transport.closed)

    def test_nothing_that_comes_while_a_last_request_is_served_is_answered(self) -> None:
        self.wire.send(get("/wait", "Connection: close"))
        self.wire.send(get("/n/2"))
        self.handlers.gates[0].callback(None)
        self.assertEqual([answer.body for answer in self.wire.answers()], [b'"waited"'])
        self.assertEqual(len(self.handlers.seen), 1)

    def test_the_requests_before_a_last_one_are_answered_too(self) -> None:
        self.wire.send(get("/n/1") + get("/n/2", "Connection: close"))
        first, second = self.wire.answers()
        self.assertIsNone(first.field("connection"))
        self.assertEqual(second.field("connection"), "close")

    def test_http_1_0_closes_after_the_answer(self) -> None:
        self.wire.send(get(version="1.0"))
        answer = self.wire.answer()
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.field("connection"), "close")
        self.assertTrue(self.wire.transport.closed)

    def test_http_1_0_needs_no_host(self) -> None:
        self.wire.send(b"GET /hello HTTP/1.0\r\n\r\n")
        self.assertEqual(self.wire.answer().status, 200)

    def test_empty_lines_before_a_request_are_passed_over(self) -> None:
        self.wire.send(b"\r\n\r\n" + get())
        self.assertEqual(self.wire.answer().status, 200)


class UpgradeTests(ChannelCase):
    OFFER = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")

    def test_an_offer_of_h2c_is_ignored(self) -> None:
        self.wire.send(get("/n/1", *self.OFFER))
        answer = self.wire.answer()
        self.assertEqual((answer.status, answer.body), (200, b"1"))
        self.assertIsNone(answer.field("upgrade"))

    def test_requests_behind_an_offer_are_answered(self) -> None:
        self.wire.send(get("/n/1", *self.OFFER) + get("/n/2"))
        self.wire.send(get("/n/3"))
        self.assertEqual([answer.body for answer in self.wire.answers()], [b"1", b"2", b"3"])

    def test_the_body_of_a_request_with_an_offer_is_read(self) -> None:
        self.wire.send(post("/read", b"hello", *self.OFFER) + get("/n/2"))
        self.assertEqual(self.handlers.bodies, [b"hello"])
        self.assertEqual(self.wire.statuses, [200, 200])

    def test_the_body_of_a_request_with_an_offer_is_never_taken_for_a_request(self) -> None:
        self.wire.send(post("/ignore", get("/n/666"), *self.OFFER))
        self.assertEqual(self.wire.statuses, [200])
        self.assertNotIn(b"/n/666", [request.path for request in self.handlers.seen])

    def test_a_websocket_offer_without_a_taker_is_an_ordinary_request(self) -> None:
        self.wire.send(get("/n/1", "Connection: Upgrade", "Upgrade: websocket"))
        self.assertEqual(self.wire.answer().body, b"1")


class GoneTests(ChannelCase):
    def test_a_client_that_leaves_cancels_its_handler(self) -> None:
        self.wire.send(get("/wait"))
        self.assertEqual(self.handlers.ended, [])
        self.wire.transport.lose()
        self.assertEqual(self.handlers.ended, [b"/wait"])

    def test_a_client_that_leaves_takes_its_waiting_requests_with_it(self) -> None:
        self.wire.send(get("/wait") + get("/n/2") + get("/n/3"))
        self.wire.transport.lose()
        self.assertEqual(self.handlers.ended, [b"/wait"])
        self.assertEqual(len(self.handlers.seen), 1)
        self.assertIsNone(self.successResultOf(self.site.drain()))

    def test_a_client_that_leaves_in_its_body_cancels_the_reading(self) -> None:
        self.wire.send(post("/read", b"hello")[:-2])
        self.wire.transport.lose()
        self.assertEqual(self.handlers.ended, [b"/read"])
        self.assertEqual(self.handlers.bodies, [])

    def test_nothing_is_left_in_the_reactor_by_a_connection_that_is_gone(self) -> None:
        for sent in (b"", b"GET", get(), get("/wait"), post("/read", b"hello")[:-2]):
            wire = Wire(self.site, self.clock)
            if sent:
                wire.send(sent)
            wire.transport.lose()
        self.wire.transport.lose()
        self.assertEqual(self.clock.getDelayedCalls(), [])
