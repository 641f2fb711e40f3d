"""From a message's events to a chat's chunks."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.messages.errors import status_of
from twisted_aigate.gateway.providers.anthropic.answer import Block
from twisted_aigate.gateway.providers.anthropic.outcome import StopDetails, Usage, finish_reason
from twisted_aigate.gateway.providers.anthropic.tools import JSON_TOOL
from twisted_aigate.gateway.providers.chats.answer import Chunks, tool_call
from twisted_aigate.gateway.providers.upstream import Refusal, refused


class _Message(Struct):
    id: str | None = None
    usage: Usage = msgspec.field(default_factory=Usage)


class _Delta(Struct):
    type: str = ""
    text: str = ""
    thinking: str = ""
    signature: str = ""
    partial_json: str = ""
    stop_reason: str | None = None
    stop_details: StopDetails | None = None


class _Error(Struct):
    type: str = "api_error"
    message: str = ""


class _Event(Struct):
    type: str
    index: int = 0
    message: _Message | None = None
    content_block: Block | None = None
    delta: _Delta | None = None
    usage: Usage | None = None
    error: _Error | None = None


_decoder = msgspec.json.Decoder(_Event)


def stream_error(deployment: Deployment, kind: str, message: str) -> GatewayError:
    """What an error is that comes as an event."""
    return refused(deployment, status_of(kind), Refusal(message))


class EventReader:
    """
    Reads the events of one message.

    @param chunks: Makes the chat's chunks.
    @param by_tool: The answer may come as a call of L{JSON_TOOL}.
    @ivar over: The message is whole.
    """

    def __init__(self, deployment: Deployment, chunks: Chunks, *, by_tool: bool) -> None:
        self.over = False
        self._deployment = deployment
        self._chunks = chunks
        self._by_tool = by_tool
        self._answer: int | None = None
        self._usage = Usage()
        self._reason: str | None = None
        self._calls: dict[int, int] = {}
        self._thought = ""
        self._signed = ""

    @property
    def begun(self) -> bool:
        """Whether any of it was passed on."""
        return self._chunks.begun

    def read(self, data: bytes) -> Iterator[bytes]:
        """See L{twisted_aigate.gateway.providers.chats.stream.Reader}."""
        event = _decoder.decode(data)
        if event.usage is not None:
            self._usage = self._usage.updated(event.usage)
        match event:
            case _Event(type="message_start", message=_Message(id=answer_id, usage=usage)):
                self._chunks.start(answer_id)
                self._usage = usage
            case _Event(type="content_block_start", content_block=Block() as block):
                yield from self._start(event.index, block)
            case _Event(type="content_block_delta", delta=_Delta() as delta):
                yield from self._delta(event.index, delta)
            case _Event(type="content_block_stop"):
                yield from self._stop()
            case _Event(type="message_delta", delta=_Delta() as delta):
                yield from self._ending(delta)
            case _Event(type="message_stop"):
                self.over = True
                by_tool = self._answer is not None and not self._calls
                yield self._chunks.finish(finish_reason(self._reason, by_tool=by_tool))
                yield self._chunks.end(self._usage.fields)
            case _Event(type="error", error=_Error(type=kind, message=message)):
                raise stream_error(self._deployment, kind, message)

    def finish(self) -> Iterator[bytes]:
        """See L{twisted_aigate.gateway.providers.chats.stream.Reader}: only an event ends it."""
        yield from ()

    def _start(self, index: int, block: Block) -> Iterator[bytes]:
        match block.type:
            case "text" if block.text:
                yield self._chunks.delta({"content": block.text})
            case "redacted_thinking":
                yield self._chunks.delta({"thinking_blocks": [block.thought]})
            case "tool_use" if self._by_tool and block.name == JSON_TOOL:
                self._answer = index
            case "tool_use":
                number = self._calls[index] = len(self._calls)
                call = tool_call(block.id, block.name, "", index=number)
                yield self._chunks.delta({"tool_calls": [call]})

    def _delta(self, index: int, delta: _Delta) -> Iterator[bytes]:
        match delta.type:
            case "text_delta" if delta.text:
                yield self._chunks.delta({"content": delta.text})
            case "thinking_delta" if delta.thinking:
                self._thought += delta.thinking
                yield self._chunks.delta({"reasoning_content": delta.thinking})
            case "signature_delta":
                self._signed += delta.signature
            case "input_json_delta" if delta.partial_json:
                yield from self._arguments(index, delta.partial_json)

    def _arguments(self, index: int, piece: str) -> Iterator[bytes]:
        # Those of a tool that Anthropic's own servers run are nobody's to read.
        number = self._calls.get(index)
        if number is not None:
            call = {"index": number, "function": {"arguments": piece}}
            yield self._chunks.delta({"tool_calls": [call]})
        elif index == self._answer:
            yield self._chunks.delta({"content": piece})

    def _stop(self) -> Iterator[bytes]:
        # LiteLLM's form: the thought has come already, what comes here is it as it must come back.
        if self._signed:
            thought = {"type": "thinking", "thinking": self._thought, "signature": self._signed}
            yield self._chunks.delta({"thinking_blocks": [thought]})
        self._thought = self._signed = ""

    def _ending(self, delta: _Delta) -> Iterator[bytes]:
        self._reason = delta.stop_reason or self._reason
        if delta.stop_details is not None and delta.stop_details.explanation:
            yield self._chunks.delta({"refusal": delta.stop_details.explanation})
