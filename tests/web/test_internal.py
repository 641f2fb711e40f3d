"""Requests that come from no connection."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.edge import TIMEOUT, Handlers, make_site
from tests.support.logs import record_log, text_of
from tests.support.streams import HandFed, RecordingConsumer
from twisted_aigate.kernel.identifiers import current_request_id
from twisted_aigate.kernel.producers import CoroutineProducer
from twisted_aigate.web.auth import public
from twisted_aigate.web.errors import Headers
from twisted_aigate.web.internal import InternalRequests
from twisted_aigate.web.reply import Reply
from twisted_aigate.web.request import Request

_BIG = 300_000


class InternalTests(SynchronousTestCase):
    """Against the handlers that tests of the edge have."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.handlers = Handlers()
        self.handlers.router.add("POST", "/stream", self.stream, public)
        self.handlers.router.add("POST", "/big", self.big, public)
        self.site = make_site(self.clock, self.handlers.router)
        self.body = HandFed(5)
        self.heads: list[tuple[int, Headers]] = []
        self.consumer = RecordingConsumer()
        self.gate: Deferred[None] = Deferred()

    async def stream(self, request: Request, caller: None) -> Reply:
        """Answer in two pieces, the second when the test says so."""
        gate = self.gate

        async def produce(producer: CoroutineProducer, write: Callable[[bytes], None]) -> None:
            write(b"one ")
            await gate
            await producer.ready()
            write(b"two")

        return Reply(CoroutineProducer(7, produce), b"text/x")

    async def big(self, request: Request, caller: None) -> Reply:
        """Answer with more than one piece at once."""
        return Reply(b"x" * _BIG, b"text/x")

    def post(self, target: bytes, *fields: tuple[bytes, bytes]) -> Deferred[bool]:
        requests = InternalRequests(self.site)
        return requests.post(
            target,
            fields,
            "192.0.2.1",
            self.body,
            lambda *head: self.heads.append(head),
            self.consumer,
        )

    @property
    def status(self) -> int:
        """The only answer's status."""
        ((status, _),) = self.heads
        return status

    def test_answer(self) -> None:
        """The body streams in, the answer comes out, with a line in the log."""
        events = record_log(self)
        answered = self.post(b"/read?a=b", (b"x-request-id", b"job-1"))
        self.assertEqual(self.body.calls, ["start"])
        self.body.feed(b"he")
        self.body.feed(b"llo")
        self.assertNoResult(answered)
        self.body.done.callback(None)
        self.assertTrue(self.successResultOf(answered))
        self.assertEqual((self.status, self.consumer.data), (200, b"5"))
        self.assertEqual(self.handlers.bodies, [b"hello"])
        self.assertIn((b"Content-Type", b"application/json"), self.heads[0][1])
        (seen,) = self.handlers.seen
        self.assertEqual(
            (seen.id, seen.client_address, seen.args), ("job-1", "192.0.2.1", {b"a": [b"b"]})
        )
        self.assertIn("POST /read 200 1 B", text_of(events))
        self.assertIn("job-1", text_of(events))
        self.assertIsNone(current_request_id.get())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_empty_body(self) -> None:
        """There is nothing to wait for."""
        self.body = HandFed(0)
        self.assertTrue(self.successResultOf(self.post(b"/read")))
        self.assertEqual(self.handlers.bodies, [b""])

    def test_backpressure(self) -> None:
        """What is not read is not sent for ever."""
        self.body = HandFed(_BIG)
        self.post(b"/wait").addErrback(lambda failure: failure.trap(CancelledError))
        self.assertEqual(self.body.calls, [])
        reading = self.handlers.seen[0].body.deliver(slow := RecordingConsumer(pause_after=1), 0)
        self.body.feed(b"x" * 10)
        self.body.feed(b"x" * 10)
        self.assertEqual(self.body.calls, ["start", "pause"])
        slow.producer.resumeProducing()
        self.assertEqual(self.body.calls[2:], ["pause"])
        slow.producer.resumeProducing()
        self.assertIn("resume", self.body.calls)
        reading.addErrback(lambda failure: None)

    def test_errors(self) -> None:
        """They are worded as the site words them."""
        self.assertTrue(self.successResultOf(self.post(b"/nothing")))
        self.assertEqual(self.status, 404)
        self.assertIn("root", msgspec.json.decode(self.consumer.data))
        self.assertEqual(self.body.calls, ["stop"])

    def test_too_large(self) -> None:
        """The handler's limit is its own."""
        self.handlers.limit = 4
        self.assertTrue(self.successResultOf(self.post(b"/read")))
        self.assertEqual(self.status, 413)

    def test_body_fails(self) -> None:
        """A body that cannot be read on is an internal error."""
        answered = self.post(b"/read")
        self.body.done.errback(OSError("bad disk"))
        self.assertTrue(self.successResultOf(answered))
        self.assertEqual(self.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_cancelled(self) -> None:
        """The handler is, and the body is let go."""
        answered = self.post(b"/wait")
        answered.cancel()
        self.failureResultOf(answered, CancelledError)
        self.assertEqual(self.handlers.ended, [b"/wait"])
        self.assertEqual((self.heads, self.body.calls), ([], ["stop"]))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cancelled_in_the_middle(self) -> None:
        """What produces the response is stopped."""
        answered = self.post(b"/stream")
        answered.cancel()
        self.failureResultOf(answered, CancelledError)
        self.gate.callback(None)
        self.assertEqual(self.consumer.data, b"one ")

    def test_streams(self) -> None:
        """A consumer that has enough pauses the response."""
        self.consumer.pause_after = 1
        answered = self.post(b"/stream")
        self.gate.callback(None)
        self.assertEqual(self.consumer.data, b"one ")
        self.consumer.producer.resumeProducing()
        self.assertTrue(self.successResultOf(answered))
        self.assertEqual(self.consumer.data, b"one two")

    def test_big(self) -> None:
        """A large answer comes whole."""
        self.assertTrue(self.successResultOf(self.post(b"/big")))
        self.assertEqual(len(self.consumer.data), _BIG)

    def test_breaks(self) -> None:
        """An answer that breaks in the middle is known not to be whole."""
        answered = self.post(b"/stream")
        self.gate.errback(ValueError("broken"))
        self.assertFalse(self.successResultOf(answered))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_takes_too_long(self) -> None:
        """What does not begin in time is a 504."""
        answered = self.post(b"/wait")
        self.clock.advance(TIMEOUT - 1)
        self.assertNoResult(answered)
        self.clock.advance(1)
        self.assertTrue(self.successResultOf(answered))
        self.assertEqual((self.status, self.handlers.ended), (504, [b"/wait"]))

    def test_stalls(self) -> None:
        """What stops in the middle is cut."""
        answered = self.post(b"/stream")
        self.clock.advance(TIMEOUT)
        self.assertFalse(self.successResultOf(answered))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_patient(self) -> None:
        """Who has a time-out of its own is given any time to begin."""
        answered = self.post(b"/wait")
        self.handlers.seen[0].be_patient()
        self.clock.advance(2 * TIMEOUT)
        self.assertNoResult(answered)
        self.handlers.gates[0].callback(None)
        self.assertTrue(self.successResultOf(answered))
