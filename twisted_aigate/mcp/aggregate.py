"""The tools of several servers as those of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve
from twisted.internet.defer import Deferred, DeferredList

from twisted_aigate.interfaces import (
    ToolCaller,
    ToolContext,
    ToolResult,
    ToolSource,
    ToolSpec,
    UnknownTool,
)


class Aggregate:
    """
    The tools of several servers, each name with its server's before it.

    @param sources: The servers, by their names.
    """

    def __init__(self, sources: Mapping[str, ToolSource]) -> None:
        self._sources = sources

    def _open_to(self, caller: ToolCaller) -> Mapping[str, ToolSource]:
        if caller.servers is None:
            return self._sources
        return {name: self._sources[name] for name in self._sources if name in caller.servers}

    async def tools(self, caller: ToolCaller) -> Sequence[ToolSpec]:
        """See L{ToolSource}: those of the servers that are open to the caller."""
        names, sources = list(self._open_to(caller)), self._open_to(caller).values()
        asked = [Deferred.fromCoroutine(source.tools(caller)) for source in sources]
        # At once: the slowest says how long it takes, not their sum.
        answered = await DeferredList(asked, fireOnOneErrback=True)
        return [
            evolve(tool, name=f"{name}-{tool.name}")
            for name, (_, tools) in zip(names, answered, strict=True)
            for tool in tools
        ]

    async def call(
        self, name: str, arguments: Mapping[str, object], context: ToolContext
    ) -> ToolResult:
        """See L{ToolSource}."""
        server, _, tool = name.partition("-")
        source = self._open_to(context.caller).get(server)
        if source is None:
            raise UnknownTool(name)
        return await source.call(tool, arguments, context)

    def forget(self, session: str) -> None:
        """See L{ToolSource}."""
        for source in self._sources.values():
            source.forget(session)
