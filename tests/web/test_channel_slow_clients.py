"""Clients that read slowly get all of their answer; those that stop reading are cut."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.edge import Handlers, Wire, get, make_site
from twisted_aigate.web.auth import public
from twisted_aigate.web.reply import Reply
from twisted_aigate.web.request import Request

LARGE = b"x" * 3_000_000
A_SECOND = 20_000
"""Bytes that a slow client takes each second: it needs 150 s and some."""


class SlowClientTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        handlers = Handlers()

        async def large(request: Request, caller: None) -> Reply:
            return Reply(LARGE, b"audio/wav")

        handlers.router.add("GET", "/large", large, public)
        self.site = make_site(self.clock, handlers.router)
        self.wire = Wire(self.site, self.clock)
        self.wire.transport.throttle()

    def take_for(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            self.wire.transport.take(A_SECOND)

    def check_whole(self) -> None:
        self.assertFalse(self.wire.transport.aborted, "the answer was cut")
        answer = self.wire.answer()
        self.assertEqual((len(answer.body), answer.whole), (len(LARGE), True))

    def test_an_answer_that_is_read_slowly_arrives_whole(self) -> None:
        self.wire.send(get("/large"))
        self.take_for(200)
        self.check_whole()

    def test_a_last_answer_that_is_read_slowly_arrives_whole(self) -> None:
        self.wire.send(get("/large", "Connection: close"))
        self.take_for(200)
        self.check_whole()
        self.assertTrue(self.wire.transport.closed)

    def test_an_answer_that_is_read_slowly_arrives_whole_while_draining(self) -> None:
        self.wire.send(get("/large"))
        self.site.drain()
        self.take_for(200)
        self.check_whole()
        self.assertTrue(self.wire.transport.closed)

    def test_a_client_that_stops_reading_is_cut_in_the_end(self) -> None:
        self.wire.send(get("/large"))
        self.take_for(10)
        self.clock.pump([1] * 700)
        self.assertTrue(self.wire.transport.closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_next_request_is_answered_behind_an_answer_that_was_read_slowly(self) -> None:
        self.wire.send(get("/large") + get("/n/2"))
        self.take_for(200)
        self.assertEqual(self.wire.statuses, [200, 200])
