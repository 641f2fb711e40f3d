"""From a chat request to one of Cohere's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.chats.models import (
    Chat,
    ImageURL,
    Message,
    Part,
    function_of,
    unreadable_part,
)
from twisted_aigate.gateway.providers.parameters import Taken

Fields = dict[str, Any]

_NAME = "cohere"
_SAME = {
    "limit": "max_tokens",
    "stops": "stop_sequences",
    "temperature": "temperature",
    "top_p": "p",
    "top_k": "k",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
"""What a chat has, and Cohere's name for it."""

TAKEN = Taken(
    translated=frozenset(
        (
            "messages", "tools", "tool_choice", "response_format", "stop", "max_tokens",
            "max_completion_tokens", "temperature", "top_p", "top_k", "seed", "presence_penalty",
            "frequency_penalty", "reasoning_effort", "thinking",
        )
    ),
    own=frozenset(
        ("citation_options", "documents", "k", "p", "priority", "safety_mode", "strict_tools")
    ),
)  # fmt: skip
"""The parameters of a chat that Cohere takes."""

_CHOICES = {"auto": None, "required": "REQUIRED", "none": "NONE"}
_BUDGETS = {
    "minimal": 512,
    "low": 1024,
    "medium": 4096,
    "high": 16384,
    "xhigh": 16384,
    "max": 16384,
}
_ROLES = {"system": "system", "developer": "system", "user": "user"}


_PATH_END = re.compile(r"(/v[12])?(/chat|/embed|/rerank)?$")


def target_of(deployment: Deployment, path: str) -> bytes:
    """The path of a part of the API: the base may be written with its end, or without."""
    return (_PATH_END.sub("", deployment.path) + path).encode("ascii")


def chat_request(model: str, chat: Chat) -> Fields:
    """
    The request.

    @raise GatewayError: 400: it cannot be made.
    """
    same = {
        name: value for field, name in _SAME.items() if (value := getattr(chat, field)) is not None
    }
    messages = [_message(each, f"messages.{index}") for index, each in enumerate(chat.messages)]
    return {
        "model": model,
        "messages": messages,
        **same,
        **_tool_fields(chat),
        **_format(chat),
        **_thinking(chat),
    }


def _message(message: Message, where: str) -> Fields:
    if message.role in _ROLES:
        content = _content(message.parts, f"{where}.content")
        return {"role": _ROLES[message.role], "content": content}
    if message.role in ("tool", "function"):
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.text}
    if message.role == "assistant":
        return _assistant(message, where)
    raise GatewayError(400, f"{where}: there is no role {message.role!r}.", param=f"{where}.role")


def _assistant(message: Message, where: str) -> Fields:
    made: Fields = {"role": "assistant"}
    thought = message.reasoning_content
    if message.text:
        made["content"] = message.text
    if message.tool_calls:
        made["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {
                    "name": call.function.name,
                    "arguments": call.function.arguments or "{}",
                },
            }
            for call in message.tool_calls
        ]
        if thought:
            made["tool_plan"] = thought
    elif thought:
        text = [{"type": "text", "text": message.text}] if message.text else []
        made["content"] = [{"type": "thinking", "thinking": thought}, *text]
    return made


def _content(parts: Sequence[Part], where: str) -> str | list[Fields]:
    if all(part.type == "text" for part in parts):
        return "\n\n".join(part.text for part in parts)
    return [_part(part, f"{where}.{index}") for index, part in enumerate(parts)]


def _part(part: Part, where: str) -> Fields:
    if part.type == "text":
        return {"type": "text", "text": part.text}
    image = part.image_url
    if part.type != "image_url" or image is None:
        raise unreadable_part(where, f"a part of the type {part.type!r}", _NAME)
    if isinstance(image, str):
        image = ImageURL(image)
    detail = {"detail": image.detail} if image.detail is not None else {}
    return {"type": "image_url", "image_url": {"url": image.url, **detail}}


def _tool_fields(chat: Chat) -> Fields:
    tools = [_tool(tool, f"tools.{index}") for index, tool in enumerate(chat.tools or ())]
    if not tools:
        return {}
    wanted = chat.tool_choice
    if isinstance(wanted, dict):
        # It cannot be made to call one of several: so that one is all it is told of.
        function = wanted.get("function")
        name = function.get("name") if isinstance(function, dict) else None
        tools = [tool for tool in tools if tool["function"]["name"] == name]
        if not tools:
            raise _no_choice(wanted)
        return {"tools": tools, "tool_choice": "REQUIRED"}
    if wanted is not None and wanted not in _CHOICES:
        raise _no_choice(wanted)
    choice = _CHOICES.get(wanted or "auto")
    return {"tools": tools, "tool_choice": choice} if choice else {"tools": tools}


def _tool(tool: Fields, where: str) -> Fields:
    function = function_of(tool, where)
    if function is None:
        kind = tool.get("type")
        raise unreadable_part(where, f"a tool of the type {kind!r}", _NAME)
    made: Fields = {
        "name": function.name,
        "parameters": function.parameters or {"type": "object", "properties": {}},
    }
    if function.description:
        made["description"] = function.description
    return {"type": "function", "function": made}


def _no_choice(wanted: object) -> GatewayError:
    return GatewayError(
        400, f"tool_choice: there is no such choice as {wanted!r}.", param="tool_choice"
    )


def _format(chat: Chat) -> Fields:
    form = chat.response_format
    if form is None or form.type == "text":
        return {}
    schema = {"json_schema": form.schema} if form.schema is not None else {}
    return {"response_format": {"type": "json_object", **schema}}


def _thinking(chat: Chat) -> Fields:
    if chat.thinking is not None:
        enabled = chat.thinking.get("type") in ("enabled", "adaptive")
        budget = chat.thinking.get("budget_tokens")
        return _thinking_field(enabled, budget if isinstance(budget, int) else None)
    effort = chat.effort
    if effort is None:
        return {}
    if effort in ("none", "disable"):
        return _thinking_field(False, None)
    if effort not in _BUDGETS:
        raise GatewayError(
            400,
            f"reasoning_effort: there is no {effort!r}; there are: none, {', '.join(_BUDGETS)}.",
            param="reasoning_effort",
        )
    return _thinking_field(True, _BUDGETS[effort])


def _thinking_field(enabled: bool, budget: int | None) -> Fields:
    if not enabled:
        return {"thinking": {"type": "disabled"}}
    tokens = {"token_budget": budget} if budget is not None else {}
    return {"thinking": {"type": "enabled", **tokens}}
