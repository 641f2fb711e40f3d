"""
The content of a streamed message: block after block.

A chat's chunks may go back and forth between several calls of tools; the Messages API has one block
at a time. The first block that is not over streams as it comes, and what belongs to later ones is
kept until it is. A call is over when what has come of its arguments is a whole JSON object and
something else follows; text and thoughts are over when something else follows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from twisted_aigate.gateway.chat.answers import Said, ToolCall
from twisted_aigate.gateway.messages.message import new_call_id
from twisted_aigate.gateway.messages.outcome import Asked
from twisted_aigate.gateway.messages.thinking import signature

Event = tuple[str, dict[str, Any]]
"""An event's name and its fields."""

_json_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Block:
    """
    A block in the making.

    @ivar waiting: What has come and was not sent.
    @ivar delta: How its pieces are sent: the delta's type, and the field of the piece.
    """

    delta = ("text_delta", "text")

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.begun = False

    @property
    def may_begin(self) -> bool:
        return True

    @property
    def is_over(self) -> bool:
        """Whether it is, when something else follows."""
        return True

    def head(self) -> dict[str, Any]:
        return {"type": "text", "text": ""}

    def last_delta(self) -> dict[str, Any] | None:
        return None


class _Thought(_Block):
    delta = ("thinking_delta", "thinking")

    def __init__(self, signed: str) -> None:
        super().__init__()
        self._signed = signed

    def head(self) -> dict[str, Any]:
        return {"type": "thinking", "thinking": "", "signature": ""}

    def last_delta(self) -> dict[str, Any]:
        return {"type": "signature_delta", "signature": self._signed}


class _Call(_Block):
    delta = ("input_json_delta", "partial_json")

    def __init__(self, call_id: str | None, asked: Asked) -> None:
        super().__init__()
        self.id = call_id
        self._asked = asked
        self._name = ""
        self._arguments: list[str] = []
        self._judged = 0

    def add(self, call: ToolCall) -> None:
        self.id = self.id or call.id
        self._name = self._name or call.function.name or ""
        if call.function.arguments:
            self._arguments.append(call.function.arguments)
            self.waiting.append(call.function.arguments)

    @property
    def may_begin(self) -> bool:
        return bool(self._name)

    @property
    def is_over(self) -> bool:
        if len(self._arguments) == self._judged:
            # Nothing has come since it was found that more must.
            return False
        self._judged = len(self._arguments)
        try:
            _json_object.decode("".join(self._arguments))
        except msgspec.MsgspecError:
            return False
        return True

    def head(self) -> dict[str, Any]:
        name = self._asked.names.get(self._name, self._name)
        return {"type": "tool_use", "id": self.id or new_call_id(), "name": name, "input": {}}


class StreamedContent:
    """
    The blocks.

    @param asked: What is to be known of the request.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._blocks: deque[_Block] = deque()
        self._calls: dict[int, _Call] = {}
        self._index = 0

    def add(self, said: Said) -> Iterator[Event]:
        """What was said next; returns the events that it makes."""
        field, thought = said.thought
        if thought:
            self._last(_Thought, signature(field, self._asked.model)).waiting.append(thought)
        if said.text:
            self._last(_Block).waiting.append(said.text)
        for call in said.tool_calls or ():
            self._call(call).add(call)
        return self._events()

    def finish(self) -> Iterator[Event]:
        """Nothing more comes; returns the events that are left."""
        yield from self._events()
        while self._blocks:
            block = self._blocks[0]
            if block.may_begin:
                yield from self._pieces(block)
                yield from self._end(block)
            self._blocks.popleft()

    def _last(self, kind: type[_Block], *arguments: str) -> _Block:
        if not self._blocks or type(self._blocks[-1]) is not kind:
            self._blocks.append(kind(*arguments))
        return self._blocks[-1]

    def _call(self, call: ToolCall) -> _Call:
        # Some have the same index, or none, for all calls, and an id of its own for each.
        index = call.index or 0
        known = self._calls.get(index)
        if known is None or (call.id and known.id and call.id != known.id):
            known = self._calls[index] = _Call(call.id, self._asked)
            self._blocks.append(known)
        return known

    def _events(self) -> Iterator[Event]:
        while self._blocks and self._blocks[0].may_begin:
            block = self._blocks[0]
            yield from self._pieces(block)
            if len(self._blocks) == 1 or not block.is_over:
                return
            yield from self._end(block)
            self._blocks.popleft()

    def _pieces(self, block: _Block) -> Iterator[Event]:
        if not block.begun:
            block.begun = True
            yield "content_block_start", {"index": self._index, "content_block": block.head()}
        waiting, block.waiting = block.waiting, []
        if waiting:
            kind, field = block.delta
            yield self._delta({"type": kind, field: "".join(waiting)})

    def _end(self, block: _Block) -> Iterator[Event]:
        last = block.last_delta()
        if last is not None:
            yield self._delta(last)
        yield "content_block_stop", {"index": self._index}
        self._index += 1

    def _delta(self, delta: dict[str, Any]) -> Event:
        return "content_block_delta", {"index": self._index, "delta": delta}
