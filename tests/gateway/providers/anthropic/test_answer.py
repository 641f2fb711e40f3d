"""Messages as a chat's answers, whole and streamed."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.gateway.providers.anthropic.messages import (
    HIDDEN,
    MODEL,
    OPENAI_USAGE,
    TEXT,
    THOUGHT,
    encoded,
    message,
    message_events,
    use,
)
from tests.gateway.providers.case import ProviderCase, chunked, chunks_of, events, joined
from twisted_aigate.gateway.providers.anthropic.provider import AnthropicProvider
from twisted_aigate.gateway.providers.anthropic.stream import EventReader
from twisted_aigate.gateway.providers.chats.answer import Chunks, Envelope
from twisted_aigate.gateway.providers.chats.stream import Translation
from twisted_aigate.gateway.providers.interface import IProvider
from twisted_aigate.gateway.providers.upstream import Upstream

_FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "x", "schema": {"type": "object", "properties": {}}},
}
_OLD = "claude-3-5-sonnet-latest"


def _call(number: int, arguments: str, name: str = "get_weather") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": f"toolu_{number}", "type": "function", "function": function}


_ANSWERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (message(TEXT), {"content": TEXT["text"], "finish_reason": "stop"}),
    (
        message(TEXT, {"type": "text", "text": " More."}, stop_reason="max_tokens"),
        {"content": f"{TEXT['text']} More.", "finish_reason": "length"},
    ),
    (
        message(TEXT, stop_reason="stop_sequence"),
        {"content": TEXT["text"], "finish_reason": "stop"},
    ),
    (
        message(TEXT, stop_reason="model_context_window_exceeded"),
        {"content": TEXT["text"], "finish_reason": "length"},
    ),
    (
        message(
            TEXT,
            stop_reason="refusal",
            stop_details={"type": "refusal", "category": "cyber", "explanation": "No."},
        ),
        {"content": TEXT["text"], "refusal": "No.", "finish_reason": "content_filter"},
    ),
    (
        message(THOUGHT, HIDDEN, TEXT),
        {
            "reasoning_content": "Let me see.",
            "thinking_blocks": [THOUGHT, HIDDEN],
            "content": TEXT["text"],
            "finish_reason": "stop",
        },
    ),
    (
        message(TEXT, use(1, city="Тбилиси"), use(2, city="x"), stop_reason="tool_use"),
        {
            "content": TEXT["text"],
            "tool_calls": [_call(1, '{"city": "Тбилиси"}'), _call(2, '{"city": "x"}')],
            "finish_reason": "tool_calls",
        },
    ),
    (
        message(use(1, name="f"), stop_reason="tool_use"),
        {"tool_calls": [_call(1, "{}", "f")], "finish_reason": "tool_calls"},
    ),
]


def _same(said: dict[str, Any], expected: dict[str, Any]) -> bool:
    def arguments_read(choice: dict[str, Any]) -> dict[str, Any]:
        calls = [
            {
                **call,
                "function": {
                    **call["function"],
                    "arguments": json.loads(call["function"]["arguments"]),
                },
            }
            for call in choice.get("tool_calls", [])
        ]
        return {**choice, "tool_calls": calls, "content": choice.get("content") or ""}

    return arguments_read(said) == arguments_read(expected)


class AnswerTests(ProviderCase):
    """Answers."""

    name = "anthropic"
    model = MODEL

    def make(self, upstream: Upstream) -> IProvider:
        """See L{ProviderCase}."""
        return AnthropicProvider(upstream, self.clock)

    def assert_said(self, said: dict[str, Any], expected: dict[str, Any]) -> None:
        """The same is said, calls' arguments compared by their value."""
        self.assertTrue(_same(said, expected), f"{said} is not {expected}")

    def test_whole(self) -> None:
        """Whole answers, which OpenAI's client takes for such."""
        for made, expected in _ANSWERS:
            with self.subTest(expected):
                answer = self.answer(made)
                ChatCompletion.model_validate(answer)
                self.assertEqual((answer["id"], answer["model"]), ("chatcmpl-msg_1", "m"))
                [choice] = answer["choices"]
                said = {**choice["message"], "finish_reason": choice["finish_reason"]}
                self.assertEqual(said.pop("role"), "assistant")
                self.assert_said(said, expected)
                self.assertEqual(answer["usage"], OPENAI_USAGE)

    def test_streamed(self) -> None:
        """The same in events, with the usage at the end where it is wanted."""
        for made, expected in _ANSWERS:
            with self.subTest(expected):
                data = encoded(message_events(made))
                chunks = self.streamed(data)
                for chunk in chunks:
                    ChatCompletionChunk.model_validate(chunk)
                    self.assertEqual((chunk["id"], chunk["model"]), ("chatcmpl-msg_1", "m"))
                    self.assertNotIn("usage", chunk)
                self.assert_said(joined(chunks), expected)
                self.assertEqual(chunks[0]["choices"][0]["delta"]["role"], "assistant")
                *chunks, last = self.streamed(data, stream_options={"include_usage": True})
                self.assertEqual((last["choices"], last["usage"]), ([], OPENAI_USAGE))
                self.assertEqual({chunk["usage"] for chunk in chunks}, {None})

    def test_answer_by_tool(self) -> None:
        """An answer that older models give by calling a tool is the chat's content."""
        deployment = self.deployment(model=_OLD)
        made = message(use(1, "json_tool_call", n=1), stop_reason="tool_use")
        answer = self.answer(made, deployment, response_format=_FORMAT)
        [choice] = answer["choices"]
        self.assertEqual(choice["message"], {"role": "assistant", "content": '{"n": 1}'})
        self.assertEqual(choice["finish_reason"], "stop")
        said = joined(
            self.streamed(
                encoded(message_events(made)), deployment=deployment, response_format=_FORMAT
            )
        )
        self.assertEqual(said, {"content": '{"n": 1}', "finish_reason": "stop"})
        # A call of the caller's own tool goes before.
        both = message(use(1, "f"), use(2, "json_tool_call"), stop_reason="tool_use")
        answer = self.answer(both, deployment, response_format=_FORMAT)
        self.assertEqual(answer["choices"][0]["finish_reason"], "tool_calls")

    def test_tools_of_anthropic(self) -> None:
        """What Anthropic's own servers do on the way is passed over, whole and streamed."""
        search = {**use(1, "web_search", query="x"), "type": "server_tool_use"}
        result = {"type": "web_search_tool_result", "tool_use_id": "toolu_1", "content": []}
        made = message(search, result, TEXT)
        expected = {"content": TEXT["text"], "finish_reason": "stop"}
        [choice] = self.answer(made)["choices"]
        self.assertEqual(choice["message"], {"role": "assistant", "content": TEXT["text"]})
        found = message_events(made)
        piece = {"type": "input_json_delta", "partial_json": '{"query":'}
        found.insert(3, {"type": "content_block_delta", "index": 0, "delta": piece})
        self.assert_said(joined(self.streamed(encoded(found))), expected)

    @given(st.sampled_from(_ANSWERS), st.lists(st.integers(0, 3000), max_size=8), st.booleans())
    def test_split_anywhere(
        self, answer: tuple[dict[str, Any], dict[str, Any]], cuts: list[int], bare: bool
    ) -> None:
        """However a stream is cut into pieces, it says the same."""
        made, expected = answer
        found = message_events(made)
        data = events(*found) if bare else encoded(found)
        edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
        reader = EventReader(self.deployment(), Chunks(Envelope("m", 0), False), by_tool=False)
        translation = Translation(self.deployment(), reader)
        made_of_it = b"".join(
            translation.feed(data[start:end]) for start, end in itertools.pairwise(edges)
        )
        self.assertTrue(translation.over)
        self.assert_said(joined(chunks_of(made_of_it)), expected)

    def test_split_at_each_byte(self) -> None:
        """A stream in two, at each of its bytes."""
        made, expected = _ANSWERS[6]
        data = encoded(message_events(made))
        for cut in range(len(data)):
            reader = EventReader(self.deployment(), Chunks(Envelope("m", 0), False), by_tool=False)
            translation = Translation(self.deployment(), reader)
            said = translation.feed(data[:cut]) + translation.feed(data[cut:])
            self.assert_said(joined(chunks_of(said)), expected)


class FailureTests(ProviderCase):
    """What goes wrong."""

    name = "anthropic"
    model = MODEL

    def make(self, upstream: Upstream) -> IProvider:
        """See L{ProviderCase}."""
        return AnthropicProvider(upstream, self.clock)

    def test_refused(self) -> None:
        """An error keeps its status; what clients tell apart has OpenAI's code."""
        for status, kind, said, code in (
            (400, "invalid_request_error", "prompt is too long: 9 tokens > 5 maximum",
             "context_length_exceeded"),
            (400, "invalid_request_error", "Output blocked by content filtering policy",
             "content_policy_violation"),
            (400, "invalid_request_error", "temperature: must be below 1", None),
            (404, "not_found_error", "model: x", None),
            (413, "request_too_large", "Request exceeds the maximum size", None),
            (429, "rate_limit_error", "slow down", None),
            (500, "api_error", "Internal server error", None),
            (529, "overloaded_error", "Overloaded", None),
        ):  # fmt: skip
            error = self.refused(
                status, {"type": "error", "error": {"type": kind, "message": said}}
            )
            self.assertEqual(
                (error.status, error.message, error.code), (status, f"anthropic: {said}", code)
            )
        for status in (401, 403):
            error = self.refused(status, {"error": {"message": "invalid sk-vendor-key"}})
            self.assertEqual((error.status, error.code), (status, "provider_refused_key"))
            self.assertNotIn("vendor", error.message)
        error = self.refused(418, b"<html>")
        self.assertEqual(error.message, "anthropic: It answered with status 418.")

    def test_retry_after(self) -> None:
        """When it is to be asked again; what is no number says nothing."""
        for field, seconds in (("7", 7), ("0.4", 1), ("soon", None), ("-1", None), ("inf", None)):
            error = self.refused(429, {}, Retry_After=field)
            self.assertEqual(error.retry_after, seconds, field)

    def test_no_message(self) -> None:
        """A 200 that is none."""
        for body in (b"", b"<html>", b"{}", b'{"content": 1}', b"[" * 2000):
            error = self.refused(200, body)
            self.assertEqual((error.status, error.code), (502, "bad_answer"), body)

    def test_error_event(self) -> None:
        """An error in a stream has the status that it would have had before."""
        start = message_events(message(TEXT))[:4]
        for kind, status in (("overloaded_error", 529), ("rate_limit_error", 429), ("x", 500)):
            failed = {"type": "error", "error": {"type": kind, "message": "Sorry"}}
            for before in ([], start):
                error = self.stream_error(encoded([*before, failed]))
                self.assertEqual((error.status, error.message), (status, "anthropic: Sorry"))

    def test_broken_streams(self) -> None:
        """A stream that is not whole, or no message's."""
        start = encoded(message_events(message(TEXT))[:-1])
        for pieces, code in (
            ((start,), "connection_broken"),
            ((), "connection_broken"),
            ((start, b"data: {oops\n\n"), "bad_answer"),
            ((start, b'data: {"type": 1}\n\n'), "bad_answer"),
            ((start, b"data: " + b"x" * 17_000_000), "bad_answer"),
        ):
            error = self.stream_error(*pieces)
            self.assertEqual((error.status, error.code), (502, code))
        result, consumer, done = self.begin_stream()
        self.respond(chunked(start))
        self.upstream.connections[-1].reset()
        error = result.described(self.failureResultOf(done).value)
        self.assertEqual((error.status, error.code), (502, "connection_broken"))
        self.assertIn(b"content", consumer.data)

    def test_broken_behind_the_end(self) -> None:
        """A connection that breaks behind a whole answer takes nothing from it."""
        _, consumer, done = self.begin_stream()
        self.respond(chunked(encoded(message_events(message(TEXT)))))
        self.upstream.connections[-1].reset()
        self.successResultOf(done)
        self.assertTrue(consumer.data.endswith(b"data: [DONE]\n\n"))

    def test_time_out(self) -> None:
        """A provider that says nothing."""
        asking = self.ask(self.deployment(timeout=5))
        self.clock.advance(5)
        error = self.failureResultOf(asking).value
        self.assertEqual((error.status, error.code), (504, "timeout"))
        result, _, done = self.begin_stream(deployment=self.deployment(stream_timeout=3))
        self.clock.advance(3)
        error = result.described(self.failureResultOf(done).value)
        self.assertEqual((error.status, error.code), (504, "timeout"))

    def test_backpressure(self) -> None:
        """A caller that reads slowly slows the provider; one that leaves cuts it off."""
        result, consumer, done = self.begin_stream()
        transport = self.upstream.connections[-1]
        body: Any = result.body
        body.pauseProducing()
        self.assertFalse(transport.reading)
        body.resumeProducing()
        self.assertTrue(transport.reading)
        body.stopProducing()
        self.assertTrue(transport.aborted)
        self.assertNoResult(done)
        self.assertEqual(consumer.data, b"")

    def test_cancelled(self) -> None:
        """Whoever waits for a stream and leaves cuts it off."""
        _, _, done = self.begin_stream()
        done.addErrback(lambda _: None)
        done.cancel()
        self.assertTrue(self.upstream.connections[-1].aborted)

    def test_keeps_alive(self) -> None:
        """What keeps the provider's connection alive keeps the caller's, once it has begun."""
        ping = encoded([{"type": "ping"}])
        _, consumer, _ = self.begin_stream()
        self.respond(chunked(ping))
        self.assertEqual(consumer.data, b"")
        self.respond(chunked(encoded(message_events(message(TEXT))[:4])))
        before = consumer.data
        self.respond(chunked(ping))
        self.assertEqual(consumer.data[len(before) :], b": ping\n\n")
