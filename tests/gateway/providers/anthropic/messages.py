"""Messages, as Anthropic's API answers them, whole and in events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from anthropic.types import Message, RawMessageStreamEvent
from pydantic import TypeAdapter

MODEL = "claude-sonnet-5"
USAGE = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 3,
    "cache_read_input_tokens": 5,
    "output_tokens": 20,
    "output_tokens_details": {"thinking_tokens": 7},
}
OPENAI_USAGE = {
    "prompt_tokens": 18,
    "completion_tokens": 20,
    "total_tokens": 38,
    "prompt_tokens_details": {"cached_tokens": 5, "cache_creation_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 7},
    "cache_creation_input_tokens": 3,
    "cache_read_input_tokens": 5,
}
THOUGHT = {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"}
HIDDEN = {"type": "redacted_thinking", "data": "eHl6"}
TEXT = {"type": "text", "text": "Grüße, 世界 🌍."}

_events = TypeAdapter(RawMessageStreamEvent)
_PIECES = {"text": "text", "thinking": "thinking", "tool_use": "input"}


def use(number: int, name: str = "get_weather", **value: Any) -> dict[str, Any]:
    """A call of a tool."""
    return {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": value}


def message(*content: dict[str, Any], stop_reason: str = "end_turn", **more: Any) -> dict[str, Any]:
    """A message, which Anthropic's client takes for one."""
    made = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": list(content),
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": USAGE,
        **more,
    }
    Message.model_validate(made)
    return made


def message_events(whole: dict[str, Any]) -> list[dict[str, Any]]:
    """The events that a message comes in."""
    usage = {**USAGE, "output_tokens": 1, "output_tokens_details": None}
    start = {**whole, "content": [], "stop_reason": None, "usage": usage}
    found: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(whole["content"]):
        found += _block_events(index, block)
    delta = {name: whole.get(name) for name in ("stop_reason", "stop_sequence", "stop_details")}
    found.append({"type": "message_delta", "delta": delta, "usage": {
        "output_tokens": 20, "output_tokens_details": {"thinking_tokens": 7},
    }})  # fmt: skip
    found.append({"type": "message_stop"})
    for each in found:
        if each["type"] != "ping":
            _events.validate_python(each)
    return found


def _block_events(index: int, block: dict[str, Any]) -> list[dict[str, Any]]:
    kind = block["type"]
    empty: dict[str, Any] = {"text": "", "thinking": "", "input": {}, "signature": ""}
    head = {name: empty.get(name, value) for name, value in block.items()}
    deltas = [_delta(kind, piece) for piece in _pieces(block)]
    if kind == "thinking":
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    return [
        {"type": "content_block_start", "index": index, "content_block": head},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _pieces(block: dict[str, Any]) -> Sequence[str]:
    value = block.get(_PIECES.get(block["type"], ""))
    if value is None:
        return ()
    text = value if isinstance(value, str) else json.dumps(value)
    return (text[:3], "", text[3:])


def _delta(kind: str, piece: str) -> dict[str, Any]:
    return {
        "text": {"type": "text_delta", "text": piece},
        "thinking": {"type": "thinking_delta", "thinking": piece},
        "tool_use": {"type": "input_json_delta", "partial_json": piece},
    }[kind]


def encoded(events: Sequence[dict[str, Any]]) -> bytes:
    """The events as they come."""
    return b"".join(
        f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events
    )
