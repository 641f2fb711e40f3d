"""The endpoints of the Model Context Protocol, of whichever part."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from twisted_aigate import __version__
from twisted_aigate.interfaces import ToolCaller, ToolSource
from twisted_aigate.mcp.announcements import Announcements
from twisted_aigate.mcp.origins import Origins
from twisted_aigate.mcp.routes import (
    METHODS,
    Admit,
    admit_all,
    mcp_routes,
    render_mcp_error,
)
from twisted_aigate.platform.shared import Shared
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.branch import with_branch
from twisted_aigate.web.routing import Router
from twisted_aigate.web.site import Tree

if TYPE_CHECKING:
    from twisted_aigate.mcp.endpoint import Endpoint

_HEAVY = ("twisted_aigate.mcp.endpoint", "twisted_aigate.mcp.client.external")
"""What the protocol's official models come with: they cost 30 MB and half a second."""


class _Lazy:
    """
    An endpoint that is made when it is first wanted.

    @param shared: What it is built on.
    @param make: Makes it; what is heavy has been imported.
    """

    def __init__(self, shared: Shared, make: Callable[[], Endpoint]) -> None:
        self._threads = shared.threads
        self._make = make
        self._endpoint: Endpoint | None = None

    async def get(self) -> Endpoint:
        """The endpoint."""
        if self._endpoint is None:
            await self._threads.run(_import)
        if self._endpoint is None:
            self._endpoint = self._make()
        return self._endpoint

    def drain(self) -> None:
        """End what no client would end by itself."""
        if self._endpoint is not None:
            self._endpoint.drain()

    def stop(self) -> None:
        """End all sessions."""
        if self._endpoint is not None:
            self._endpoint.stop()


def _import() -> None:
    for name in _HEAVY:
        import_module(name)


class Endpoints:
    """
    All endpoints.

    @param shared: What they are built on.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._origins = Origins(shared.settings.mcp.allowed_origins)
        self._endpoints: list[_Lazy] = []

    def beside(
        self,
        tree: Tree,
        tools: ToolSource,
        authorise: Authorise[ToolCaller],
        admit: Admit = admit_all,
    ) -> Tree:
        """A tree, with an endpoint for its tools at C{/mcp}."""
        name = tree.prefix.decode("ascii")
        router = self.router(name, lambda: tools, Announcements(), "/mcp", authorise, admit)
        return with_branch(tree, b"/mcp", METHODS, router, render_mcp_error)

    def router(
        self,
        name: str,
        tools: Callable[[], ToolSource],
        announcements: Announcements,
        path: str,
        authorise: Authorise[ToolCaller],
        admit: Admit = admit_all,
    ) -> Router:
        """
        The routes of an endpoint.

        @param name: Its server's name.
        @param tools: Makes its tools, when they are first wanted.
        @param announcements: Where it is told that they have changed.
        @param path: Where it is below its tree's prefix.
        """
        shared, settings = self._shared, self._shared.settings

        def make() -> Endpoint:
            from mcp_types import Implementation

            from twisted_aigate.mcp.endpoint import Endpoint
            from twisted_aigate.mcp.server import MCPServer

            info = Implementation(name=name, version=__version__)
            server = MCPServer(info, tools(), announcements=announcements)
            most, idle = settings.mcp.max_sessions, settings.mcp.session_idle
            return Endpoint(server, shared.reactor, most, idle)

        endpoint = _Lazy(shared, make)
        self._endpoints.append(endpoint)
        body = settings.edge.max_body_size
        return mcp_routes(endpoint.get, path, authorise, self._origins, body, admit)

    async def load(self) -> None:
        """Import what speaks the protocol, for who does so without an endpoint."""
        await self._shared.threads.run(_import)

    def drain(self) -> None:
        """End what no client would end by itself."""
        for endpoint in self._endpoints:
            endpoint.drain()

    def stop(self) -> None:
        """End all sessions."""
        for endpoint in self._endpoints:
            endpoint.stop()
