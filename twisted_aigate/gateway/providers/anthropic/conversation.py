"""From a chat's messages to a conversation of the Messages API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.anthropic.content import Block, blocks_of, cached
from twisted_aigate.gateway.providers.chats.models import Message

_SYSTEM = ("system", "developer")
_THOUGHTS = ("thinking", "redacted_thinking")


def conversation(messages: Sequence[Message]) -> dict[str, Any]:
    """
    C{system} and C{messages}.

    System messages move to the front. Neighbours of one role become one message, since the results
    of all calls must stand in the message behind the calls.

    @raise GatewayError: 400: a message cannot be taken.
    """
    system: list[Block] = []
    turns: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        where = f"messages.{index}"
        if message.role in _SYSTEM:
            system += _content(message, where)
            continue
        role, blocks = _turn(message, where)
        if not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    _strip_prefill(turns)
    return {"system": system, "messages": turns} if system else {"messages": turns}


def lacks_thoughts(messages: Sequence[Message]) -> bool:
    """
    Whether the model's last calls came without the thoughts before them.

    Thinking with a budget cannot be asked for then: the API wants those thoughts back.
    """
    calls = [each for each in messages if each.role == "assistant" and each.tool_calls]
    return bool(calls) and not calls[-1].thinking_blocks


def _turn(message: Message, where: str) -> tuple[str, list[Block]]:
    match message.role:
        case "user":
            return "user", _content(message, where)
        case "assistant":
            return "assistant", _assistant(message, where)
        case "tool" | "function":
            return "user", [_tool_result(message, where)]
    raise GatewayError(400, f"{where}: there is no role {message.role!r}.", param=f"{where}.role")


def _content(message: Message, where: str) -> list[Block]:
    blocks = blocks_of(message.parts, f"{where}.content")
    if blocks and message.cache_control is not None:
        blocks[-1] = cached(blocks[-1], message.cache_control)
    return blocks


def _assistant(message: Message, where: str) -> list[Block]:
    thoughts = [block for block in message.thinking_blocks or () if block.get("type") in _THOUGHTS]
    calls = [
        cached(
            {
                "type": "tool_use",
                "id": call.id,
                "name": call.function.name,
                "input": call.input(f"{where}.tool_calls.{index}"),
            },
            call.cache_control,
        )
        for index, call in enumerate(message.tool_calls or ())
    ]
    return [*thoughts, *_content(message, where), *calls]


def _tool_result(message: Message, where: str) -> Block:
    result: Block = {"type": "tool_result", "tool_use_id": message.tool_call_id}
    blocks = blocks_of(message.parts, f"{where}.content")
    if blocks:
        result["content"] = blocks
    return cached(result, message.cache_control)


def _strip_prefill(turns: list[dict[str, Any]]) -> None:
    # The API refuses an answer's beginning that ends in white space.
    if turns and turns[-1]["role"] == "assistant" and turns[-1]["content"][-1]["type"] == "text":
        last = turns[-1]["content"][-1]
        turns[-1]["content"][-1] = {**last, "text": last["text"].rstrip()}
