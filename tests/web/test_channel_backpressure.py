"""Neither side is swamped: a slow handler holds the client, a slow client holds the handler."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import UNKNOWN_LENGTH

from tests.support.edge import Handlers, Wire, get, head, make_site, post
from tests.support.streams import HandFed, RecordingConsumer
from twisted_aigate.web.auth import public
from twisted_aigate.web.body import HIGH_WATER
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request

PIECE = b"x" * 20_000


class BodyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.handlers = Handlers()
        self.consumer = RecordingConsumer(pause_after=1)
        self.gate: Deferred[None] = Deferred()

        async def late(request: Request, caller: None) -> Reply:
            await self.gate
            await request.body.deliver(self.consumer, 0)
            return json_reply("done")

        self.handlers.router.add("POST", "/late", late, public)
        self.wire = Wire(make_site(self.clock, self.handlers.router), self.clock)

    def fill(self) -> int:
        """Send pieces until the connection takes no more; how many there were."""
        sent = 0
        while self.wire.transport.reading:
            self.wire.send(PIECE)
            sent += 1
            self.assertLess(sent, 100, "there is no end to what is taken")
        return sent

    def test_a_body_that_nobody_reads_stops_the_reading_from_the_network(self) -> None:
        self.wire.send(head("POST", "/late", "Content-Length: 1000000"))
        self.assertEqual(self.fill(), HIGH_WATER // len(PIECE) + 1)

    def test_a_reader_that_pauses_stops_the_reading_from_the_network(self) -> None:
        self.gate.callback(None)
        self.wire.send(head("POST", "/late", "Content-Length: 1000000"))
        self.assertEqual(self.fill(), 1)
        self.assertEqual(self.consumer.parts, [PIECE])

    def test_a_reader_that_resumes_gets_what_waited_and_the_rest(self) -> None:
        self.wire.send(head("POST", "/late", "Content-Length: 200000"))
        waiting = self.fill()
        self.gate.callback(None)
        for delivered in range(1, waiting + 1):
            self.assertEqual(len(self.consumer.parts), delivered)
            self.assertFalse(self.wire.transport.reading)
            self.consumer.producer.resumeProducing()
        self.assertTrue(self.wire.transport.reading)
        for _ in range(9 - waiting):
            self.wire.send(PIECE)
            self.consumer.producer.resumeProducing()
        self.assertEqual(self.wire.statuses, [])
        self.wire.send(PIECE)
        self.assertEqual(self.consumer.data, PIECE * 10)
        self.assertIsNone(self.consumer.producer)
        self.assertEqual(self.wire.statuses, [200])

    def test_a_reader_that_holds_a_body_is_not_taken_for_a_client_that_stopped(self) -> None:
        self.gate.callback(None)
        self.wire.send(head("POST", "/late", "Content-Length: 200000") + PIECE)
        self.clock.pump([1] * 100)
        self.assertEqual(self.wire.statuses, [])
        self.consumer.pause_after = 0
        self.consumer.producer.resumeProducing()
        self.wire.send(PIECE)
        self.assertEqual(self.consumer.data, PIECE * 2)

    def test_the_body_of_a_waiting_request_stops_the_reading_too(self) -> None:
        self.wire.send(get("/wait") + head("POST", "/read", "Content-Length: 100000"))
        waiting = self.fill()
        self.handlers.gates[0].callback(None)
        for _ in range(5 - waiting):
            self.wire.send(PIECE)
        self.assertEqual(self.handlers.bodies, [PIECE * 5])
        self.assertEqual(self.wire.statuses, [200, 200])

    def test_a_body_behind_the_high_water_mark_is_complete_all_the_same(self) -> None:
        self.wire.send(post("/late", b"x" * 100_000) + get())
        self.gate.callback(None)
        self.assertEqual(len(self.consumer.data), 100_000)
        self.assertEqual(self.wire.statuses, [200, 200])


class ResponseTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.body = HandFed(UNKNOWN_LENGTH)
        handlers = Handlers()

        async def stream(request: Request, caller: None) -> Reply:
            return Reply(self.body)

        handlers.router.add("GET", "/stream", stream, public)
        self.wire = Wire(make_site(self.clock, handlers.router), self.clock)

    def test_a_client_that_reads_slowly_pauses_the_producer(self) -> None:
        self.wire.send(get("/stream"))
        self.wire.transport.choke()
        self.assertEqual(self.body.calls, ["start", "pause"])
        self.wire.transport.unchoke()
        self.assertEqual(self.body.calls, ["start", "pause", "resume"])

    def test_a_producer_that_starts_on_a_full_connection_is_paused(self) -> None:
        self.wire.transport.choke()
        self.wire.send(get("/hello"))
        self.wire.transport.unsent.clear()
        self.wire.transport.unchoke()
        self.wire.send(get("/stream"))
        self.wire.transport.choke()
        self.assertEqual(self.body.calls[-1], "pause")

    def test_the_next_request_waits_until_the_client_has_read(self) -> None:
        self.wire.transport.choke()
        self.wire.send(get("/stream"))
        self.assertEqual(self.body.calls, [])
        self.wire.transport.unchoke()
        self.assertEqual(self.body.calls, ["start"])

    def test_no_more_is_asked_of_a_producer_that_is_done(self) -> None:
        self.wire.send(get("/stream"))
        self.body.feed(b"all")
        self.body.done.callback(None)
        self.wire.transport.choke()
        self.wire.transport.unchoke()
        self.assertEqual(self.body.calls, ["start"])
        self.assertEqual(self.wire.answer().body, b"all")

    def test_a_client_that_leaves_stops_the_producer(self) -> None:
        self.wire.send(get("/stream"))
        self.body.feed(b"begun")
        self.wire.transport.lose()
        self.assertIn("stop", self.body.calls)
        self.body.feed(b"more")

    def test_a_client_that_never_reads_on_is_cut_when_the_time_is_over(self) -> None:
        self.wire.send(get("/stream"))
        self.body.feed(b"begun")
        self.wire.transport.choke()
        self.clock.pump([1] * 602)
        self.assertTrue(self.wire.transport.closed)
        self.assertIn("stop", self.body.calls)

    def test_a_producer_that_fails_cuts_the_connection(self) -> None:
        self.wire.send(get("/stream"))
        self.body.feed(b"begun")
        self.body.done.errback(RuntimeError("broken"))
        self.clock.advance(0)
        self.assertTrue(self.wire.transport.aborted)
        self.assertFalse(self.wire.answer().whole)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
