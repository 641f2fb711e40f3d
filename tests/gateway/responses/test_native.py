"""A response of a provider that serves the API itself."""

from __future__ import annotations

import json

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.messages.examples import events_of
from tests.support.streams import HandFed, RecordingConsumer
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.responses.native import NativeStream, id_of, id_of_stream
from twisted_aigate.gateway.sse import MOST

_CREATED = (
    b'event: response.created\ndata: {"type":"response.created","sequence_number":0,'
    b'"response":{"id":"resp_1","x":[1.50]}}\n\n'
)
_DELTA = b'event: x\ndata: {"type":"x","delta":"a"}\n\n'


class NativeStreamTests(SynchronousTestCase):
    """Streams."""

    def setUp(self) -> None:
        self.source = HandFed()
        self.remembered: list[str] = []
        self.remembering: Deferred[None] = Deferred()
        self.consumer = RecordingConsumer()

        async def remember(response_id: str) -> None:
            self.remembered.append(response_id)
            await self.remembering

        self.stream = NativeStream(
            self.source, lambda error: GatewayError(502, "broke", code="c"), remember
        )
        self.done = self.stream.startProducing(self.consumer)

    def test_untouched(self) -> None:
        """Byte for byte; over when its id is remembered, which is once."""
        for piece in (_CREATED[:50], _CREATED[50:], _CREATED, _DELTA):
            self.source.feed(piece)
        self.assertEqual(self.consumer.data, _CREATED + _CREATED + _DELTA)
        self.assertEqual(self.remembered, ["resp_1"])
        self.source.done.callback(None)
        self.assertNoResult(self.done)
        self.remembering.callback(None)
        self.successResultOf(self.done)

    def test_breaks_off(self) -> None:
        """It ends in an event of the API, behind what is whole and what is not."""
        self.source.feed(_CREATED + _DELTA + b"data: {half")
        self.source.done.errback(ValueError())
        rest = self.consumer.data.removeprefix(_CREATED + _DELTA + b"data: {half\n\n")
        [event] = events_of(rest)
        told = {"type": "error", "code": "c", "message": "broke", "param": None}
        self.assertEqual(event, {**told, "sequence_number": 2})

    def test_breaks_off_before_it_begins(self) -> None:
        """Another can be asked."""
        self.source.done.errback(ValueError())
        self.failureResultOf(self.done, ValueError)
        self.assertEqual(self.consumer.parts, [])

    def test_cancelled(self) -> None:
        self.source.feed(_CREATED)
        self.done.cancel()
        self.failureResultOf(self.done, CancelledError)
        self.assertEqual(self.source.calls, ["start", "stop"])
        self.source.feed(_DELTA)
        self.assertEqual(self.consumer.data, _CREATED)

    def test_an_event_without_end(self) -> None:
        """What cannot be looked at is passed on."""
        data = b"data: " + b"x" * MOST
        self.source.feed(data)
        self.source.feed(_CREATED)
        self.assertEqual(self.consumer.data, data + _CREATED)
        self.assertEqual(self.remembered, [])

    def test_not_kept(self) -> None:
        """There is nothing to remember."""
        source, consumer = HandFed(), RecordingConsumer()
        stream = NativeStream(source, lambda error: GatewayError(502, "x"), None)
        done = stream.startProducing(consumer)
        source.feed(_CREATED)
        source.done.callback(None)
        self.successResultOf(done)
        self.assertEqual(consumer.data, _CREATED)


class WholeTests(SynchronousTestCase):
    """Whole responses."""

    def test_id_of_a_stream(self) -> None:
        self.assertEqual(id_of_stream(_DELTA + _CREATED), "resp_1")
        for body in (_DELTA, b"", b"data: {half\n\n", b"x" * (MOST + 1)):
            self.assertIsNone(id_of_stream(body))

    def test_id(self) -> None:
        self.assertEqual(id_of(json.dumps({"id": "resp_1", "x": 1}).encode()), "resp_1")
        for body in (b"{}", b"[]", b'{"id": 5}', b"\xff", b""):
            self.assertIsNone(id_of(body))
