"""Tools and the choice among them, as a chat has them."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable
from typing import Any

from twisted_aigate.gateway.messages.models import PromptRequest, Tool, ToolChoice

_LONGEST_NAME = 64
"""Characters of a function's name in OpenAI's API; the Messages API takes twice as many."""

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def sent_name(name: str) -> str:
    """The name that the model is told: one that is too long is cut, and kept apart by a digest."""
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode("utf-8")).hexdigest()[:8]
    return f"{name[: _LONGEST_NAME - 9]}_{digest}"


def original_names(tools: Iterable[Tool] | None) -> dict[str, str]:
    """What the model is told, to the tool's name: those that differ."""
    return {sent: tool.name for tool in tools or () if (sent := sent_name(tool.name)) != tool.name}


def tool_fields(request: PromptRequest) -> dict[str, Any]:
    """
    The chat's fields that are about tools.

    Tools without a schema are left out: a chat model has no web search of its own. Without any
    tool there is nothing to choose either.
    """
    tools = request.tools or ()
    functions = [_function(tool) for tool in tools if tool.input_schema is not None]
    if not functions:
        return {}
    left_out = {tool.name for tool in tools if tool.input_schema is None}
    return {"tools": functions, **_choice(request.tool_choice, left_out)}


def _function(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": sent_name(tool.name), "parameters": tool.input_schema}
    if tool.description:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _choice(choice: ToolChoice | None, left_out: Container[str]) -> dict[str, Any]:
    if choice is None or (choice.type == "tool" and choice.name in left_out):
        return {}
    fields: dict[str, Any] = {
        "tool_choice": _CHOICES.get(choice.type)
        or {"type": "function", "function": {"name": sent_name(choice.name)}}
    }
    if choice.disable_parallel_tool_use:
        fields["parallel_tool_calls"] = False
    return fields
