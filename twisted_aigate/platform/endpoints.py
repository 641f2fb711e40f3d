"""The endpoints of the Model Context Protocol, of whichever part."""

from __future__ import annotations

from mcp_types import Implementation

from twisted_aigate import __version__
from twisted_aigate.interfaces import ToolCaller, ToolSource
from twisted_aigate.mcp.endpoint import Endpoint
from twisted_aigate.mcp.origins import Origins
from twisted_aigate.mcp.routes import Admit, admit_all, mcp_routes, render_mcp_error
from twisted_aigate.mcp.server import MCPServer
from twisted_aigate.platform.shared import Shared
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.branch import with_branch
from twisted_aigate.web.routing import Router
from twisted_aigate.web.site import Tree


class Endpoints:
    """
    All endpoints.

    @param shared: What they are built on.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._origins = Origins(shared.settings.mcp.allowed_origins)
        self._endpoints: list[Endpoint] = []

    def beside(
        self,
        tree: Tree,
        tools: ToolSource,
        authorise: Authorise[ToolCaller],
        admit: Admit = admit_all,
    ) -> Tree:
        """A tree, with an endpoint for its tools at C{/mcp}."""
        name = tree.prefix.decode("ascii")
        router = self.router(MCPServer(server_info(name), tools), "/mcp", authorise, admit)
        return with_branch(tree, b"/mcp", router, render_mcp_error)

    def router(
        self,
        server: MCPServer,
        path: str,
        authorise: Authorise[ToolCaller],
        admit: Admit = admit_all,
    ) -> Router:
        """The routes of a server's endpoint."""
        settings = self._shared.settings
        most, idle = settings.mcp.max_sessions, settings.mcp.session_idle
        endpoint = Endpoint(server, self._shared.reactor, most, idle)
        self._endpoints.append(endpoint)
        body = settings.edge.max_body_size
        return mcp_routes(endpoint, path, authorise, self._origins, body, admit)

    def drain(self) -> None:
        """End what no client would end by itself."""
        for endpoint in self._endpoints:
            endpoint.drain()

    def stop(self) -> None:
        """End all sessions."""
        for endpoint in self._endpoints:
            endpoint.stop()


def server_info(name: str) -> Implementation:
    """What a server of ours says it is."""
    return Implementation(name=name, version=__version__)
