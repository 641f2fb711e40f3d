"""Stopping: idle connections close soon, busy ones finish."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.edge import Handlers, Wire, get, make_site, post
from twisted_aigate.web.channel import LAST_WORDS


class DrainTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.handlers = Handlers()
        self.site = make_site(self.clock, self.handlers.router)

    def wire(self) -> Wire:
        return Wire(self.site, self.clock)

    def drain(self) -> Deferred[None]:
        drained = self.site.drain()
        self.clock.advance(0)
        return drained

    def test_a_site_without_connections_is_drained_at_once(self) -> None:
        self.assertIsNone(self.successResultOf(self.drain()))

    def test_idle_connections_close_soon(self) -> None:
        fresh, used = self.wire(), self.wire()
        used.send(get())
        drained = self.drain()
        self.clock.advance(LAST_WORDS - 0.01)
        self.assertFalse(fresh.transport.closed or used.transport.closed)
        self.clock.advance(0.01)
        self.assertTrue(fresh.transport.closed)
        self.assertTrue(used.transport.closed)
        self.assertFalse(used.transport.aborted)
        self.successResultOf(drained)

    def test_a_request_that_was_on_its_way_is_answered_and_says_close(self) -> None:
        fresh, used, begun = self.wire(), self.wire(), self.wire()
        used.send(get())
        begun.send(get()[:10])
        drained = self.drain()
        self.clock.advance(LAST_WORDS - 0.01)
        fresh.send(get())
        used.send(get("/n/2"))
        self.clock.advance(1)
        begun.send(get()[10:])
        self.clock.advance(0)
        for wire in (fresh, used, begun):
            self.assertEqual(wire.answers()[-1].status, 200)
            self.assertEqual(wire.answers()[-1].field("connection"), "close")
            self.assertTrue(wire.transport.closed)
        self.successResultOf(drained)

    def test_a_busy_connection_finishes_its_request_and_says_close(self) -> None:
        wire = self.wire()
        wire.send(get("/wait"))
        drained = self.drain()
        self.assertFalse(wire.transport.disconnecting)
        self.assertNoResult(drained)
        self.handlers.gates[0].callback(None)
        self.clock.advance(0)
        self.assertEqual(wire.answer().status, 200)
        self.assertEqual(wire.answer().field("connection"), "close")
        self.assertTrue(wire.transport.closed)
        self.successResultOf(drained)

    def test_requests_that_waited_are_answered_and_the_last_says_close(self) -> None:
        wire = self.wire()
        wire.send(get("/wait") + get("/n/2"))
        self.drain()
        self.handlers.gates[0].callback(None)
        first, second = wire.answers()
        self.assertIsNone(first.field("connection"))
        self.assertEqual(second.field("connection"), "close")

    def test_requests_that_come_while_draining_are_not_taken(self) -> None:
        wire = self.wire()
        wire.send(get("/wait"))
        self.drain()
        wire.send(get("/n/2"))
        self.handlers.gates[0].callback(None)
        self.assertEqual(len(wire.answers()), 1)
        self.assertEqual(len(self.handlers.seen), 1)

    def test_a_body_still_coming_is_read_to_its_end(self) -> None:
        wire = self.wire()
        request = post("/read", b"hello")
        wire.send(request[:-2])
        self.drain()
        wire.send(request[-2:])
        self.assertEqual(wire.answer().status, 200)
        self.assertEqual(wire.answer().field("connection"), "close")
        self.assertTrue(wire.transport.closed)

    def test_aborting_cuts_what_is_left(self) -> None:
        wire = self.wire()
        wire.send(get("/wait"))
        drained = self.drain()
        self.site.abort()
        self.clock.advance(0)
        self.assertTrue(wire.transport.aborted)
        self.assertEqual(self.handlers.ended, [b"/wait"])
        self.successResultOf(drained)
        self.assertEqual(self.clock.getDelayedCalls(), [])
