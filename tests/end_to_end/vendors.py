"""
Anthropic's, Google's, Cohere's and Azure's APIs on loopback: they check what they are sent, answer
it, and can fail.

What a request's model is called says what happens: C{status-429}, C{silent}, C{reset},
C{malformed}, C{slow}; anything else is answered.
"""

from __future__ import annotations

import itertools
import json
import re
import time
import typing
from collections.abc import Callable, Iterator
from typing import Any

from anthropic.types.message_create_params import (
    MessageCreateParamsNonStreaming,
    MessageCreateParamsStreaming,
)
from attrs import frozen
from cohere.v2.client import V2Client
from google.genai import types

from tests.gateway.providers.anthropic.messages import encoded, message, message_events, use
from tests.gateway.providers.case import events
from tests.support.loopback import Handler, LoopbackServer
from tests.support.vendor_types import problems

KEY = "sk-vendor-key-4321"
TEXT = "Grüße from the vendor 🌍."
_GEMINI_TYPES: dict[str, Any] = {
    "contents": list[types.Content],
    "systemInstruction": types.Content,
    "tools": list[types.Tool],
    "toolConfig": types.ToolConfig,
    "generationConfig": types.GenerationConfig,
}
_COHERE_TYPES = typing.get_type_hints(V2Client.chat)
_COHERE_RERANK_TYPES = typing.get_type_hints(V2Client.rerank)
_SAMPLING = ("temperature", "top_p", "top_k")


def _call_of(body: dict[str, Any]) -> bool:
    return bool(body.get("tools"))


# Anthropic.


def _anthropic_problems(body: dict[str, Any]) -> list[str]:
    typed = {name: value for name, value in body.items() if name not in _SAMPLING}
    streams = typed.get("stream") is True
    kind = MessageCreateParamsStreaming if streams else MessageCreateParamsNonStreaming
    return problems(typed, kind)


def _anthropic_message(body: dict[str, Any]) -> dict[str, Any]:
    if _call_of(body):
        return message(use(1, body["tools"][0]["name"], city="Paris"), stop_reason="tool_use")
    return message({"type": "text", "text": TEXT})


def _anthropic_error(status: int, said: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": "api_error", "message": said}}


# Google.


def _gemini_problems(body: dict[str, Any]) -> list[str]:
    unknown = [f"{name}: not known" for name in body if name not in _GEMINI_TYPES]
    known = [each for each in body.items() if each[0] in _GEMINI_TYPES]
    return unknown + [
        said for name, value in known for said in problems(value, _GEMINI_TYPES[name], name)
    ]


def _gemini_response(body: dict[str, Any]) -> dict[str, Any]:
    part: dict[str, Any] = {"text": TEXT}
    if _call_of(body):
        name = body["tools"][0]["functionDeclarations"][0]["name"]
        part = {
            "functionCall": {"name": name, "args": {"city": "Paris"}, "id": "c1"},
            "thoughtSignature": "c2ln",
        }
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}
    usage = {"promptTokenCount": 18, "candidatesTokenCount": 20, "totalTokenCount": 38}
    return {"candidates": [candidate], "usageMetadata": usage, "responseId": "r1"}


def _gemini_error(status: int, said: str) -> dict[str, Any]:
    return {"error": {"code": status, "message": said, "status": "WHATEVER"}}


# Cohere.


def _cohere_problems(body: dict[str, Any]) -> list[str]:
    body = {name: value for name, value in body.items() if name != "stream"}
    types = _COHERE_RERANK_TYPES if "query" in body else _COHERE_TYPES
    unknown = [f"{name}: not known" for name in body if name not in types]
    known = [each for each in body.items() if each[0] in types]
    return unknown + [said for name, value in known for said in problems(value, types[name], name)]


_COHERE_USAGE = {"tokens": {"input_tokens": 18, "output_tokens": 20}}


def _cohere_call(body: dict[str, Any]) -> dict[str, Any]:
    name = body["tools"][0]["function"]["name"]
    function = {"name": name, "arguments": '{"city": "Paris"}'}
    return {"id": "c1", "type": "function", "function": function}


def _cohere_ranks(body: dict[str, Any]) -> dict[str, Any]:
    last = len(body["documents"]) - 1
    results = [{"index": last - n, "relevance_score": 1 / (n + 1)} for n in range(last + 1)]
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return {"id": "r1", "results": results[: body.get("top_n")], "meta": meta}


def _cohere_response(body: dict[str, Any]) -> dict[str, Any]:
    if "query" in body:
        return _cohere_ranks(body)
    spoken: dict[str, Any] = {"role": "assistant"}
    if _call_of(body):
        spoken["tool_calls"] = [_cohere_call(body)]
    else:
        spoken["content"] = [{"type": "text", "text": TEXT}]
    reason = "TOOL_CALL" if _call_of(body) else "COMPLETE"
    return {"id": "a1", "finish_reason": reason, "message": spoken, "usage": _COHERE_USAGE}


def _cohere_events(body: dict[str, Any]) -> bytes:
    found: list[dict[str, Any]] = [
        {"type": "message-start", "id": "a1", "delta": {"message": {"role": "assistant"}}}
    ]
    reason = "TOOL_CALL" if _call_of(body) else "COMPLETE"
    if _call_of(body):
        said: dict[str, Any] = {"message": {"tool_calls": _cohere_call(body)}}
        found.append({"type": "tool-call-start", "index": 0, "delta": said})
    else:
        for piece in (TEXT[:5], TEXT[5:]):
            said = {"message": {"content": {"type": "text", "text": piece}}}
            found.append({"type": "content-delta", "index": 0, "delta": said})
    end = {"finish_reason": reason, "usage": _COHERE_USAGE}
    return events(*found, {"type": "message-end", "delta": end})


# Azure.


def _azure_completion(body: dict[str, Any]) -> dict[str, Any]:
    spoken: dict[str, Any] = {"role": "assistant", "content": TEXT}
    if _call_of(body):
        spoken = {"role": "assistant", "content": None, "tool_calls": [_cohere_call(body)]}
    choice = {"index": 0, "message": spoken, "finish_reason": "stop"}
    usage = {"prompt_tokens": 18, "completion_tokens": 20, "total_tokens": 38}
    envelope = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "x"}
    return {**envelope, "choices": [choice], "usage": usage}


def _azure_events(body: dict[str, Any]) -> bytes:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "x"}
    delta: dict[str, Any] = {"content": TEXT}
    if _call_of(body):
        delta = {"tool_calls": [{"index": 0, **_cohere_call(body)}]}
    said = {"index": 0, "delta": delta, "finish_reason": None}
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 18, "completion_tokens": 20, "total_tokens": 38}
    return (
        events({**base, "choices": [said]}, {**base, "choices": [end]})
        + events({**base, "choices": [], "usage": usage})
        + b"data: [DONE]\n\n"
    )


@frozen
class Vendor:
    """
    One API.

    @ivar path: The paths of its chats; a group C{model} where the model is in them.
    @ivar keys: The header fields that may have the key, and what is before the key in them.
    @ivar problems: What is wrong with a request.
    @ivar answer: A whole answer to it.
    @ivar stream: A streamed one.
    @ivar error: An error.
    """

    path: re.Pattern[str]
    keys: tuple[tuple[str, str], ...]
    problems: Callable[[dict[str, Any]], list[str]]
    answer: Callable[[dict[str, Any]], dict[str, Any]]
    stream: Callable[[dict[str, Any]], bytes]
    error: Callable[[int, str], dict[str, Any]]


VENDORS = {
    "anthropic": Vendor(
        re.compile(r"/v1/messages"),
        (("x-api-key", ""), ("authorization", "Bearer ")),
        _anthropic_problems,
        _anthropic_message,
        lambda body: encoded(message_events(_anthropic_message(body))),
        _anthropic_error,
    ),
    "gemini": Vendor(
        re.compile(
            r"/v1beta/models/(?P<model>[^:]+):(generateContent|streamGenerateContent\?alt=sse)"
        ),
        (("x-goog-api-key", ""),),
        _gemini_problems,
        _gemini_response,
        lambda body: events(_gemini_response(body)),
        _gemini_error,
    ),
    "cohere": Vendor(
        re.compile(r"/v2/(chat|rerank)"),
        (("authorization", "Bearer "),),
        _cohere_problems,
        _cohere_response,
        _cohere_events,
        lambda status, said: {"message": said},
    ),
    "azure": Vendor(
        re.compile(
            r"/openai/deployments/(?P<model>[^/]+)/chat/completions\?api-version=2024-10-21"
        ),
        (("api-key", ""),),
        lambda body: [],
        _azure_completion,
        _azure_events,
        lambda status, said: {"error": {"message": said, "code": str(status)}},
    ),
}


class FakeVendors(LoopbackServer):
    """
    The server.

    @ivar problems: What it was sent that the APIs would refuse.
    @ivar fields: The header fields of the newest request, names in lower case.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.fields: dict[str, str] = {}
        super().__init__(_Handler)


class _Handler(Handler):
    owner: FakeVendors

    def do_POST(self) -> None:
        raw, self.owner.fields = self.body(), self.fields()
        if self.path == "/v1/messages/count_tokens":
            self.send_json(200, {"input_tokens": 4321})
            return
        for vendor in VENDORS.values():
            found = vendor.path.fullmatch(self.path.partition("&")[0].replace("?beta=true", ""))
            if found is not None:
                body = json.loads(raw)
                model = found.groupdict().get("model") or body["model"]
                self._play(vendor, model, body)
                return
        self.send_json(404, {"error": {"message": f"no {self.path}"}})

    def _play(self, vendor: Vendor, model: str, body: dict[str, Any]) -> None:
        fields = self.owner.fields
        if all(fields.get(name) != before + KEY for name, before in vendor.keys):
            self.send_json(401, vendor.error(401, f"wrong key, not {KEY}"))
            return
        wrong = vendor.problems(body)
        if wrong:
            self.owner.problems += wrong
            self.send_json(400, vendor.error(400, "; ".join(wrong)))
            return
        if model.startswith("status-"):
            status = int(model.removeprefix("status-"))
            later = {"Retry-After": "61"} if status == 429 else {}
            self.send_json(status, vendor.error(status, "as asked"), later)
        elif model == "silent":
            self.owner.stopping.wait(10)
            self.close_connection = True
        elif body.get("stream") or "stream" in self.path:
            self._stream(vendor.stream(body), model)
        else:
            self.send_json(200, vendor.answer(body))

    def _stream(self, data: bytes, model: str) -> None:
        self.begin_events()
        half = data.find(b"\n\n", len(data) // 2) + 2
        if model == "reset":
            self.chunk(data[:half])
            time.sleep(0.2)  # a reset takes with it what the peer has not read yet
            self.reset()
            return
        if model == "malformed":
            data = data[:half] + b"data: {oops\n\n" + data[half:]
        for piece in _pieces(data) if model == "slow" else (data,):
            self.chunk(piece)
        self.chunk(b"")


def _pieces(data: bytes) -> Iterator[bytes]:
    edges = range(len(data) + 1)
    return (data[start:end] for start, end in itertools.pairwise(edges))


def config(url: str, *models: str) -> str:
    """A configuration with these models of each vendor, named C{vendor/model}."""
    lines = ["model_list:"]
    for vendor, model in itertools.product(VENDORS, models):
        lines += [
            f"  - model_name: {vendor}/{model}",
            "    litellm_params:",
            f"      model: {vendor}/{model}",
            f"      api_base: {url}{'/v1beta' if vendor == 'gemini' else ''}",
            f"      api_key: {KEY}",
            "      api_version: '2024-10-21'",
            "      timeout: 1",
        ]
    return "\n".join([*lines, "router_settings: {num_retries: 0, cooldown_time: 0}"]) + "\n"
