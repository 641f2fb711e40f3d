"""
The output items of a response in the making, and the events that tell of it.

Text and thoughts are over when something else begins. A chat's calls may come by turns, so each is
open until the end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from twisted_aigate.gateway.chat.answers import Said, ToolCall
from twisted_aigate.gateway.responses.logprobs import Logprob, brief
from twisted_aigate.kernel.identifiers import new_id

Event = tuple[str, dict[str, Any]]
"""An event's type and its fields."""

_TEXT, _REFUSAL, _THOUGHT = "output_text", "refusal", "reasoning_text"
_FIELDS = {_TEXT: "text", _REFUSAL: "refusal", _THOUGHT: "text"}
"""The kinds of parts, and the field of each that has its text."""


class _Part:
    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.logprobs: list[Logprob] = []
        self._pieces: list[str] = []

    @property
    def text(self) -> dict[str, str]:
        return {_FIELDS[self.kind]: "".join(self._pieces)}

    def add(self, piece: str, logprobs: list[Logprob]) -> None:
        self._pieces.append(piece)
        self.logprobs += logprobs

    def whole(self) -> dict[str, Any]:
        more = {"annotations": [], "logprobs": self.logprobs} if self.kind == _TEXT else {}
        return {"type": self.kind, **more, **self.text}


class _Item(ABC):
    """
    An item.

    @ivar status: C{in_progress}, then C{completed} or C{incomplete}.
    """

    prefix: str

    def __init__(self, index: int) -> None:
        self.id = f"{self.prefix}_{new_id()}"
        self.status = "in_progress"
        self._index = index

    @abstractmethod
    def whole(self) -> dict[str, Any]:
        """The item as it is now."""

    @abstractmethod
    def last_events(self) -> Iterator[Event]:
        """What is told of its content when there is no more."""

    def begin(self) -> Event:
        return self._told("added")

    def end(self, status: str) -> Iterator[Event]:
        yield from self.last_events()
        self.status = status
        yield self._told("done")

    def place(self, **more: Any) -> dict[str, Any]:
        return {"item_id": self.id, "output_index": self._index, **more}

    def _told(self, what: str) -> Event:
        fields = {"output_index": self._index, "item": self.whole()}
        return f"response.output_item.{what}", fields


class _Spoken(_Item):
    """What is said in parts."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self._parts: list[_Part] = []

    def add(self, kind: str, piece: str, logprobs: list[Logprob]) -> Iterator[Event]:
        if not self._parts or self._parts[-1].kind != kind:
            yield from self.last_events()
            self._parts.append(_Part(kind))
            yield self._part_told("added")
        self._parts[-1].add(piece, logprobs)
        more = {"logprobs": brief(logprobs)} if kind == _TEXT else {}
        yield self._text_told("delta", delta=piece, **more)

    def last_events(self) -> Iterator[Event]:
        if self._parts:
            part = self._parts[-1]
            more = {"logprobs": brief(part.logprobs)} if part.kind == _TEXT else {}
            yield self._text_told("done", **part.text, **more)
            yield self._part_told("done")

    def contents(self) -> list[dict[str, Any]]:
        return [part.whole() for part in self._parts]

    def _text_told(self, what: str, **fields: Any) -> Event:
        place = self.place(content_index=len(self._parts) - 1)
        return f"response.{self._parts[-1].kind}.{what}", {**place, **fields}

    def _part_told(self, what: str) -> Event:
        place = self.place(content_index=len(self._parts) - 1)
        return f"response.content_part.{what}", {**place, "part": self._parts[-1].whole()}


class _Message(_Spoken):
    prefix = "msg"

    def whole(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": "message",
            "status": self.status,
            "role": "assistant",
            "content": self.contents(),
        }


class _Thought(_Spoken):
    prefix = "rs"

    def whole(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": "reasoning",
            "status": self.status,
            "summary": [],
            "content": self.contents(),
        }


class _Call(_Item):
    prefix = "fc"

    def __init__(self, index: int, call_id: str, name: str) -> None:
        super().__init__(index)
        self._call_id = call_id
        self._name = name
        self._arguments: list[str] = []

    def add(self, arguments: str) -> Event:
        self._arguments.append(arguments)
        return "response.function_call_arguments.delta", self.place(delta=arguments)

    def last_events(self) -> Iterator[Event]:
        fields = self.place(arguments="".join(self._arguments))
        yield "response.function_call_arguments.done", fields

    def whole(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": "function_call",
            "status": self.status,
            "arguments": "".join(self._arguments),
            "call_id": self._call_id,
            "name": self._name,
        }


class _Coming:
    """
    A call as a chat's chunks have it: it cannot be told of before it has a name.

    @ivar item: The item that it is, once it is told of.
    @ivar waiting: The arguments that came before.
    """

    def __init__(self) -> None:
        self.id: str | None = None
        self.name = ""
        self.item: _Call | None = None
        self.waiting = ""


class Output:
    """The items of a response."""

    def __init__(self) -> None:
        self._items: list[_Item] = []
        self._spoken: _Spoken | None = None
        self._calls: dict[int, _Coming] = {}

    def add(self, said: Said, logprobs: list[Logprob]) -> Iterator[Event]:
        """
        What was said next; returns the events that it makes.

        @param logprobs: Those of its text.
        """
        thought = said.thought[1]
        if thought:
            yield from self._say(_Thought, _THOUGHT, thought, [])
        if said.words:
            yield from self._say(_Message, _TEXT, said.words, logprobs)
        if said.refusal:
            yield from self._say(_Message, _REFUSAL, said.refusal, [])
        for call in said.tool_calls or ():
            yield from self._call(call)

    def finish(self, status: str) -> Iterator[Event]:
        """
        Nothing more comes; returns the events that are left.

        @param status: That of the item that came last; those before are completed.
        """
        is_open = [item for item in self._items if item.status == "in_progress"]
        for item in is_open:
            yield from item.end(status if item is self._items[-1] else "completed")

    def whole(self) -> list[dict[str, Any]]:
        """The items as they are now."""
        return [item.whole() for item in self._items]

    def _say(
        self, kind: type[_Spoken], part: str, piece: str, logprobs: list[Logprob]
    ) -> Iterator[Event]:
        if type(self._spoken) is not kind:
            yield from self._end_spoken()
            self._spoken = kind(len(self._items))
            yield self._begin(self._spoken)
        assert self._spoken is not None
        yield from self._spoken.add(part, piece, logprobs)

    def _begin(self, item: _Item) -> Event:
        self._items.append(item)
        return item.begin()

    def _end_spoken(self) -> Iterator[Event]:
        spoken, self._spoken = self._spoken, None
        if spoken is not None:
            yield from spoken.end("completed")

    def _call(self, call: ToolCall) -> Iterator[Event]:
        coming = self._coming(call)
        coming.id = coming.id or call.id
        coming.name = coming.name or call.function.name or ""
        coming.waiting += call.function.arguments or ""
        if coming.item is None and coming.name:
            yield from self._end_spoken()
            call_id = coming.id or f"call_{new_id()}"
            coming.item = _Call(len(self._items), call_id, coming.name)
            yield self._begin(coming.item)
        if coming.item is not None and coming.waiting:
            arguments, coming.waiting = coming.waiting, ""
            yield coming.item.add(arguments)

    def _coming(self, call: ToolCall) -> _Coming:
        # Some have the same index, or none, for all calls, and an id of its own for each.
        index = call.index or 0
        known = self._calls.get(index)
        if known is None or (call.id and known.id and call.id != known.id):
            known = self._calls[index] = _Coming()
        return known
