"""From the events of an answer of Cohere's to a chat's chunks."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.providers.chats.answer import Chunks, Fields, tool_call
from twisted_aigate.gateway.providers.cohere.answer import Content, ToolCall
from twisted_aigate.gateway.providers.cohere.outcome import Usage, finish_reason


class _Message(Struct):
    # It has a list of them where there are none.
    content: Content | list[Content] | None = None
    tool_plan: str | None = None
    tool_calls: ToolCall | list[ToolCall] | None = None


class _Delta(Struct):
    message: _Message | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    error: str | None = None


class _Event(Struct):
    type: str
    id: str | None = None
    index: int = 0
    delta: _Delta | None = None


_decoder = msgspec.json.Decoder(_Event)


class EventReader:
    """
    Reads the events of one answer.

    @param chunks: Makes the chat's chunks.
    @ivar over: The answer is whole.
    """

    def __init__(self, deployment: Deployment, chunks: Chunks) -> None:
        self.over = False
        self._deployment = deployment
        self._chunks = chunks
        self._calls: dict[int, int] = {}

    @property
    def begun(self) -> bool:
        """Whether any of it was passed on."""
        return self._chunks.begun

    def read(self, data: bytes) -> Iterator[bytes]:
        """See L{twisted_aigate.gateway.providers.chats.stream.Reader}."""
        if data == b"[DONE]":
            return
        match _decoder.decode(data):
            case _Event(type="message-start", id=answer_id):
                self._chunks.start(answer_id)
            case _Event(type="message-end", delta=_Delta() as delta):
                self.over = True
                reason = finish_reason(self._deployment, delta.finish_reason, delta.error)
                yield self._chunks.finish(reason)
                yield self._chunks.end((delta.usage or Usage()).fields)
            case _Event(index=index, delta=_Delta(message=_Message() as message)):
                yield from self._said(index, message)

    def finish(self) -> Iterator[bytes]:
        """See L{twisted_aigate.gateway.providers.chats.stream.Reader}: only an event ends it."""
        yield from ()

    def _said(self, index: int, message: _Message) -> Iterator[bytes]:
        for thought in (message.tool_plan, _thought(message)):
            if thought:
                yield self._chunks.delta({"reasoning_content": thought})
        content = message.content
        if isinstance(content, Content) and content.text:
            yield self._chunks.delta({"content": content.text})
        call = message.tool_calls
        if isinstance(call, ToolCall):
            yield self._chunks.delta({"tool_calls": [self._call(index, call)]})

    def _call(self, index: int, call: ToolCall) -> Fields:
        arguments = call.function.arguments or ""
        number = self._calls.get(index)
        if number is not None:
            return {"index": number, "function": {"arguments": arguments}}
        number = self._calls[index] = len(self._calls)
        return tool_call(call.id, call.function.name or "", arguments, index=number)


def _thought(message: _Message) -> str | None:
    return message.content.thinking if isinstance(message.content, Content) else None
