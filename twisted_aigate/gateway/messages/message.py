"""From a chat's whole answer to a message."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from twisted_aigate.gateway.chat.answers import Said, ToolCall, decode
from twisted_aigate.gateway.chat.tokens import tokens_of_text
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.messages.outcome import Asked, Ending, usage_of
from twisted_aigate.gateway.messages.thinking import signature

_arguments = msgspec.json.Decoder(dict[str, Any])


def envelope(model: str) -> dict[str, Any]:
    """What a message has beside its content and how it ended."""
    return {"id": f"msg_{uuid.uuid4().hex}", "type": "message", "role": "assistant", "model": model}


def new_call_id() -> str:
    """An id for a call that its model gave none."""
    return f"toolu_{uuid.uuid4().hex[:24]}"


def message(body: bytes, asked: Asked) -> bytes:
    """
    The message.

    @param body: The chat's answer.
    @raise GatewayError: 502: it is none.
    """
    try:
        answer = decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise GatewayError(502, f"The provider's answer is not a chat's: {error}.") from None
    choice = answer.choice
    if choice is None:
        said = answer.trouble
        reason = (said and said.message) or "it has no choices"
        raise GatewayError(502, f"The provider's answer is not a chat's: {reason}.")
    ending = Ending(asked.stops)
    ending.add(choice)
    content = _content(choice.said, asked)
    estimated = tokens_of_text(msgspec.json.encode(content))
    return msgspec.json.encode(
        {
            **envelope(asked.model),
            "content": content,
            **ending.fields,
            "usage": usage_of(answer.usage, asked, estimated),
        }
    )


def _content(said: Said, asked: Asked) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = []
    field, thought = said.thought
    if thought:
        signed = signature(field, asked.model)
        content.append({"type": "thinking", "thinking": thought, "signature": signed})
    if said.text:
        content.append({"type": "text", "text": said.text})
    content += [_tool_use(call, asked) for call in said.tool_calls or ()]
    return content


def _tool_use(call: ToolCall, asked: Asked) -> dict[str, Any]:
    name = call.function.name or ""
    try:
        arguments = _arguments.decode(call.function.arguments or "{}")
    except msgspec.MsgspecError:
        raise GatewayError(
            502, f"The model called {name!r} with arguments that are no JSON object."
        ) from None
    return {
        "type": "tool_use",
        "id": call.id or new_call_id(),
        "name": asked.names.get(name, name),
        "input": arguments,
    }
