"""
Tool calls for a model whose template knows none.

The tools are described in the system message, in the words that Qwen and Hermes models are trained
on. When a call is demanded, a JSON schema leaves the model no other way; when it is free to choose,
its text is read for a C{<tool_call>}.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from twisted_aigate.gateway.local.engines import Refused

_CALL: Final = re.compile(r"<tool_call>\s*(\{.*?\})\s*(?:</tool_call>|$)", re.DOTALL)


class Call(msgspec.Struct):
    """A call as the model writes it."""

    name: str
    arguments: dict[str, object]


class Function(msgspec.Struct):
    """A tool as the request describes it; without parameters it takes none."""

    name: str
    description: str = ""
    parameters: dict[str, object] = {}


class Tool(msgspec.Struct):
    """An entry of a request's C{tools}."""

    function: Function
    type: str = "function"


class ToolCalls:
    """
    The tools of one request.

    @ivar tools: Those that the model may call.
    @ivar schema: What its text must be when it has to call one; else C{None}.
    """

    def __init__(self, tools: Sequence[Function], must: bool) -> None:
        self.tools = tools
        self.schema = _schema(tools) if must else None

    @classmethod
    def of(cls, request: Mapping[str, object]) -> ToolCalls | None:
        """
        The tools that this request lets the model call, if any.

        @raise Refused: They are malformed, or the chosen one is not among them.
        """
        choice = request.get("tool_choice", "auto")
        if "tools" not in request or choice == "none":
            return None
        try:
            tools = [tool.function for tool in msgspec.convert(request["tools"], list[Tool])]
        except msgspec.ValidationError as error:
            raise Refused(
                f"Invalid value for 'tools': {error}.", param="tools", code="invalid_value"
            ) from error
        match choice:
            case "auto" | "required":
                chosen = tools
            case {"type": "function", "function": {"name": name}}:
                chosen = [tool for tool in tools if tool.name == name]
            case _:
                chosen = []
        if not chosen and choice != "auto":
            raise Refused(
                "'tool_choice' names no tool of this request.",
                param="tool_choice",
                code="invalid_value",
            )
        return cls(chosen, must=choice != "auto") if chosen else None

    def read(self, text: str) -> list[dict[str, object]]:
        """The calls in the model's text, as OpenAI shows them; none if it just speaks."""
        written = [text] if self.schema is not None else _CALL.findall(text)
        names = {tool.name for tool in self.tools}
        calls = [call for each in written if (call := _decode(each)) and call.name in names]
        return [_render(call, index) for index, call in enumerate(calls)]


def describe_tools(tools: Sequence[Function]) -> str:
    """What the system message says of the tools."""
    lines = (msgspec.json.encode({"type": "function", "function": tool}).decode() for tool in tools)
    return (
        "\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n"
        + "\n".join(lines)
        + "\n</tools>\n\nFor each function call, return a json object with function name and "
        "arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n"
        '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
    )


def spoken(message: Mapping[str, object], text: str) -> str:
    """A message's text with its calls, or as a tool's result, in the form the model was told."""
    if message.get("role") == "tool":
        return f"<tool_response>\n{text}\n</tool_response>"
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise Refused("'tool_calls' must be a list.", param="messages", code="invalid_value")
    lines = [text] if text else []
    for call in calls:
        match call:
            case {"function": {"name": str(name), "arguments": str(arguments)}}:
                lines.append(
                    f'<tool_call>\n{{"name": "{name}", "arguments": {arguments}}}\n</tool_call>'
                )
            case _:
                raise Refused(
                    "A tool call has no function.", param="messages", code="invalid_value"
                )
    return "\n".join(lines)


def _schema(tools: Sequence[Function]) -> dict[str, object]:
    # References in a tool's parameters are from their root: the definitions move to ours.
    definitions: dict[str, dict[str, object]] = {}
    calls = []
    for tool in tools:
        arguments = dict(tool.parameters) or {"type": "object", "properties": {}}
        for key in ("$defs", "definitions"):
            if isinstance(moved := arguments.pop(key, None), dict):
                definitions.setdefault(key, {}).update(moved)
        calls.append(
            {
                "type": "object",
                "properties": {"name": {"const": tool.name}, "arguments": arguments},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
        )
    return {**(calls[0] if len(calls) == 1 else {"anyOf": calls}), **definitions}


def _decode(text: str) -> Call | None:
    try:
        return msgspec.json.decode(text, type=Call)
    except msgspec.DecodeError:
        return None


def _render(call: Call, index: int) -> dict[str, object]:
    arguments = msgspec.json.encode(call.arguments).decode()
    return {
        "index": index,
        "id": f"call_{uuid.uuid4().hex[:24]}",
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }
