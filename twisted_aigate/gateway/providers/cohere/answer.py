"""From a whole answer of Cohere's to a chat's."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.providers.chats.answer import (
    Envelope,
    choice,
    completion,
    message,
    tool_call,
)
from twisted_aigate.gateway.providers.cohere.outcome import Usage, finish_reason


class Content(Struct):
    """A piece of a content: text, or a thought."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None


class Function(Struct):
    """What is called."""

    name: str | None = None
    arguments: str | None = None


class ToolCall(Struct):
    """A call of a tool."""

    id: str = ""
    function: Function = msgspec.field(default_factory=Function)


class _Message(Struct):
    content: list[Content] | None = None
    tool_plan: str | None = None
    tool_calls: list[ToolCall] | None = None


class _Response(Struct):
    message: _Message
    id: str | None = None
    finish_reason: str | None = None
    usage: Usage | None = None


_decoder = msgspec.json.Decoder(_Response)


def chat_answer(deployment: Deployment, body: bytes, envelope: Envelope) -> bytes:
    """
    The answer.

    @param envelope: What it says beside the choices.
    @raise GatewayError: It says that it failed.
    @raise msgspec.MsgspecError: The body is none.
    """
    said = _decoder.decode(body)
    reason = finish_reason(deployment, said.finish_reason)
    content = said.message.content or []
    calls = [
        tool_call(call.id, call.function.name or "", call.function.arguments or "{}")
        for call in said.message.tool_calls or ()
    ]
    text = "".join(each.text or "" for each in content)
    thought = "".join(each.thinking or "" for each in content) + (said.message.tool_plan or "")
    spoken = message(text or (None if calls else ""), calls, thought)
    usage = said.usage or Usage()
    return completion(envelope, said.id, [choice(0, spoken, reason)], usage.fields)
