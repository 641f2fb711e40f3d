"""Answers that come as they are made."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.gateway.messages.examples import chunk, stream
from tests.gateway.routing.router_case import RouterCase, deployment, failure
from tests.support.streams import HandFed, RecordingConsumer
from twisted_aigate.gateway.calls import Result
from twisted_aigate.gateway.deployments import Limits
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.events import EVENT_STREAM
from twisted_aigate.gateway.routing.policy import Strategy
from twisted_aigate.http_client import ConnectionBroken, ResponseTimeout

_CHUNK = stream(chunk({"content": "x"}), done=False)
_ERROR = b'data: {"error":{"message":"overloaded","code":503}}\n\n'


def _described(error: Exception) -> GatewayError:
    return failure(504 if isinstance(error, ResponseTimeout) else 502)


class StreamTests(RouterCase):
    """Streams of events, over two deployments of which the first is asked first."""

    def setUp(self) -> None:
        super().setUp()
        self.make(deployment("a"), deployment("b", "b"), num_retries=0, fallbacks={"m": ("b",)})

    def source(self, name: str = "a", content_type: bytes = EVENT_STREAM) -> HandFed:
        """What the next answer of a deployment is."""
        source = HandFed()
        self.fails(name, Result(source, content_type, describe=_described))
        return source

    def taken(self, call: Deferred[Any]) -> tuple[RecordingConsumer, Deferred[None]]:
        """A call's body, taken."""
        consumer = RecordingConsumer()
        body = self.successResultOf(call).result.body
        return consumer, body.startProducing(consumer)

    def test_answered_with_the_first_event(self) -> None:
        """Not before; and the deployment has the call in hand until the end."""
        source = self.source()
        call = self.route()
        self.clock.advance(2)
        source.feed(_CHUNK[:10])
        self.assertNoResult(call)
        source.feed(_CHUNK[10:])
        consumer, done = self.taken(call)
        self.assertEqual(self.in_flight(), [1, 0])
        self.assertEqual(self.router.states.of(deployment("a")).latency, 2)
        source.feed(b"data: [DONE]\n\n")
        source.done.callback(None)
        self.successResultOf(done)
        self.assertEqual(consumer.data, _CHUNK + b"data: [DONE]\n\n")
        self.assertIdle()

    def test_fails_before_the_first_event(self) -> None:
        """Another answers; of the first not a byte goes out."""
        for begin in (b"", b": PROCESSING\n\n", _CHUNK[:10]):
            for error in (ConnectionBroken("reset"), ResponseTimeout("slow")):
                with self.subTest((begin, error)):
                    self.setUp()
                    source = self.source()
                    call = self.route()
                    source.feed(begin)
                    source.done.errback(error)
                    answer = self.successResultOf(call)
                    self.assertEqual((answer.deployment.model, answer.fallbacks), ("b", 1))
                    self.assertIdle()

    def test_begins_with_an_error(self) -> None:
        """The same; the source is stopped, in pieces or in one."""
        source = self.source()
        call = self.route()
        source.feed(_ERROR[:20])
        source.feed(_ERROR[20:])
        self.assertEqual(self.successResultOf(call).deployment.model, "b")
        self.assertEqual(source.calls[-1], "stop")
        self.fails("a", Result(_ERROR, EVENT_STREAM))
        self.assertEqual(self.successResultOf(self.route()).deployment.model, "b")
        self.assertIdle()

    def test_is_empty(self) -> None:
        """A stream without events is no answer."""
        source = self.source()
        call = self.route()
        source.done.callback(None)
        self.assertEqual(self.successResultOf(call).deployment.model, "b")
        self.fails("a", Result(b"", EVENT_STREAM))
        self.assertEqual(self.successResultOf(self.route()).deployment.model, "b")
        self.assertIdle()

    def test_fails_after_the_first_event(self) -> None:
        """It fails; nobody else is asked."""
        source = self.source()
        call = self.route()
        source.feed(_CHUNK)
        consumer, done = self.taken(call)
        source.done.errback(ConnectionBroken("reset"))
        self.failureResultOf(done, ConnectionBroken)
        self.assertEqual((consumer.data, self.asked), (_CHUNK, ["a"]))
        self.assertIdle()

    def test_error_after_the_first_event(self) -> None:
        """It is passed on, as it came."""
        source = self.source()
        call = self.route()
        source.feed(_CHUNK)
        consumer, _ = self.taken(call)
        source.feed(_ERROR)
        self.assertEqual((consumer.data, self.asked), (_CHUNK + _ERROR, ["a"]))

    def test_caller_leaves(self) -> None:
        """Before the first event, and behind it."""
        source = self.source()
        call = self.route()
        call.cancel()
        self.failureResultOf(call, CancelledError)
        self.assertEqual(source.calls, ["start", "stop"])
        self.assertIdle()
        source = self.source()
        call = self.route()
        source.feed(_CHUNK)
        _, done = self.taken(call)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertEqual(source.calls[-1], "stop")
        self.assertEqual(self.asked, ["a", "a"])
        self.assertIdle()

    def test_bytes_of_any_kind(self) -> None:
        """Sound counts as begun with its first byte, and may be empty."""
        source = self.source(content_type=b"audio/mpeg")
        call = self.route()
        source.feed(b'data: {"error"')
        consumer, done = self.taken(call)
        source.done.callback(None)
        self.successResultOf(done)
        self.assertEqual(consumer.data, b'data: {"error"')
        source = self.source(content_type=b"audio/mpeg")
        call = self.route()
        source.done.callback(None)
        _, done = self.taken(call)
        self.successResultOf(done)
        self.assertIdle()

    def test_json_is_awaited(self) -> None:
        """An answer of one piece can be had elsewhere until it is whole."""
        source = self.source(content_type=b"application/json; charset=utf-8")
        call = self.route()
        source.feed(b'{"ok":')
        self.assertNoResult(call)
        source.done.errback(ConnectionBroken("reset"))
        self.assertEqual(self.successResultOf(call).deployment.model, "b")
        source = self.source(content_type=b"application/json")
        call = self.route()
        source.feed(b'{"ok":')
        source.feed(b"1}")
        source.done.callback(None)
        self.assertEqual(self.successResultOf(call).result.body, b'{"ok":1}')
        self.assertIdle()

    def test_described(self) -> None:
        """What breaks off is the provider's error, in its words."""
        self.make(deployment("a"), num_retries=0)
        for error, status in ((ConnectionBroken("x"), 502), (ResponseTimeout("x"), 504)):
            source = self.source()
            call = self.route()
            source.done.errback(error)
            self.assertEqual(self.failureResultOf(call, GatewayError).value.status, status)

    def test_tokens(self) -> None:
        """They are counted as they pass, where they matter."""
        usage = stream(b'{"choices":[],"usage":{"total_tokens":77}}')
        for limits, policy in ((Limits(tpm=1000), {}), (Limits(), {"strategy": Strategy.USAGE})):
            self.make(deployment("a", limits=limits), **policy)  # type: ignore[arg-type]
            source = self.source()
            call = self.route()
            source.feed(_CHUNK)
            _, done = self.taken(call)
            source.feed(usage)
            self.assertEqual(self.router.states.of(deployment("a")).tokens, 0)
            source.done.callback(None)
            self.successResultOf(done)
            self.assertEqual(self.router.states.of(deployment("a")).tokens, 77)
            self.fails("a", Result(b'{"usage":{"total_tokens": 3}}'), Result(usage, EVENT_STREAM))
            self.successResultOf(self.route())
            self.successResultOf(self.route())
            self.assertEqual(self.router.states.of(deployment("a")).tokens, 157)
