"""Early ends: what a client sees whose request is refused, and what becomes of the connection."""

from __future__ import annotations

import json

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.edge import Handlers, Wire, get, head, make_site, post


class RefusalCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.handlers = Handlers()
        self.site = make_site(self.clock, self.handlers.router)
        self.wire = Wire(self.site, self.clock)


class ParserRefusalTests(RefusalCase):
    def test_bytes_that_are_no_request_are_400_in_the_root_trees_format(self) -> None:
        self.wire.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        answer = self.wire.answer()
        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.field("connection"), "close")
        self.assertEqual(answer.field("x-content-type-options"), "nosniff")
        said = json.loads(answer.body)
        self.assertEqual(said["id"], answer.field("x-request-id"))
        self.assertTrue(answer.whole)

    def test_the_requests_before_the_bad_one_are_answered_first(self) -> None:
        self.wire.send(get("/wait") + get("/n/2") + b"bad\r\n\r\n")
        self.assertEqual(self.wire.statuses, [])
        self.handlers.gates[0].callback(None)
        self.assertEqual(self.wire.statuses, [200, 200, 400])

    def test_no_answer_before_the_refusal_says_that_it_is_the_last(self) -> None:
        self.wire.send(get("/n/1") + b"bad\r\n\r\n")
        self.assertEqual(
            [answer.field("connection") for answer in self.wire.answers()], [None, "close"]
        )

    def test_what_follows_in_the_same_segment_is_not_read_as_a_request(self) -> None:
        self.wire.send(b"bad\r\n\r\n" + get())
        self.assertEqual(self.wire.statuses, [400])
        self.assertEqual(self.handlers.seen, [])

    def test_what_follows_in_the_next_segment_is_not_read_as_a_request(self) -> None:
        self.wire.send(b"bad\r\n\r\n", get())
        self.assertEqual(self.wire.statuses, [400])
        self.assertEqual(self.handlers.seen, [])

    def test_a_chunk_that_is_none_ends_the_reading_of_the_body_with_400(self) -> None:
        self.wire.send(head("POST", "/read", "Transfer-Encoding: chunked") + b"2\r\nab\r\n")
        self.wire.send(b"zz\r\n")
        self.assertEqual(self.wire.answer().status, 400)
        self.assertEqual(self.wire.answer().field("connection"), "close")
        self.assertEqual(self.handlers.bodies, [])

    def test_a_client_that_leaves_before_its_turn_to_be_refused_is_forgotten(self) -> None:
        self.wire.send(get("/wait") + b"bad\r\n\r\n")
        self.wire.transport.lose()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class UnreadBodyTests(RefusalCase):
    def test_an_answer_before_the_body_arrives_and_the_connection_lingers(self) -> None:
        self.wire.send(post("/ignore", b"x" * 100)[:-50])
        answer = self.wire.answer()
        self.assertEqual((answer.status, answer.whole), (200, True))
        self.assertEqual(answer.field("connection"), "close")
        self.assertTrue(self.wire.transport.half_closed)
        self.assertFalse(self.wire.transport.disconnecting)

    def test_the_rest_of_the_body_is_discarded_and_never_read_as_a_request(self) -> None:
        self.wire.send(post("/ignore", b"x" * 100)[:-50])
        self.wire.send(b"x" * 50, get(), get() * 10)
        self.assertEqual(len(self.wire.answers()), 1)
        self.assertEqual(len(self.handlers.seen), 1)

    def test_a_quiet_connection_lingers_for_5_s(self) -> None:
        self.wire.send(post("/ignore", b"x" * 100)[:-50])
        self.clock.advance(4.5)
        self.assertFalse(self.wire.transport.closed)
        self.clock.advance(1)
        self.clock.advance(0)
        self.assertTrue(self.wire.transport.closed)

    def test_a_connection_that_goes_on_sending_lingers_for_30_s_at_most(self) -> None:
        self.wire.send(post("/ignore", b"x" * 100)[:-50])
        seconds = 0
        while not self.wire.transport.aborted and seconds < 60:
            self.clock.advance(1)
            self.wire.send(b"x")
            seconds += 1
        self.assertGreater(seconds, 29)
        self.assertLess(seconds, 33)
        self.assertTrue(self.wire.transport.closed)

    def test_a_client_that_closes_first_ends_the_lingering(self) -> None:
        self.wire.send(post("/ignore", b"x" * 100)[:-50])
        self.wire.transport.lose()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_connection_that_had_stopped_reading_reads_on_to_discard(self) -> None:
        self.wire.send(head("POST", "/wait", "Content-Length: 1000000"))
        self.wire.send(b"x" * 50_000)
        self.wire.send(b"x" * 50_000)
        self.assertFalse(self.wire.transport.reading)
        self.handlers.gates[0].callback(None)
        self.assertEqual(self.wire.answer().status, 200)
        self.assertTrue(self.wire.transport.reading)
        self.wire.send(b"x" * 50_000)

    def test_a_body_that_was_all_there_unread_leaves_the_connection_open(self) -> None:
        self.wire.send(post("/ignore", b"x" * 100) + get())
        self.assertEqual(self.wire.statuses, [200, 200])
        self.assertFalse(self.wire.transport.disconnecting)


class TooLargeTests(RefusalCase):
    def setUp(self) -> None:
        super().setUp()
        self.handlers.limit = 10

    def test_a_body_whose_told_length_is_too_large_is_413_before_it_is_sent(self) -> None:
        self.wire.send(head("POST", "/read", "Content-Length: 11"))
        self.assertEqual(self.wire.answer().status, 413)
        self.assertEqual(self.wire.answer().field("connection"), "close")

    def test_a_body_of_the_limit_is_taken(self) -> None:
        self.wire.send(post("/read", b"x" * 10))
        self.assertEqual(self.wire.answer().status, 200)

    def test_a_chunked_body_is_413_once_it_is_over_the_limit(self) -> None:
        self.wire.send(head("POST", "/read", "Transfer-Encoding: chunked") + b"A\r\n" + b"x" * 10)
        self.assertEqual(self.wire.statuses, [])
        self.wire.send(b"\r\n1\r\nx\r\n")
        self.assertEqual(self.wire.answer().status, 413)
        self.assertEqual(self.handlers.bodies, [])

    def test_a_chunked_body_too_large_in_one_segment_is_413(self) -> None:
        chunks = b"B\r\n" + b"x" * 11 + b"\r\n0\r\n\r\n"
        self.wire.send(head("POST", "/read", "Transfer-Encoding: chunked") + chunks)
        self.assertEqual(self.wire.answer().status, 413)


class ContinueTests(RefusalCase):
    EXPECT = ("Expect: 100-continue", "Content-Length: 5")

    def test_100_continue_is_sent_when_a_handler_reads(self) -> None:
        self.wire.send(head("POST", "/read", *self.EXPECT))
        self.assertEqual(bytes(self.wire.transport.sent), b"HTTP/1.1 100 Continue\r\n\r\n")
        self.wire.send(b"hello")
        self.assertEqual(self.wire.statuses, [100, 200])
        self.assertEqual(self.handlers.bodies, [b"hello"])

    def test_100_continue_is_not_sent_when_no_handler_reads(self) -> None:
        self.wire.send(head("POST", "/ignore", *self.EXPECT))
        self.assertEqual(self.wire.statuses, [200])
        self.assertEqual(self.wire.answer().field("connection"), "close")

    def test_a_refusal_comes_instead_of_100_and_the_connection_closes_after_draining(self) -> None:
        self.handlers.limit = 4
        self.wire.send(head("POST", "/read", *self.EXPECT))
        self.assertEqual(self.wire.statuses, [413])
        self.assertEqual(self.wire.answer().field("connection"), "close")
        self.wire.send(b"GET /")
        self.clock.advance(5.5)
        self.clock.advance(0)
        self.assertTrue(self.wire.transport.closed)
        self.assertEqual(len(self.handlers.seen), 1)

    def test_100_continue_is_not_sent_when_the_body_is_there_already(self) -> None:
        self.wire.send(head("POST", "/read", *self.EXPECT) + b"hello")
        self.assertEqual(self.wire.statuses, [200])

    def test_100_continue_is_not_sent_to_http_1_0(self) -> None:
        self.wire.send(head("POST", "/read", *self.EXPECT, version="1.0"))
        self.assertEqual(self.wire.statuses, [])
        self.wire.send(b"hello")
        self.assertEqual(self.wire.statuses, [200])

    def test_another_expectation_is_417(self) -> None:
        self.wire.send(get("/hello", "Expect: a-miracle"))
        self.assertEqual(self.wire.statuses, [417])

    def test_a_waiting_requests_100_does_not_come_between_an_answer(self) -> None:
        self.wire.send(get("/wait") + head("POST", "/read", *self.EXPECT))
        self.assertEqual(self.wire.statuses, [])
        self.handlers.gates[0].callback(None)
        self.assertEqual(self.wire.statuses, [200, 100])
