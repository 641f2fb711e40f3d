"""From a whole message to a chat's answer."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from twisted_aigate.gateway.providers.anthropic.outcome import StopDetails, Usage, finish_reason
from twisted_aigate.gateway.providers.anthropic.tools import JSON_TOOL
from twisted_aigate.gateway.providers.chats.answer import (
    Envelope,
    choice,
    completion,
    message,
    tool_call,
)


class Block(Struct):
    """A content block: the fields of the kinds that a chat has a place for."""

    type: str
    text: str = ""
    thinking: str = ""
    signature: str | None = None
    data: str | None = None
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")

    @property
    def thought(self) -> dict[str, Any] | None:
        """The thought that it is, as it must come back; LiteLLM's C{thinking_blocks}."""
        match self.type:
            case "thinking":
                said = {"thinking": self.thinking, "signature": self.signature or ""}
                return {"type": "thinking", **said}
            case "redacted_thinking":
                return {"type": "redacted_thinking", "data": self.data}
        return None


class _Message(Struct):
    content: list[Block]
    id: str | None = None
    stop_reason: str | None = None
    stop_details: StopDetails | None = None
    usage: Usage = msgspec.field(default_factory=Usage)


_decoder = msgspec.json.Decoder(_Message)


def chat_answer(body: bytes, envelope: Envelope, *, by_tool: bool) -> bytes:
    """
    The answer.

    @param envelope: What it says beside the choices.
    @param by_tool: The answer may come as a call of L{JSON_TOOL}.
    @raise msgspec.MsgspecError: The body is no message.
    """
    said = _decoder.decode(body)
    answered = [each for each in said.content if _is_answer(each, by_tool)]
    calls = [
        tool_call(each.id, each.name, bytes(each.input).decode("utf-8"))
        for each in said.content
        if each.type == "tool_use" and each not in answered
    ]
    words = [each.text for each in said.content if each.type == "text"]
    words += [bytes(each.input).decode("utf-8") for each in answered]
    spoken = message(
        "".join(words) if words else None,
        calls,
        "".join(each.thinking for each in said.content),
        thinking_blocks=[thought for each in said.content if (thought := each.thought)],
        refusal=said.stop_details.explanation if said.stop_details is not None else None,
    )
    reason = finish_reason(said.stop_reason, by_tool=bool(answered) and not calls)
    return completion(envelope, said.id, [choice(0, spoken, reason)], said.usage.fields)


def _is_answer(block: Block, by_tool: bool) -> bool:
    return by_tool and block.type == "tool_use" and block.name == JSON_TOOL
