"""
Tools made of typed functions: one definition for their schemas and for what is let through.

A tool's arguments are a msgspec model. Its JSON Schema is made from the model, the descriptions of
its fields from the C{@ivar} lines of its docstring.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import msgspec
from attrs import frozen
from msgspec import Struct

from twisted_aigate.interfaces import (
    ToolCaller,
    ToolContext,
    ToolError,
    ToolResult,
    ToolSpec,
    UnknownTool,
)

_T = TypeVar("_T", bound=Struct)
_FIELD = re.compile(r"@ivar (\w+): (.*?)(?=\n\s*@|\n\s*\n|\Z)", re.DOTALL)
_MARKUP = re.compile(r"[CLU]\{([^{}]*)\}")
_AT = re.compile(r" - at `\$?\.?([^`]*)`$")


@frozen(eq=False)
class _Tool:
    spec: ToolSpec
    model: type[Struct]
    function: Callable[[Any, ToolContext], Awaitable[Struct | ToolResult]]


class Toolbox:
    """Tools; a L{twisted_aigate.interfaces.ToolSource}."""

    def __init__(self) -> None:
        self._tools: dict[str, _Tool] = {}

    def add(
        self,
        name: str,
        description: str,
        model: type[_T],
        function: Callable[[_T, ToolContext], Awaitable[Struct | ToolResult]],
        result: type[Struct] | None = None,
        **hints: bool,
    ) -> None:
        """
        Add a tool.

        @param description: What it does, for a model.
        @param model: Its arguments.
        @param function: Does it.
        @param result: The model of what C{function} answers; C{None}: it answers L{ToolResult}s.
        @param hints: The protocol's annotations, such as C{readOnlyHint}.
        """
        output = None if result is None else schema(result)
        more = {"annotations": hints} if hints else {}
        spec = ToolSpec(name, description, schema(model), output, more)
        self._tools[name] = _Tool(spec, model, function)

    async def tools(self, caller: ToolCaller) -> Sequence[ToolSpec]:
        """See L{twisted_aigate.interfaces.ToolSource}."""
        return [tool.spec for tool in self._tools.values()]

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolResult:
        """See L{twisted_aigate.interfaces.ToolSource}."""
        tool = self._tools.get(name)
        if tool is None:
            raise UnknownTool(name)
        try:
            given = msgspec.convert(arguments, tool.model)
        except msgspec.ValidationError as error:
            raise ToolError(_refusal(error)) from None
        answered = await tool.function(given, context)
        return answered if isinstance(answered, ToolResult) else structured(answered)

    def forget(self, session: str) -> None:
        """See L{twisted_aigate.interfaces.ToolSource}; nothing is kept."""


def _refusal(error: msgspec.ValidationError) -> str:
    message = str(error)
    found = _AT.search(message)
    if found is None:
        return f"Invalid arguments: {message}."
    return f"Invalid value for '{found[1]}': {message[: found.start()]}."


def text(value: str) -> Mapping[str, Any]:
    """A content block of text."""
    return {"type": "text", "text": value}


def structured(value: Struct | Mapping[str, Any]) -> ToolResult:
    """A result that is a JSON object; its text is the object as JSON."""
    return ToolResult([text(msgspec.json.encode(value).decode())], msgspec.to_builtins(value))


def schema(model: type[Struct]) -> dict[str, Any]:
    """
    The JSON Schema (2020-12) of a model: an object, as the protocol asks for.

    @param model: Its name and docstring are left out: they are no part of it.
    """
    made = msgspec.json.schema(model)
    definitions: dict[str, Any] = made["$defs"]
    own: dict[str, Any] = definitions.pop(made["$ref"].rpartition("/")[2])
    own.pop("title", None)
    own.pop("description", None)
    told = {
        name: _MARKUP.sub(r"\1", " ".join(words.split()))
        for name, words in _FIELD.findall(model.__doc__ or "")
    }
    for info in msgspec.structs.fields(model):
        if info.name in told:
            own["properties"][info.encode_name].setdefault("description", told[info.name])
    if definitions:
        own["$defs"] = definitions
    return own


def content(data: bytes, media_type: str, uri: str) -> Mapping[str, Any]:
    """
    A content block of a file: its text, its picture or sound, or its bytes as a resource.

    @param uri: Where it is.
    """
    kind = media_type.partition("/")[0]
    if kind not in ("image", "audio"):
        try:
            return text(data.decode("utf-8"))
        except UnicodeDecodeError:
            kind = "resource"
    encoded = b64encode(data).decode("ascii")
    if kind == "resource":
        return {
            "type": kind,
            "resource": {"uri": uri, "mimeType": media_type, "blob": encoded},
        }
    return {"type": kind, "data": encoded, "mimeType": media_type}


Encoding = Literal["utf-8", "base64"]
"""How bytes come in a text."""


def decoded(value: str, encoding: Encoding) -> bytes:
    """
    The bytes that come in a text.

    @raise ToolError: It is no base64.
    """
    if encoding == "utf-8":
        return value.encode("utf-8")
    try:
        return b64decode(value, validate=True)
    except ValueError:
        raise ToolError("content is not valid base64.") from None
