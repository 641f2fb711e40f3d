"""Tools and the choice among them, as the Messages API has them."""

from __future__ import annotations

from typing import Any

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.anthropic.content import cached
from twisted_aigate.gateway.providers.anthropic.families import Family
from twisted_aigate.gateway.providers.anthropic.schema import closed_schema
from twisted_aigate.gateway.providers.chats.models import Chat, function_of

JSON_TOOL = "json_tool_call"
"""The tool that older models are made to call with their answer: LiteLLM's name for it."""

_ANY_OBJECT: dict[str, Any] = {"type": "object", "properties": {}}
_CHOICES = {"auto": "auto", "required": "any", "none": "none"}


def tool_fields(chat: Chat, family: Family) -> dict[str, Any]:
    """
    C{tools} and C{tool_choice}.

    @raise GatewayError: 400: they are not of OpenAI's form.
    """
    tools = [_tool(tool, f"tools.{index}", family) for index, tool in enumerate(chat.tools or ())]
    if not tools:
        return {}
    choice = _choice(chat)
    return {"tools": tools, "tool_choice": choice} if choice else {"tools": tools}


def _tool(tool: dict[str, Any], where: str, family: Family) -> dict[str, Any]:
    function = function_of(tool, where)
    if function is None:
        # One that Anthropic's own servers run, or that its models know.
        return tool
    schema = function.parameters or _ANY_OBJECT
    if "type" not in schema:
        schema = {**schema, "type": "object"}
    made: dict[str, Any] = {"name": function.name, "input_schema": schema}
    if function.description:
        made["description"] = function.description
    if function.strict and family.schemas:
        made |= {"input_schema": closed_schema(schema), "strict": True}
    return cached(made, tool.get("cache_control"))


def _choice(chat: Chat) -> dict[str, Any] | None:
    wanted = chat.tool_choice
    choice: dict[str, Any] | None = None
    if isinstance(wanted, str):
        kind = _CHOICES.get(wanted)
        if kind is None:
            raise _no_choice(wanted)
        choice = {"type": kind}
    elif wanted is not None:
        function = wanted.get("function")
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(name, str):
            raise _no_choice(wanted)
        choice = {"type": "tool", "name": name}
    if chat.parallel_tool_calls is False and (choice is None or choice["type"] != "none"):
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    return choice


def _no_choice(wanted: object) -> GatewayError:
    return GatewayError(
        400, f"tool_choice: there is no such choice as {wanted!r}.", param="tool_choice"
    )


def with_json_tool(
    fields: dict[str, Any], schema: dict[str, Any] | None, *, forced: bool
) -> dict[str, Any]:
    """
    The fields about tools, with the tool that takes the answer.

    @param schema: What the answer is to keep to.
    @param forced: The model may do nothing else.
    """
    tool = {
        "name": JSON_TOOL,
        "description": "Give the answer by calling this tool.",
        "input_schema": {"type": "object", **(schema or {"properties": {}})},
    }
    made = {**fields, "tools": [*fields.get("tools", ()), tool]}
    if forced:
        made["tool_choice"] = {"type": "tool", "name": JSON_TOOL}
    return made
