"""Which of our tools a request gives to its model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from attrs import frozen
from msgspec import Raw, Struct

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.interfaces import ToolSpec

OURS = "litellm_proxy"
"""The C{server_url} of this server's own tools, as LiteLLM has it."""

_PATH = "/mcp"
_SERVERS = "x-mcp-servers"

_tools = msgspec.json.Decoder(list[dict[str, Any]])


class Filter(Struct):
    """Which tools a model may call."""

    tool_names: list[str] | None = None
    read_only: bool | None = None


class McpTool(Struct, omit_defaults=True):
    """A tool of the type C{mcp}."""

    server_url: str
    server_label: str = "mcp"
    server_description: str | None = None
    allowed_tools: list[str] | Filter | None = None
    require_approval: str | dict[str, Any] | None = None
    headers: dict[str, str] | None = None


@frozen
class Wanted:
    """
    Tools that are wanted together.

    @ivar label: The caller's name for them.
    @ivar servers: Those of these servers; C{None}: of all.
    @ivar names: Those of these names, with their server's before them or without; C{None}: all.
    @ivar read_only: Only those that change nothing.
    @ivar listed: The tool as a response lists it: without what may be secret.
    """

    label: str
    servers: frozenset[str] | None
    names: frozenset[str] | None
    read_only: bool
    listed: dict[str, Any]

    def covers(self, spec: ToolSpec) -> bool:
        """Whether a tool is among them."""
        server, _, name = spec.name.partition("-")
        if self.servers is not None and server not in self.servers:
            return False
        if self.names is not None and not self.names & {spec.name, name}:
            return False
        hints: Mapping[str, Any] = spec.more.get("annotations") or {}
        return not self.read_only or hints.get("readOnlyHint") is True


def may_be_wanted(tools: Raw | None) -> bool:
    """Whether it is worth a look at a request's tools."""
    return tools is not None and b'"mcp"' in bytes(tools)


def split(tools: Raw, base_url: str) -> tuple[list[Wanted], list[dict[str, Any]]]:
    """
    The tools of ours that a request wants, and all others, as they are.

    @param base_url: Scheme and authority at which the caller reaches us.
    @raise GatewayError: 400: they are not of their form.
    """
    wanted: list[Wanted] = []
    others: list[dict[str, Any]] = []
    for index, tool in enumerate(_tools.decode(tools)):
        place = None if tool.get("type") != "mcp" else _place(tool.get("server_url"), base_url)
        if place is None:
            others.append(tool)
        else:
            wanted.append(_wanted(tool, place, f"tools[{index}]"))
    return wanted, others


def _place(url: object, base_url: str) -> str | None:
    """What follows the address of our tools in one; C{None}: it is another's."""
    if not isinstance(url, str):
        return None
    if url == OURS:
        return ""
    for ours in (OURS + _PATH, base_url + _PATH):
        if url == ours or url.startswith(f"{ours}/"):
            return url.removeprefix(ours).strip("/")
    return None


def _wanted(tool: dict[str, Any], place: str, where: str) -> Wanted:
    try:
        asked = msgspec.convert(tool, McpTool)
    except msgspec.ValidationError as error:
        raise GatewayError(400, f"{where}: {error}.", param=where) from None
    if asked.require_approval not in (None, "never"):
        raise GatewayError(
            400,
            "Nobody is asked for approvals here: require_approval is 'never'.",
            param=f"{where}.require_approval",
        )
    fields = {name.lower(): value for name, value in (asked.headers or {}).items()}
    servers = [_names(text) for text in (place, fields.get(_SERVERS)) if text]
    allowed = asked.allowed_tools
    chosen = Filter(allowed) if isinstance(allowed, list) else allowed or Filter()
    listed = {"type": "mcp", **msgspec.to_builtins(asked), "require_approval": "never"}
    listed |= {"server_label": asked.server_label}
    listed.pop("headers", None)
    return Wanted(
        asked.server_label,
        frozenset.intersection(*servers) if servers else None,
        None if chosen.tool_names is None else frozenset(chosen.tool_names),
        bool(chosen.read_only),
        listed,
    )


def _names(text: str) -> frozenset[str]:
    return frozenset(filter(None, (name.strip() for name in text.split(","))))


def function_names(tools: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """The names of a caller's own functions, of a chat or of a response."""
    named = (tool.get("function") or tool for tool in tools)
    return frozenset(str(each.get("name")) for each in named if isinstance(each, Mapping))
