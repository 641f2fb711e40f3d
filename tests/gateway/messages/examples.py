"""Requests and streams for the tests of the Messages API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.messages.models import MessagesRequest
from twisted_aigate.gateway.messages.outcome import Asked

Event = dict[str, Any]

HELLO = [{"role": "user", "content": "Hello"}]
PIXEL = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}}
PIXEL_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
PDF = {
    "type": "document",
    "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
}


def deployment(provider: str = "openai", **info: object) -> Deployment:
    """A deployment whose C{model_info} is C{info}."""
    return Deployment("m", provider, "upstream-m", info=info)


def request(**fields: Any) -> MessagesRequest:
    """A request with these fields, by way of JSON."""
    body = json.dumps({"model": "m", "max_tokens": 100, "messages": HELLO, **fields})
    return msgspec.json.decode(body, type=MessagesRequest)


def asked(
    names: Mapping[str, str] | None = None, stops: tuple[str, ...] = (), estimate: int = 77
) -> Asked:
    """What an answer's translation knows of a request."""
    return Asked("m", names or {}, stops, lambda: estimate)


def chunk(delta: Any = None, finish: str | None = None, **more: Any) -> bytes:
    """A chunk of a chat's stream."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish, **more}
    return json.dumps({"object": "chat.completion.chunk", "choices": [choice]}).encode()


def call(index: int | None, arguments: str = "", **more: Any) -> Any:
    """A chunk's delta with the next of one call: C{id} and C{name} if they are given."""
    function = {"arguments": arguments, **({"name": more.pop("name")} if "name" in more else {})}
    return {"tool_calls": [{"index": index, **more, "function": function}]}


def stream(*chunks: bytes, done: bool = True) -> bytes:
    """A chat's stream."""
    return b"".join(b"data: %b\n\n" % each for each in (*chunks, *([b"[DONE]"] if done else [])))


def events_of(data: bytes) -> list[Event]:
    """A message's stream taken apart; each event's name is its data's type."""
    events = []
    for block in data.decode().split("\n\n")[:-1]:
        name, body = block.split("\n")
        event = json.loads(body.removeprefix("data: "))
        assert name == f"event: {event['type']}", block
        events.append(event)
    return events


def blocks_of(events: list[Event]) -> list[Event]:
    """
    The content blocks of a message's events, put together as a client does.

    Blocks that overlap, or are not numbered in order, fail.
    """
    blocks: list[Event] = []
    is_open = False
    for event in events:
        match event["type"]:
            case "content_block_start":
                assert not is_open, event
                assert event["index"] == len(blocks), event
                is_open = True
                blocks.append({**event["content_block"], "json": ""})
            case "content_block_delta":
                assert is_open, event
                assert event["index"] == len(blocks) - 1, event
                _grow(blocks[-1], event["delta"])
            case "content_block_stop":
                assert is_open, event
                assert event["index"] == len(blocks) - 1, event
                is_open = False
    assert not is_open, "the last block is open"
    for block in blocks:
        written = block.pop("json")
        if written:
            block["input"] = json.loads(written)
    return blocks


def _grow(block: Event, delta: Event) -> None:
    match delta["type"], block["type"]:
        case "text_delta", "text":
            block["text"] += delta["text"]
        case "thinking_delta", "thinking":
            block["thinking"] += delta["thinking"]
        case "signature_delta", "thinking":
            block["signature"] += delta["signature"]
        case "input_json_delta", "tool_use":
            block["json"] += delta["partial_json"]
        case kinds:
            raise AssertionError(f"a delta that does not fit its block: {kinds}")
