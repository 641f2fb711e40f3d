"""What OpenAI's API would say: whole answers, and chunks of streamed ones."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

import msgspec
from attrs import frozen

from twisted_aigate.gateway.events import DONE, event

Fields = dict[str, Any]


def new_call_id() -> str:
    """An id for a call of a tool that its model gave none."""
    return f"call_{uuid.uuid4().hex[:24]}"


def tool_call(call_id: str, name: str, arguments: str, **more: Any) -> Fields:
    """A call of a tool, or the beginning of one in a stream."""
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function, **more}


def message(text: str | None, calls: list[Fields], reasoning: str = "", **more: Any) -> Fields:
    """The message that a choice has."""
    said: Fields = {"role": "assistant", "content": text}
    if reasoning:
        said["reasoning_content"] = reasoning
    if calls:
        said["tool_calls"] = calls
    return {**said, **{name: value for name, value in more.items() if value}}


def choice(index: int, said: Fields, finish: str | None, **more: Any) -> Fields:
    """A choice."""
    return {"index": index, "message": said, "finish_reason": finish, "logprobs": None, **more}


def usage_fields(
    prompt: int, completion: int, *, cached: int = 0, written: int = 0, reasoning: int | None = None
) -> Fields:
    """
    The usage object.

    @param prompt: The prompt's tokens, those of caches among them.
    @param completion: The answer's tokens, those of thinking among them.
    @param cached: Read from a cache.
    @param written: Written to one; LiteLLM's field.
    """
    details = {"cached_tokens": cached}
    if written:
        details["cache_creation_tokens"] = written
    usage: Fields = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": details,
    }
    if reasoning is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    return usage


@frozen
class Envelope:
    """
    What an answer says beside the choices, and each of its chunks again.

    @ivar model: The model's name as the caller wrote it.
    @ivar created: When it was answered, in seconds of Unix time.
    """

    model: str
    created: int

    def fields(self, kind: str, answer_id: str | None) -> Fields:
        """It, of an object of OpenAI's of that kind."""
        return {
            "id": f"chatcmpl-{answer_id or uuid.uuid4().hex}",
            "object": kind,
            "created": self.created,
            "model": self.model,
        }


def completion(
    envelope: Envelope, answer_id: str | None, choices: Iterable[Fields], usage: Fields
) -> bytes:
    """A whole answer."""
    fields = envelope.fields("chat.completion", answer_id)
    return msgspec.json.encode({**fields, "choices": list(choices), "usage": usage})


class Chunks:
    """
    A streamed answer's chunks.

    @param envelope: What each says.
    @param include_usage: The caller wants the usage at the end.
    """

    def __init__(self, envelope: Envelope, include_usage: bool) -> None:
        self._envelope = envelope
        self._include_usage = include_usage
        self._common: Fields | None = None
        self._begun: set[int] = set()

    @property
    def begun(self) -> bool:
        """Whether there was any."""
        return bool(self._begun)

    def start(self, answer_id: str | None) -> None:
        """The answer has an id."""
        if self._common is None:
            self._common = self._envelope.fields("chat.completion.chunk", answer_id)

    def _chunk(self, choices: list[Fields], usage: Fields | None = None) -> bytes:
        self.start(None)
        chunk = {**(self._common or {}), "choices": choices}
        if self._include_usage:
            chunk["usage"] = usage
        return event(msgspec.json.encode(chunk))

    def delta(self, delta: Fields, index: int = 0) -> bytes:
        """What is said next; the first of a choice says who speaks."""
        if index not in self._begun:
            self._begun.add(index)
            delta = {"role": "assistant", "content": None, **delta}
        return self._chunk([{"index": index, "delta": delta, "finish_reason": None}])

    def finish(self, reason: str, index: int = 0) -> bytes:
        """A choice ends."""
        first = b"" if index in self._begun else self.delta({"content": ""}, index)
        ended = {"index": index, "delta": {}, "finish_reason": reason}
        return first + self._chunk([ended])

    def end(self, usage: Fields) -> bytes:
        """All of it ends."""
        return (self._chunk([], usage) if self._include_usage else b"") + DONE
