"""Messages for a caller of the Messages API: untouched."""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred

from tests.gateway.fakes import make_call
from tests.gateway.providers.anthropic.messages import TEXT, encoded, message, message_events
from tests.gateway.providers.case import (
    KEY,
    STREAM_END,
    STREAM_HEAD,
    ProviderCase,
    chunked,
    response,
)
from tests.support.streams import RecordingConsumer
from twisted_aigate.gateway.calls import Call, Result, Task
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.anthropic.provider import AnthropicProvider
from twisted_aigate.gateway.providers.upstream import Upstream

_ODD = {"max_tokens": 5, "messages": [], "unheard_of": {"a": [1.50, None]}}


class NativeTests(ProviderCase):
    """Calls of the Messages API."""

    name = "anthropic"
    model = "claude-sonnet-5"

    def make(self, upstream: Upstream) -> AnthropicProvider:
        """See L{ProviderCase}."""
        return AnthropicProvider(upstream, self.clock)

    def native(self, *headers: tuple[bytes, bytes], **fields: Any) -> Deferred[Result]:
        """Begin a call of a caller with these header fields."""
        made = make_call(Task.MESSAGES, **{**_ODD, **fields})
        call = Call(
            Task.MESSAGES,
            "m",
            made.fields,
            made.body,
            made.stream,
            protocol_headers=headers,
        )
        return Deferred.fromCoroutine(self.provider.call(self.deployment(), call))

    def begin(self) -> tuple[Result, RecordingConsumer, Deferred[None]]:
        """Begin a stream."""
        asking = self.native(stream=True)
        self.respond(STREAM_HEAD)
        result = self.successResultOf(asking)
        assert not isinstance(result.body, bytes)
        consumer = RecordingConsumer()
        return result, consumer, result.body.startProducing(consumer)

    def test_untouched(self) -> None:
        """The model's name and the key change, and nothing else, both ways."""
        asking = self.native((b"anthropic-beta", b"one"), (b"anthropic-version", b"2099-01-01"))
        sent = self.sent()
        self.assertEqual(sent.target, "/v1/messages")
        self.assertEqual(sent.body, {**_ODD, "model": self.model})
        self.assertEqual((sent.fields["x-api-key"], sent.fields["anthropic-beta"]), (KEY, "one"))
        head = bytes(self.upstream.connections[-1].sent).lower()
        self.assertEqual(head.count(b"anthropic-version:"), 1)
        self.assertEqual(sent.fields["anthropic-version"], "2099-01-01")
        body = b'{ "odd":1.50,  "x":null}'
        self.respond(response(body))
        result = self.successResultOf(asking)
        self.assertEqual((result.body, result.content_type), (body, b"application/json"))
        self.native()
        self.assertEqual(self.sent().fields["anthropic-version"], "2023-06-01")

    def test_chat(self) -> None:
        """The header fields of a chat's own protocol are not Anthropic's."""
        call = make_call(messages=[{"role": "user", "content": "x"}])
        call = evolve(call, protocol_headers=((b"x-claude-workspace", b"mine"),))
        Deferred.fromCoroutine(self.provider.call(self.deployment(), call))
        self.assertNotIn("x-claude-workspace", self.sent().fields)

    def test_answer_in_pieces(self) -> None:
        """An answer that takes its time is passed on as it comes."""
        asking = self.native()
        whole = response(b'{"a": "bcd"}')
        self.respond(whole[:-5])
        result = self.successResultOf(asking)
        assert not isinstance(result.body, bytes)
        consumer = RecordingConsumer()
        done = result.body.startProducing(consumer)
        self.respond(whole[-5:])
        self.successResultOf(done)
        self.assertEqual(consumer.data, b'{"a": "bcd"}')

    def test_stream_untouched(self) -> None:
        """A stream, byte by byte."""
        data = encoded(message_events(message(TEXT)))
        _, consumer, done = self.begin()
        for place in range(len(data)):
            self.respond(chunked(data[place : place + 1]))
        self.respond(STREAM_END)
        self.successResultOf(done)
        self.assertEqual(consumer.data, data)

    def test_stream_breaks_off(self) -> None:
        """One that breaks off ends in an event that says so; before its first byte it fails."""
        result, consumer, done = self.begin()
        self.upstream.connections[-1].reset()
        error = result.described(self.failureResultOf(done).value)
        self.assertEqual((error.status, consumer.data), (502, b""))
        _, consumer, done = self.begin()
        self.respond(chunked(b"event: ping\ndata: {"))
        self.upstream.connections[-1].reset()
        self.successResultOf(done)
        *_, name, data = consumer.data.decode().rstrip().split("\n")
        self.assertEqual(name, "event: error")
        said = json.loads(data.removeprefix("data: "))
        self.assertEqual((said["type"], said["error"]["type"]), ("error", "api_error"))

    def test_stream_begins_with_an_error(self) -> None:
        """Then another deployment may be asked; later it is passed on."""
        failed = {"type": "error", "error": {"type": "overloaded_error", "message": "Sorry"}}
        result, consumer, done = self.begin()
        self.respond(chunked(encoded([failed])))
        error = result.described(self.failureResultOf(done).value)
        self.assertEqual((error.status, consumer.data), (529, b""))
        self.assertTrue(self.upstream.connections[-1].closed)
        data = encoded([*message_events(message(TEXT))[:3], failed])
        _, consumer, done = self.begin()
        self.respond(chunked(data[:20]), chunked(data[20:]), STREAM_END)
        self.successResultOf(done)
        self.assertEqual(consumer.data, data)

    def test_stream_flow(self) -> None:
        """Slowed down with its caller, and cut off when that leaves."""
        result, _, done = self.begin()
        body: Any = result.body
        transport = self.upstream.connections[-1]
        body.pauseProducing()
        self.assertFalse(transport.reading)
        body.resumeProducing()
        done.addErrback(lambda _: None)
        done.cancel()
        self.assertTrue(transport.aborted)

    def test_refused(self) -> None:
        """An error has its status, for the route to word."""
        asking = self.native()
        said = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
        self.respond(response(json.dumps(said).encode(), 429, Retry_After="3"))
        error = self.failureResultOf(asking, GatewayError).value
        self.assertEqual((error.status, error.retry_after), (429, 3))

    def test_count_tokens(self) -> None:
        """The provider counts."""
        call = make_call(Task.MESSAGES, messages=[])
        assert isinstance(self.provider, AnthropicProvider)
        asking = Deferred.fromCoroutine(self.provider.count_tokens(self.deployment(), call))
        self.assertEqual(self.sent().target, "/v1/messages/count_tokens")
        self.respond(response(b'{"input_tokens":7}'))
        self.assertEqual(self.successResultOf(asking).body, b'{"input_tokens":7}')

    def test_other_tasks(self) -> None:
        """It has no embeddings, no speech and no transcription."""
        for task in (Task.EMBEDDING, Task.SPEECH, Task.COMPLETION, Task.IMAGE):
            error = self.refusal(task=task, input="x")
            self.assertEqual((error.status, error.param), (400, "model"))
        sound: Any = type("Call", (), {"task": Task.TRANSCRIPTION})
        asked = Deferred.fromCoroutine(self.provider.call_form(self.deployment(), sound))
        self.assertEqual(self.failureResultOf(asked, GatewayError).value.status, 400)
