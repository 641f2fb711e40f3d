"""From the items of an input to a chat's messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted_aigate.gateway.chat.parts import Part, as_content, joined, text_part
from twisted_aigate.gateway.responses.content import parts_of
from twisted_aigate.gateway.responses.items import (
    FunctionCall,
    FunctionCallOutput,
    Item,
    Message,
)

ChatMessage = dict[str, Any]


def chat_messages(instructions: str | None, items: Iterable[tuple[str, Item]]) -> list[ChatMessage]:
    """
    The messages of the chat.

    @param instructions: What stands before everything.
    @param items: Each with its place in the request.
    @raise GatewayError: 400: a chat has nothing for a part of one.
    """
    conversation = _Conversation()
    if instructions:
        conversation.messages.append({"role": "system", "content": instructions})
    for where, item in items:
        conversation.add(where, item)
    conversation.end_results()
    return conversation.messages


class _Conversation:
    """
    A conversation in the making.

    What the model said and called in one turn are several items, and one message of a chat. A
    chat wants the results of calls right behind it, and no images in them.
    """

    def __init__(self) -> None:
        self.messages: list[ChatMessage] = []
        self._beside: list[Part] = []

    def add(self, where: str, item: Item) -> None:
        match item:
            case FunctionCallOutput():
                self._result(item, where)
            case FunctionCall():
                function = {"name": item.name, "arguments": item.arguments}
                call = {"id": item.call_id, "type": "function", "function": function}
                self._turn().setdefault("tool_calls", []).append(call)
            case Message(role="assistant"):
                text = joined(parts_of(item.content, f"{where}.content"))
                if text:
                    turn = self._turn()
                    turn["content"] = f"{turn['content']}\n\n{text}" if turn["content"] else text
            case Message():
                self.end_results()
                parts = parts_of(item.content, f"{where}.content")
                role = "user" if item.role == "user" else "system"
                if parts:
                    self.messages.append({"role": role, "content": as_content(parts)})

    def end_results(self) -> None:
        """No more results follow: what could not be in them does."""
        beside, self._beside = self._beside, []
        if beside:
            self.messages.append({"role": "user", "content": beside})

    def _turn(self) -> ChatMessage:
        self.end_results()
        if not self.messages or self.messages[-1]["role"] != "assistant":
            self.messages.append({"role": "assistant", "content": None})
        return self.messages[-1]

    def _result(self, item: FunctionCallOutput, where: str) -> None:
        parts = parts_of(item.output, f"{where}.output")
        others = [part for part in parts if part["type"] != "text"]
        if others:
            self._beside += [text_part(f"Part of the result of {item.call_id}:"), *others]
        self.messages.append(
            {"role": "tool", "tool_call_id": item.call_id, "content": joined(parts)}
        )
