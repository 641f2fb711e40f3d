"""What a server may offer beside tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from mcp_types import (
    Completion,
    CompletionArgument,
    GetPromptResult,
    Prompt,
    PromptReference,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    ResourceTemplateReference,
)

from twisted_aigate.mcp.context import Context


class Resources(Protocol):
    """Resources, as L{https://modelcontextprotocol.io/specification/2025-11-25/server/resources}."""

    async def resources(self) -> Sequence[Resource]:
        """Those that there are."""

    async def templates(self) -> Sequence[ResourceTemplate]:
        """Those whose addresses have parameters."""

    async def read(self, uri: str, context: Context) -> ReadResourceResult:
        """
        What is in one.

        @raise MCPError: There is none.
        """


class Prompts(Protocol):
    """Prompts, as L{https://modelcontextprotocol.io/specification/2025-11-25/server/prompts}."""

    async def prompts(self) -> Sequence[Prompt]:
        """Those that there are."""

    async def get(
        self, name: str, arguments: Mapping[str, str], context: Context
    ) -> GetPromptResult:
        """
        One of them, filled in.

        @raise MCPError: There is none.
        """


class Completions(Protocol):
    """Completes arguments while they are being typed."""

    async def complete(
        self, ref: PromptReference | ResourceTemplateReference, argument: CompletionArgument
    ) -> Completion:
        """What an argument could be."""
