"""Answers of the Gemini API as a chat's, whole and streamed."""

from __future__ import annotations

import base64
import itertools
import json
import struct
from typing import Any

from google.genai.types import GenerateContentResponse
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.create_embedding_response import CreateEmbeddingResponse

from tests.gateway.providers.case import ProviderCase, chunked, chunks_of, events, joined
from tests.gateway.providers.gemini.test_request import FakeFetch
from twisted_aigate.gateway.calls import Task
from twisted_aigate.gateway.providers.chats.answer import Chunks, Envelope
from twisted_aigate.gateway.providers.chats.stream import Translation
from twisted_aigate.gateway.providers.gemini.provider import GeminiProvider
from twisted_aigate.gateway.providers.gemini.stream import PieceReader
from twisted_aigate.gateway.providers.interface import IProvider
from twisted_aigate.gateway.providers.upstream import Upstream

_USAGE = {
    "promptTokenCount": 10,
    "candidatesTokenCount": 20,
    "thoughtsTokenCount": 7,
    "cachedContentTokenCount": 5,
    "toolUsePromptTokenCount": 1,
    "totalTokenCount": 38,
}
_OPENAI_USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 27,
    "total_tokens": 38,
    "prompt_tokens_details": {"cached_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 7},
}
_TEXT = {"text": "Grüße, 世界 🌍."}
_THOUGHT = {"text": "Let me see.", "thought": True}


def _call(name: str, call_id: str | None = None, **more: Any) -> dict[str, Any]:
    called = {"name": name, "args": {"city": "Тбилиси"}}
    return {"functionCall": {**called, **({"id": call_id} if call_id else {})}, **more}


def _response(*parts: dict[str, Any], reason: str | None = "STOP", **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if reason is not None:
        candidate["finishReason"] = reason
    made = {
        "candidates": [candidate],
        "usageMetadata": _USAGE,
        "modelVersion": "gemini-3.8-flash",
        "responseId": "r1",
        **more,
    }
    GenerateContentResponse.model_validate(made)
    return made


def _openai_call(call_id: str, name: str = "f") -> dict[str, Any]:
    function = {"name": name, "arguments": '{"city": "Тбилиси"}'}
    return {"id": call_id, "type": "function", "function": function}


_ANSWERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (_response(_TEXT), {"content": _TEXT["text"], "finish_reason": "stop"}),
    (
        _response(_THOUGHT, _TEXT, {"text": " More."}, reason="MAX_TOKENS"),
        {
            "reasoning_content": "Let me see.",
            "content": f"{_TEXT['text']} More.",
            "finish_reason": "length",
        },
    ),
    (_response(reason="SAFETY"), {"content": "", "finish_reason": "content_filter"}),
    (_response(_TEXT, reason="OTHER"), {"content": _TEXT["text"], "finish_reason": "stop"}),
    (
        _response(_call("f", "c1", thoughtSignature="c2ln"), _call("g", "c2")),
        {
            "content": "",
            "tool_calls": [_openai_call("c1__thought__c2ln"), _openai_call("c2", "g")],
            "finish_reason": "tool_calls",
        },
    ),
]


def _pieces(made: dict[str, Any]) -> bytes:
    """The answer, a part at a time, the reason and the usage last."""
    [candidate] = made["candidates"]
    bare = {name: value for name, value in candidate.items() if name != "finishReason"}
    found = [
        {**made, "candidates": [{**bare, "content": {"role": "model", "parts": [part]}}]}
        for part in candidate["content"]["parts"]
    ]
    last = {"index": 0, "finishReason": candidate["finishReason"]}
    return events(*found, {**made, "candidates": [last]})


class AnswerTests(ProviderCase):
    """Answers."""

    name = "gemini"
    model = "gemini-3.8-flash"
    path = "/v1beta"

    def make(self, upstream: Upstream) -> IProvider:
        """See L{ProviderCase}."""
        return GeminiProvider(upstream, FakeFetch(), self.clock)

    def assert_said(self, said: dict[str, Any], expected: dict[str, Any]) -> None:
        """The same is said, calls' arguments compared by their value."""
        for choice in (said, expected):
            choice["content"] = choice.get("content") or ""
        for call in said.get("tool_calls", []):
            arguments = json.loads(call["function"]["arguments"])
            call["function"]["arguments"] = json.dumps(arguments, ensure_ascii=False)
        self.assertEqual(said, expected)

    def test_whole(self) -> None:
        """Whole answers."""
        for made, expected in _ANSWERS:
            with self.subTest(expected):
                answer = self.answer(made)
                ChatCompletion.model_validate(answer)
                [choice] = answer["choices"]
                said = {**choice["message"], "finish_reason": choice["finish_reason"]}
                self.assertEqual(said.pop("role"), "assistant")
                self.assert_said(said, expected)
                self.assertEqual((answer["id"], answer["model"]), ("chatcmpl-r1", "m"))
                self.assertEqual(answer["usage"], _OPENAI_USAGE)

    def test_several(self) -> None:
        """Several answers at once, whole and streamed."""
        first, second = (
            _response(_TEXT)["candidates"][0],
            {"finishReason": "MAX_TOKENS", "index": 1},
        )
        second["content"] = {"role": "model", "parts": [{"text": "Two"}, _call("f", "c1")]}
        made = {**_response(), "candidates": [first, second]}
        answer = self.answer(made, n=2)
        self.assertEqual([choice["index"] for choice in answer["choices"]], [0, 1])
        chunks = self.streamed(events(made), n=2)
        self.assert_said(joined(chunks), {"content": _TEXT["text"], "finish_reason": "stop"})
        self.assertEqual(joined(chunks, 1)["finish_reason"], "length")
        self.assertEqual(joined(chunks, 1)["tool_calls"][0]["id"], "c1")

    def test_call_without_id(self) -> None:
        """Older models give their calls no ids: they get one each."""
        answer = self.answer(_response(_call("f"), _call("f")))
        ids = [call["id"] for call in answer["choices"][0]["message"]["tool_calls"]]
        self.assertEqual(len(set(ids)), 2)
        self.assertTrue(all(each.startswith("call_") for each in ids))

    def test_streamed(self) -> None:
        """The same in pieces."""
        for made, expected in _ANSWERS:
            with self.subTest(expected):
                chunks = self.streamed(_pieces(made))
                for chunk in chunks:
                    ChatCompletionChunk.model_validate(chunk)
                self.assert_said(joined(chunks), {**expected})
                *_, last = self.streamed(_pieces(made), stream_options={"include_usage": True})
                self.assertEqual((last["choices"], last["usage"]), ([], _OPENAI_USAGE))

    @given(st.sampled_from(_ANSWERS), st.lists(st.integers(0, 3000), max_size=8))
    def test_split_anywhere(
        self, answer: tuple[dict[str, Any], dict[str, Any]], cuts: list[int]
    ) -> None:
        """However a stream is cut into pieces, it says the same."""
        made, expected = answer
        data = _pieces(made).replace(b"\n", b"\r\n")
        edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
        reader = PieceReader(self.deployment(), Chunks(Envelope("m", 0), False))
        translation = Translation(self.deployment(), reader)
        said = b"".join(translation.feed(data[a:b]) for a, b in itertools.pairwise(edges))
        self.assert_said(joined(chunks_of(said + translation.finish())), {**expected})

    def test_blocked_prompt(self) -> None:
        """A prompt that is refused is an error, whole and streamed: another may take it."""
        made = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": _USAGE}
        for error in (self.refused(200, made), self.stream_error(events(made))):
            self.assertEqual((error.status, error.code), (400, "content_policy_violation"))
            self.assertIn("SAFETY", error.message)

    def test_refused(self) -> None:
        """Google's errors."""
        wrong_key = [{"@type": "ErrorInfo", "reason": "API_KEY_INVALID"}]
        retry = [{"@type": "RetryInfo", "retryDelay": "3.2s"}]
        too_long = "The input token count (9) exceeds the maximum number of tokens allowed (5)."
        for status, name, said, details, expected in (
            (400, "INVALID_ARGUMENT", "Wrong.", [], (400, "INVALID_ARGUMENT", None)),
            (400, "INVALID_ARGUMENT", too_long, [], (400, "context_length_exceeded", None)),
            (400, "INVALID_ARGUMENT", "API key", wrong_key, (401, "provider_refused_key", None)),
            (403, "PERMISSION_DENIED", "No.", [], (403, "provider_refused_key", None)),
            (429, "RESOURCE_EXHAUSTED", "Slow.", retry, (429, "RESOURCE_EXHAUSTED", 4)),
            (503, "UNAVAILABLE", "Overloaded.", [{"retryDelay": 1}], (503, "UNAVAILABLE", None)),
        ):
            with self.subTest(said):
                body = {"error": {"code": status, "message": said, "status": name,
                                  "details": details}}  # fmt: skip
                for form in (body, [body]):
                    error = self.refused(status, form)
                    self.assertEqual((error.status, error.code, error.retry_after), expected)
                error = self.stream_error(events(body))
                self.assertEqual((error.status, error.code, error.retry_after), expected)
        for body in (b"", b"[]", b"<html>"):
            self.assertEqual(self.refused(500, body).status, 500)

    def test_broken(self) -> None:
        """What is no answer, and what is not all of one."""
        for body in (b"{}", b"[]", b"", b'{"candidates": [1]}'):
            self.assertEqual(self.refused(200, body).code, "bad_answer")
        piece = _response(_TEXT, reason=None)
        for pieces, code in (
            ((events(piece),), "connection_broken"),
            ((), "connection_broken"),
            ((events(piece), b"data: {oops\n\n"), "bad_answer"),
        ):
            error = self.stream_error(*pieces)
            self.assertEqual((error.status, error.code), (502, code))
        result, _, done = self.begin_stream()
        self.respond(chunked(events(_response(_TEXT))))
        self.upstream.connections[-1].reset()
        error = result.described(self.failureResultOf(done).value)
        self.assertEqual(error.code, "connection_broken")

    def test_embeddings(self) -> None:
        """Texts as vectors, in numbers and in base64, and what it took."""
        made = {"embeddings": [{"values": [0.25, -0.5]}, {"values": [1.0, 2.0]}]}
        fields: dict[str, Any] = {"task": Task.EMBEDDING, "input": ["a", "bcdef"]}
        answer = self.answer(made, dimensions=2, input_type="query", title="t", **fields)
        CreateEmbeddingResponse.model_validate(answer)
        sent = self.sent()
        self.assertEqual(sent.target, f"/v1beta/models/{self.model}:batchEmbedContents")
        each = {
            "model": f"models/{self.model}",
            "outputDimensionality": 2,
            "taskType": "RETRIEVAL_QUERY",
            "title": "t",
        }
        self.assertEqual(
            sent.body,
            {
                "requests": [
                    {**each, "content": {"parts": [{"text": text}]}} for text in ("a", "bcdef")
                ]
            },
        )
        self.assertEqual(
            answer["data"],
            [
                {"object": "embedding", "index": 0, "embedding": [0.25, -0.5]},
                {"object": "embedding", "index": 1, "embedding": [1.0, 2.0]},
            ],
        )
        self.assertEqual((answer["model"], answer["usage"]["prompt_tokens"]), ("m", 3))
        told = {**made, "usageMetadata": {"promptTokenCount": 9}}
        answer = self.answer(told, encoding_format="base64", **fields)
        packed = base64.b64decode(answer["data"][0]["embedding"])
        self.assertEqual(struct.unpack("<2f", packed), (0.25, -0.5))
        self.assertEqual(answer["usage"], {"prompt_tokens": 9, "total_tokens": 9})

    def test_embeddings_refused(self) -> None:
        """Tokens in place of texts, an answer that is none, and an error."""
        asking = self.ask(task=Task.EMBEDDING, input=[1, 2])
        error = self.failureResultOf(asking).value
        self.assertEqual((error.status, error.param), (400, "input[0]"))
        self.assertIn("no tokens", error.message)
