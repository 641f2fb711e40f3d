"""The Model Context Protocol: an endpoint for each tree's tools, and one for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from inspect import isawaitable

from mcp_types import Implementation

from twisted_aigate import __version__
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.http_client import HTTPClient
from twisted_aigate.http_client.client import endpoints as make_endpoints
from twisted_aigate.interfaces import ToolCaller, ToolSource
from twisted_aigate.kernel.processes import minimal_environment
from twisted_aigate.kernel.settings import Configuration
from twisted_aigate.mcp.aggregate import Aggregate
from twisted_aigate.mcp.announcements import Change
from twisted_aigate.mcp.client.config import ServerConfig, configured_servers
from twisted_aigate.mcp.client.external import ExternalServer
from twisted_aigate.mcp.client.http import HTTPTransport
from twisted_aigate.mcp.client.sse import SSETransport
from twisted_aigate.mcp.client.stdio import StdioTransport
from twisted_aigate.mcp.client.transport import Transport
from twisted_aigate.mcp.endpoint import Endpoint
from twisted_aigate.mcp.origins import Origins
from twisted_aigate.mcp.routes import Admit, admit_all, mcp_routes, render_mcp_error
from twisted_aigate.mcp.server import MCPServer
from twisted_aigate.platform.shared import Shared
from twisted_aigate.web.auth import Authorise
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
    All tools in one endpoint: the trees', and those of other servers.

    @param shared: What it is built on.
    @param endpoints: Where endpoints are made.
    @param sources: The trees' tools, by the names of their servers.
    @param callers: Says who calls the gateway.
    @raise SettingsError: The configuration cannot be used.
    """

    def __init__(
        self,
        shared: Shared,
        endpoints: Endpoints,
        sources: Mapping[str, ToolSource],
        callers: Authorise[Caller],
    ) -> None:
        self._shared = shared
        self._endpoints = endpoints
        self._callers = callers
        self._client = HTTPClient(shared.reactor, make_endpoints(shared.reactor))
        configured = configured_servers(shared.configuration, frozenset(sources))
        self._external = {config.name: self._server(config) for config in configured}
        self._aggregate = MCPServer(_info("aigate"), Aggregate({**sources, **self._external}))

    def _server(self, config: ServerConfig) -> ExternalServer:
        return ExternalServer(
            config.name,
            lambda: self._transport(config),
            config.allowed_tools,
            self._shared.reactor,
            __version__,
            lambda: self._aggregate.announcements.tell(Change("tools")),
        )

    def _transport(self, config: ServerConfig) -> Transport:
        timeout = self._shared.settings.edge.timeouts.api
        if config.url is None:
            environment = minimal_environment(self._shared.configuration.environment)
            environment |= config.environment
            return StdioTransport(self._shared.reactor, config.command, environment)
        if config.sse:
            return SSETransport(self._client, config.url, config.fields, timeout)
        clock = self._shared.reactor
        return HTTPTransport(self._client, clock, config.url, config.fields, timeout)

    def trees(self) -> Iterator[Tree]:
        """See L{Part}."""
        router = self._endpoints.router(self._aggregate, "", self._caller)
        limiter = self._shared.limiter("api")
        timeout = self._shared.settings.edge.timeouts.api
        yield Tree(b"mcp", router, render_mcp_error, limiter, frozenset(), timeout)

    async def _caller(self, request: Request) -> ToolCaller:
        caller = self._callers(request)
        if isawaitable(caller):
            caller = await caller
        if caller.is_master:
            return _OPERATOR
        servers = () if caller.key is None else caller.key.mcp_servers
        return ToolCaller(caller.id, servers=frozenset(servers))

    def summary(self) -> Iterator[tuple[str, str | None]]:
        """See L{Part}."""
        others = f", with {', '.join(self._external)}" if self._external else ""
        yield f"/mcp/{others}", None

    def check(self, configuration: Configuration) -> None:
        """See L{Part}; nothing of it changes without a restart."""

    async def start(self) -> None:
        """See L{Part}; other servers are connected when their tools are wanted."""

    def reload(self, configuration: Configuration) -> None:
        """See L{Part}; nothing of it changes without a restart."""

    async def stop(self) -> None:
        """See L{Part}."""
        self._endpoints.stop()
        for server in self._external.values():
            server.stop()
        self._client.close()


def _info(name: str) -> Implementation:
    return Implementation(name=name, version=__version__)
