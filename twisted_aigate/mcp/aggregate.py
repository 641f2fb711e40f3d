"""The tools of several servers as those of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

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

    _log = Logger()

    def __init__(self, sources: Mapping[str, ToolSource]) -> None:
        self._sources = sources

    def _open_to(self, caller: ToolCaller) -> Mapping[str, ToolSource]:
        if caller.servers is None:
            return self._sources
        return {name: self._sources[name] for name in self._sources if name in caller.servers}

    async def tools(self, caller: ToolCaller) -> Sequence[ToolSpec]:
        """See L{ToolSource}: those of the servers that are open to the caller."""
        open_to = self._open_to(caller)
        # At once: the slowest says how long it takes, not their sum.
        asked = [Deferred.fromCoroutine(source.tools(caller)) for source in open_to.values()]
        listed: list[ToolSpec] = []
        answered = await DeferredList(asked, consumeErrors=True)
        for name, (_, tools) in zip(open_to, answered, strict=True):
            if isinstance(tools, Failure):
                # It costs the others nothing.
                self._log.failure("the tools of {name} cannot be listed", tools, name=name)
            else:
                listed += [evolve(tool, name=f"{name}-{tool.name}") for tool in tools]
        return listed

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
