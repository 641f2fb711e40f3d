"""From a conversation of the Messages API to a chat's messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from twisted_aigate.gateway.chat.parts import Part, as_content, joined, text_part
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.messages.blocks import (
    Block,
    Text,
    Thought,
    ToolResult,
    ToolUse,
    read_blocks,
)
from twisted_aigate.gateway.messages.models import Content, PromptRequest
from twisted_aigate.gateway.messages.parts import parts_of
from twisted_aigate.gateway.messages.thinking import thoughts_of
from twisted_aigate.gateway.messages.tools import sent_name

ChatMessage = dict[str, Any]

_BILLING = "x-anthropic-billing-header:"
"""How the block of Claude Code's system prompt begins that is for Anthropic's servers alone."""

_ERROR = "Error: "
"""What stands before a failed tool's result, since a chat has no mark for it."""


def chat_messages(request: PromptRequest, deployment: Deployment) -> list[ChatMessage]:
    """
    The messages of the chat.

    @param deployment: Who is to read them.
    @raise GatewayError: 400: it cannot.
    """
    messages = [*_system(request.system, "system", deployment)]
    for index, message in enumerate(request.messages):
        where = f"messages.{index}.content"
        if message.role == "system":
            messages += _system(message.content, where, deployment)
            continue
        blocks = list(read_blocks(message.content, where))
        if message.role == "assistant":
            messages += _assistant(blocks, request.model)
        else:
            messages += _user(blocks, deployment, where)
    return messages


def _system(content: Content | None, where: str, deployment: Deployment) -> Iterator[ChatMessage]:
    # The billing block changes from call to call, and a provider's cache goes by the beginning.
    blocks = [
        block
        for block in read_blocks(content, where)
        if not (isinstance(block, Text) and block.text.startswith(_BILLING))
    ]
    text = joined(parts_of(blocks, deployment, where))
    if text:
        yield {"role": "system", "content": text}


def _assistant(blocks: Sequence[Block], model: str) -> Iterator[ChatMessage]:
    text = "".join(block.text for block in blocks if isinstance(block, Text))
    calls = [
        {
            "id": block.id,
            "type": "function",
            "function": {"name": sent_name(block.name), "arguments": _json(block.input)},
        }
        for block in blocks
        if isinstance(block, ToolUse)
    ]
    if not text and not calls:
        return
    thoughts = [(each.thinking, each.signature) for each in blocks if isinstance(each, Thought)]
    message: ChatMessage = {"role": "assistant", "content": text or None}
    message |= thoughts_of(model, thoughts)
    if calls:
        message["tool_calls"] = calls
    yield message


def _json(value: dict[str, Any]) -> str:
    return msgspec.json.encode(value).decode("utf-8")


def _user(blocks: Sequence[Block], deployment: Deployment, where: str) -> Iterator[ChatMessage]:
    # A chat wants the results right behind the calls, and no images in them.
    parts: list[Part] = []
    for block in blocks:
        if not isinstance(block, ToolResult):
            parts += parts_of([block], deployment, where)
            continue
        result = parts_of(read_blocks(block.content, where), deployment, where)
        others = [part for part in result if part["type"] != "text"]
        if others:
            parts += [text_part(f"Part of the result of {block.tool_use_id}:"), *others]
        text = joined(result)
        content = f"{_ERROR}{text}" if block.is_error else text
        yield {"role": "tool", "tool_call_id": block.tool_use_id, "content": content}
    if parts:
        yield {"role": "user", "content": as_content(parts)}
