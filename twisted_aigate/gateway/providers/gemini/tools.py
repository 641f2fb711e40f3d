"""Tools and the choice among them, as the Gemini API has them."""

from __future__ import annotations

from typing import Any

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.chats.models import Chat, FunctionTool, function_of
from twisted_aigate.gateway.providers.gemini.schema import openapi_schema

_MODES = {"auto": "AUTO", "required": "ANY", "none": "NONE"}


def tool_fields(chat: Chat) -> dict[str, Any]:
    """
    C{tools} and C{toolConfig}.

    @raise GatewayError: 400: they are not of OpenAI's form.
    """
    functions: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for index, tool in enumerate(chat.tools or ()):
        function = function_of(tool, f"tools.{index}")
        if function is not None:
            functions.append(_declaration(function))
        else:
            # One that Google's own servers run, such as {"googleSearch": {}}.
            others.append({name: value for name, value in tool.items() if name != "type"})
    if not functions and not others:
        return {}
    tools = [*([{"functionDeclarations": functions}] if functions else []), *others]
    config = _config(chat.tool_choice) if functions else None
    return {"tools": tools, "toolConfig": config} if config else {"tools": tools}


def _declaration(function: FunctionTool) -> dict[str, Any]:
    # A description is not optional there.
    made: dict[str, Any] = {
        "name": function.name,
        "description": function.description or function.name,
    }
    schema = openapi_schema(function.parameters or {})
    if schema.get("properties"):
        # An object without properties is what it refuses; a function without parameters it takes.
        made["parameters"] = schema
    return made


def _config(choice: str | dict[str, Any] | None) -> dict[str, Any] | None:
    if choice is None:
        return None
    if isinstance(choice, str):
        mode = _MODES.get(choice)
        if mode is None:
            raise _no_choice(choice)
        return {"functionCallingConfig": {"mode": mode}}
    function = choice.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str):
        raise _no_choice(choice)
    return {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [name]}}


def _no_choice(wanted: object) -> GatewayError:
    return GatewayError(
        400, f"tool_choice: there is no such choice as {wanted!r}.", param="tool_choice"
    )
