"""The Model Context Protocol: an endpoint for each tree's tools, and one for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mcp_types import Implementation

from twisted_aigate import __version__
from twisted_aigate.interfaces import ToolCaller, ToolSource
from twisted_aigate.kernel.settings import Configuration
from twisted_aigate.mcp.aggregate import Aggregate
from twisted_aigate.mcp.endpoint import Endpoint
from twisted_aigate.mcp.origins import Origins
from twisted_aigate.mcp.routes import Admit, admit_all, mcp_routes, render_mcp_error
from twisted_aigate.mcp.server import MCPServer
from twisted_aigate.platform.shared import Shared
from twisted_aigate.web.auth import Authorise, presented_token, unauthorized
from twisted_aigate.web.branch import with_branch
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router
from twisted_aigate.web.site import Tree

_OPERATOR = ToolCaller("operator", is_operator=True)


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
        router = self.router(MCPServer(_info(name), tools), "/mcp", authorise, admit)
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


class McpPart:
    """
    All tools in one endpoint.

    @param shared: What it is built on.
    @param endpoints: Where endpoints are made.
    @param sources: The trees' tools, by the names of their servers.
    """

    def __init__(
        self, shared: Shared, endpoints: Endpoints, sources: Mapping[str, ToolSource]
    ) -> None:
        self._shared = shared
        self._endpoints = endpoints
        self._tools = Aggregate(sources)

    def trees(self) -> Iterator[Tree]:
        """See L{Part}."""
        server = MCPServer(_info("aigate"), self._tools)
        router = self._endpoints.router(server, "", self._caller)
        limiter = self._shared.limiter("api")
        timeout = self._shared.settings.edge.timeouts.api
        yield Tree(b"mcp", router, render_mcp_error, limiter, frozenset(), timeout)

    def _caller(self, request: Request) -> ToolCaller:
        if not self._shared.settings.master_key.matches(presented_token(request, b"x-api-key")):
            raise unauthorized("The token is not valid here.")
        return _OPERATOR

    def summary(self) -> Iterator[tuple[str, str | None]]:
        """See L{Part}."""
        yield "/mcp/", None

    def check(self, configuration: Configuration) -> None:
        """See L{Part}; nothing of it changes without a restart."""

    async def start(self) -> None:
        """See L{Part}."""

    def reload(self, configuration: Configuration) -> None:
        """See L{Part}; nothing of it changes without a restart."""

    async def stop(self) -> None:
        """See L{Part}."""
        self._endpoints.stop()


def _info(name: str) -> Implementation:
    return Implementation(name=name, version=__version__)
