"""Answers as handlers make them."""

from __future__ import annotations

from attrs import frozen
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import UNKNOWN_LENGTH

from tests.support.edge import Handlers, Wire, get, make_site
from tests.support.streams import HandFed
from twisted_aigate.web.auth import public
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request


@frozen
class Thing:
    name: str


class JSONReplyTests(SynchronousTestCase):
    def test_a_value_is_answered_as_json(self) -> None:
        reply = json_reply({"thing": Thing("ä"), "n": 1}, 201, ((b"X-A", b"b"),))
        self.assertEqual(reply.body, '{"thing":{"name":"ä"},"n":1}'.encode())
        self.assertEqual(
            (reply.content_type, reply.status, reply.headers),
            (b"application/json", 201, ((b"X-A", b"b"),)),
        )


class SendTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.body = HandFed(UNKNOWN_LENGTH)
        handlers = Handlers()

        async def stream(request: Request, caller: None) -> Reply:
            return Reply(self.body, b"text/event-stream", 201, ((b"X-A", b"b"),))

        handlers.router.add("GET", "/stream", stream, public)
        self.wire = Wire(make_site(self.clock, handlers.router, timeout=10), self.clock)
        self.wire.send(get("/stream"))

    def test_the_head_goes_out_before_the_first_of_the_body(self) -> None:
        answer = self.wire.answer()
        self.assertEqual((answer.status, answer.body), (201, b""))
        self.assertEqual(answer.field("content-type"), "text/event-stream")
        self.assertEqual(answer.field("x-a"), "b")

    def test_the_end_of_the_producer_is_the_end_of_the_answer(self) -> None:
        self.body.feed(b"data: 1\n\n")
        self.assertFalse(self.wire.answer().whole)
        self.body.done.callback(None)
        self.assertTrue(self.wire.answer().whole)
        self.wire.send(get("/hello"))
        self.assertEqual(self.wire.statuses, [201, 200])

    def test_a_producer_that_fails_at_once_cuts_the_answer(self) -> None:
        self.body.done.errback(RuntimeError("broken"))
        self.clock.advance(0)
        self.assertTrue(self.wire.transport.aborted)
        self.assertFalse(self.wire.answer().whole)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_a_client_that_leaves_stops_the_producer_once(self) -> None:
        self.wire.transport.lose()
        self.assertEqual(self.body.calls.count("stop"), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_producer_that_goes_on_after_the_client_has_left_writes_nowhere(self) -> None:
        self.wire.transport.lose()
        sent = bytes(self.wire.transport.sent)
        self.body.feed(b"late")
        self.assertEqual(bytes(self.wire.transport.sent), sent)
