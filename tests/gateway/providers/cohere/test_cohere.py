"""Chats with Cohere's models: what is sent, held against its own client's types, and answered."""

from __future__ import annotations

import itertools
import json
import typing
from typing import Any

from cohere.types import EmbedByTypeResponse
from cohere.v2.client import V2Client
from cohere.v2.types import V2ChatResponse
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.create_embedding_response import CreateEmbeddingResponse

from tests.gateway.providers.case import KEY, USER, ProviderCase, chunks_of, events, joined
from tests.support.vendor_types import problems
from twisted_aigate.gateway.calls import Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.providers.chats.answer import Chunks, Envelope
from twisted_aigate.gateway.providers.chats.stream import Translation
from twisted_aigate.gateway.providers.cohere.provider import CohereProvider
from twisted_aigate.gateway.providers.cohere.stream import EventReader
from twisted_aigate.gateway.providers.interface import IProvider
from twisted_aigate.gateway.providers.upstream import Upstream

_WEATHER = {"name": "get_weather", "description": "d", "parameters": {"type": "object"}}
_TOOL = {"type": "function", "function": _WEATHER}
_CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
_TEXT = "Grüße, 世界 🌍."
_USAGE = {
    "billed_units": {"input_tokens": 8.0, "output_tokens": 20.0},
    "tokens": {"input_tokens": 10.0, "output_tokens": 20.0},
    "cached_tokens": 5.0,
}
_OPENAI_USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 20,
    "total_tokens": 30,
    "prompt_tokens_details": {"cached_tokens": 5},
}


class CohereCase(ProviderCase):
    """A deployment of Cohere's."""

    name = "cohere"
    model = "command-a-plus-05-2026"

    def make(self, upstream: Upstream) -> IProvider:
        """See L{ProviderCase}."""
        return CohereProvider(upstream, self.clock)


class RequestTests(CohereCase):
    """Requests."""

    def body(self, deployment: Deployment | None = None, **fields: Any) -> Any:
        """The body of a request, which Cohere's client could have sent."""
        body = self.request(deployment, **fields)
        hints = typing.get_type_hints(V2Client.chat)
        for name, value in body.items():
            if name != "stream":
                self.assertIn(name, hints)
                self.assertEqual(problems(value, hints[name], name), [])
        return body

    def sent_messages(self, *messages: dict[str, Any]) -> Any:
        """What becomes of messages."""
        return self.body(messages=list(messages))["messages"]

    def test_head(self) -> None:
        """The path and the key, however the base is written."""
        for path in ("", "/v2", "/v1/chat"):
            self.ask(self.deployment(path=path)).addErrback(lambda _: None)
            sent = self.sent()
            self.assertEqual(sent.target, "/v2/chat")
            self.assertEqual(sent.fields["authorization"], f"Bearer {KEY}")

    def test_plain(self) -> None:
        """The least that a chat can be."""
        self.assertEqual(self.body(), {"model": self.model, "messages": USER})
        self.assertIs(self.body(stream=True)["stream"], True)

    def test_messages(self) -> None:
        """Each kind of message."""
        url = "https://example.com/a.png"
        text = {"type": "text", "text": "Hi"}
        for message, made in (
            ({"role": "developer", "content": "Brief"}, {"role": "system", "content": "Brief"}),
            ({"role": "user", "content": [text, text]}, {"role": "user", "content": "Hi\n\nHi"}),
            (
                {"role": "user", "content": [text, {"type": "image_url", "image_url": url}]},
                {
                    "role": "user",
                    "content": [text, {"type": "image_url", "image_url": {"url": url}}],
                },
            ),
            (
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}],
                },
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}],
                },
            ),
            (
                {"role": "assistant", "content": "Hi", "reasoning_content": "hm"},
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, text]},
            ),
            (
                {"role": "assistant", "content": None, "tool_calls": [_CALL],
                 "reasoning_content": "hm"},
                {"role": "assistant", "tool_calls": [_CALL], "tool_plan": "hm"},
            ),
            (
                {"role": "tool", "tool_call_id": "c1", "content": [text]},
                {"role": "tool", "tool_call_id": "c1", "content": "Hi"},
            ),
        ):  # fmt: skip
            with self.subTest(message):
                self.assertEqual(self.sent_messages(message), [made])

    def test_parameters(self) -> None:
        """What has a counterpart, under Cohere's names."""
        body = self.body(
            temperature=0.5, top_p=0.9, top_k=3, max_tokens=5, stop="x", seed=7,
            presence_penalty=0.1, frequency_penalty=0.2, safety_mode="OFF",
        )  # fmt: skip
        for name, value in {
            "temperature": 0.5, "p": 0.9, "k": 3, "max_tokens": 5, "stop_sequences": ["x"],
            "seed": 7, "presence_penalty": 0.1, "frequency_penalty": 0.2, "safety_mode": "OFF",
        }.items():  # fmt: skip
            self.assertEqual(body[name], value)

    def test_tools(self) -> None:
        """Functions; of several one cannot be chosen: the others are not told."""
        self.assertEqual(self.body(tools=[_TOOL])["tools"], [_TOOL])
        other = {"type": "function", "function": {"name": "f"}}
        for choice, made, told in (
            ("auto", None, 2),
            ("required", "REQUIRED", 2),
            ("none", "NONE", 2),
            ({"type": "function", "function": {"name": "f"}}, "REQUIRED", 1),
        ):
            body = self.body(tools=[_TOOL, other], tool_choice=choice)
            self.assertEqual((body.get("tool_choice"), len(body["tools"])), (made, told))

    def test_response_format(self) -> None:
        """JSON, by a schema or without."""
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
        form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        for wanted, made in (
            (form, {"type": "json_object", "json_schema": schema}),
            ({"type": "json_object"}, {"type": "json_object"}),
            ({"type": "text"}, None),
        ):
            self.assertEqual(self.body(response_format=wanted).get("response_format"), made)

    def test_thinking(self) -> None:
        """An effort as a budget."""
        for fields, made in (
            ({"reasoning_effort": "low"}, {"type": "enabled", "token_budget": 1024}),
            ({"reasoning_effort": "none"}, {"type": "disabled"}),
            ({"thinking": {"type": "enabled"}}, {"type": "enabled"}),
            (
                {"thinking": {"type": "enabled", "budget_tokens": 5}},
                {"type": "enabled", "token_budget": 5},
            ),
            ({"thinking": {"type": "disabled"}}, {"type": "disabled"}),
        ):
            self.assertEqual(self.body(**fields)["thinking"], made)

    def test_refused(self) -> None:
        """What no request can be, with the place of it."""
        sound = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}
        for place, fields in (
            ("n", {"n": 2}),
            ("logprobs", {"logprobs": True}),
            ("parallel_tool_calls", {"parallel_tool_calls": False}),
            ("tool_choice", {"tools": [_TOOL], "tool_choice": "sometimes"}),
            ("tool_choice", {"tools": [_TOOL], "tool_choice": {"function": {"name": "other"}}}),
            ("tools.0", {"tools": [{"type": "web_search"}]}),
            ("reasoning_effort", {"reasoning_effort": "heroic"}),
            ("messages.0.role", {"messages": [{"role": "narrator", "content": "x"}]}),
            ("messages.0.content.0", {"messages": [{"role": "user", "content": [sound]}]}),
        ):
            with self.subTest(place):
                error = self.refusal(**fields)
                self.assertEqual((error.status, error.param), (400, place))
        self.assertEqual(self.body(self.deployment(drop_params=True), n=2), self.body())


def _call(number: int) -> dict[str, Any]:
    function = {"name": "get_weather", "arguments": f'{{"n": {number}}}'}
    return {"id": f"c{number}", "type": "function", "function": function}


def _response(reason: str = "COMPLETE", **message: Any) -> dict[str, Any]:
    spoken = {"role": "assistant", **message}
    made = {"id": "a1", "finish_reason": reason, "message": spoken, "usage": _USAGE}
    V2ChatResponse.model_validate(made)
    return made


_ANSWERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        _response(content=[{"type": "text", "text": _TEXT}]),
        {"content": _TEXT, "finish_reason": "stop"},
    ),
    (
        _response(
            "MAX_TOKENS",
            content=[
                {"type": "thinking", "thinking": "Let me see."},
                {"type": "text", "text": _TEXT},
            ],
        ),
        {"reasoning_content": "Let me see.", "content": _TEXT, "finish_reason": "length"},
    ),
    (
        _response("TOOL_CALL", tool_plan="I will look.", tool_calls=[_call(1), _call(2)]),
        {
            "reasoning_content": "I will look.",
            "content": "",
            "tool_calls": [_call(1), _call(2)],
            "finish_reason": "tool_calls",
        },
    ),
    (_response("STOP_SEQUENCE", content=[]), {"content": "", "finish_reason": "stop"}),
]


def _events(made: dict[str, Any]) -> bytes:
    """The events that an answer comes in."""
    message = made["message"]
    head = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    found: list[dict[str, Any]] = [
        {"type": "message-start", "id": "a1", "delta": {"message": head}}
    ]

    def add(kind: str, index: int | None = None, **said: Any) -> None:
        numbered = {} if index is None else {"index": index}
        delta = {"delta": {"message": said}} if said else {}
        found.append({"type": kind, **numbered, **delta})

    for index, block in enumerate(message.get("content") or ()):
        field = block["type"]
        add("content-start", index, content={"type": field, field: ""})
        for piece in (block[field][:3], block[field][3:]):
            add("content-delta", index, content={field: piece})
        add("content-end", index)
    for word in (message.get("tool_plan") or "").split(" "):
        if word:
            add("tool-plan-delta", tool_plan=word if word == "I" else f" {word}")
    for index, call in enumerate(message.get("tool_calls") or ()):
        arguments = call["function"]["arguments"]
        begun = {**call, "function": {**call["function"], "arguments": ""}}
        add("tool-call-start", index, tool_calls=begun)
        for piece in (arguments[:3], arguments[3:]):
            add("tool-call-delta", index, tool_calls={"function": {"arguments": piece}})
        add("tool-call-end", index)
    end = {"finish_reason": made["finish_reason"], "usage": _USAGE}
    found.append({"type": "message-end", "delta": end})
    return events(*found)


class AnswerTests(CohereCase):
    """Answers."""

    def test_whole(self) -> None:
        """Whole answers."""
        self.clock.advance(1_800_000_000)
        for made, expected in _ANSWERS:
            with self.subTest(expected):
                answer = self.answer(made)
                ChatCompletion.model_validate(answer)
                [choice] = answer["choices"]
                said = {**choice["message"], "finish_reason": choice["finish_reason"]}
                self.assertEqual(said.pop("role"), "assistant")
                self.assertEqual({**said, "content": said["content"] or ""}, expected)
                self.assertEqual((answer["id"], answer["model"]), ("chatcmpl-a1", "m"))
                self.assertEqual(answer["created"], 1_800_000_000)
                self.assertEqual(answer["usage"], _OPENAI_USAGE)

    def test_streamed(self) -> None:
        """The same in events."""
        for made, expected in _ANSWERS:
            with self.subTest(expected):
                *chunks, last = self.streamed(_events(made), stream_options={"include_usage": True})
                for chunk in chunks:
                    ChatCompletionChunk.model_validate(chunk)
                self.assertEqual({"content": "", **joined(chunks)}, expected)
                self.assertEqual((last["choices"], last["usage"]), ([], _OPENAI_USAGE))

    @given(st.sampled_from(_ANSWERS), st.lists(st.integers(0, 3000), max_size=8))
    def test_split_anywhere(
        self, answer: tuple[dict[str, Any], dict[str, Any]], cuts: list[int]
    ) -> None:
        """However a stream is cut into pieces, it says the same."""
        made, expected = answer
        data = _events(made)
        edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
        reader = EventReader(self.deployment(), Chunks(Envelope("m", 0), False))
        translation = Translation(self.deployment(), reader)
        said = b"".join(translation.feed(data[a:b]) for a, b in itertools.pairwise(edges))
        self.assertTrue(translation.over)
        self.assertEqual({"content": "", **joined(chunks_of(said))}, expected)

    def test_failed(self) -> None:
        """An answer that failed, whole and streamed."""
        for reason, status in (("ERROR", 500), ("TIMEOUT", 504)):
            error = self.refused(200, _response(reason, content=[]))
            self.assertEqual(error.status, status)
            end = {"type": "message-end", "delta": {"finish_reason": reason, "error": "Oh"}}
            error = self.stream_error(events(end))
            self.assertEqual((error.status, error.message), (status, "cohere: Oh."))

    def test_refused(self) -> None:
        """Cohere's errors."""
        long = "too many tokens: total number of tokens in the prompt cannot exceed 4096"
        for status, said, code in (
            (400, "invalid request", None),
            (400, long, "context_length_exceeded"),
            (429, "slow down", None),
            (500, "internal", None),
        ):
            error = self.refused(status, {"message": said, "id": "x"})
            self.assertEqual(
                (error.status, error.message, error.code), (status, f"cohere: {said}", code)
            )
        self.assertEqual(self.refused(401, {"message": "no"}).code, "provider_refused_key")
        for body in (b"", b"{}", b"[]"):
            self.assertEqual(self.refused(200, body).code, "bad_answer")
        error = self.stream_error(_events(_ANSWERS[0][0])[:200])
        self.assertEqual(error.code, "connection_broken")

    def test_embeddings(self) -> None:
        """Texts as vectors."""
        made = {
            "id": "e1",
            "embeddings": {"float": [[0.25, -0.5]]},
            "texts": ["a"],
            "meta": {"billed_units": {"input_tokens": 4.0}},
        }
        EmbedByTypeResponse.model_validate(made)
        for input_type, sent in (
            ({}, "search_document"),
            ({"input_type": "query"}, "search_query"),
            ({"input_type": "clustering"}, "clustering"),
        ):
            answer = self.answer(
                made, task=Task.EMBEDDING, input="a", dimensions=2, truncate="END", **input_type
            )
            CreateEmbeddingResponse.model_validate(answer)
            request = self.sent()
            self.assertEqual(request.target, "/v2/embed")
            hints = typing.get_type_hints(V2Client.embed)
            for name, value in request.body.items():
                self.assertEqual(problems(value, hints[name], name), [])
            self.assertEqual(
                request.body,
                {
                    "model": self.model,
                    "texts": ["a"],
                    "input_type": sent,
                    "embedding_types": ["float"],
                    "output_dimension": 2,
                    "truncate": "END",
                },
            )
            self.assertEqual(answer["data"][0]["embedding"], [0.25, -0.5])
            self.assertEqual(answer["usage"], {"prompt_tokens": 4, "total_tokens": 4})
        del made["meta"]
        answer = self.answer(json.dumps(made).encode(), task=Task.EMBEDDING, input="word " * 8)
        self.assertEqual(answer["usage"]["prompt_tokens"], 10)
