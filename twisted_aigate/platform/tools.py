"""Tools for those who are built before the tools are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from twisted_aigate.interfaces import (
    ToolCaller,
    ToolContext,
    ToolResult,
    ToolSource,
    ToolSpec,
)


class LateTools:
    """
    All tools; a L{twisted_aigate.interfaces.ToolSource}.

    Some tools ask the gateway, and the gateway's models call tools: one of them comes first.
    """

    def __init__(self) -> None:
        self._find: Callable[[], Awaitable[ToolSource]] | None = None
        self._source: ToolSource | None = None

    def come_from(self, find: Callable[[], Awaitable[ToolSource]]) -> None:
        """
        Say where they are.

        @param find: Finds them; called when they are first wanted.
        """
        self._find = find

    async def _found(self) -> ToolSource:
        if self._source is None:
            assert self._find is not None
            self._source = await self._find()
        return self._source

    async def tools(self, caller: ToolCaller) -> Sequence[ToolSpec]:
        """See L{ToolSource}."""
        return await (await self._found()).tools(caller)

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolResult:
        """See L{ToolSource}."""
        return await (await self._found()).call(name, arguments, context)

    def forget(self, session: str) -> None:
        """See L{ToolSource}."""
        if self._source is not None:
            self._source.forget(session)
