"""All tools in one endpoint of the Model Context Protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from inspect import isawaitable
from typing import TYPE_CHECKING

from attrs import evolve
from twisted.internet.defer import Deferred, DeferredList

from twisted_aigate import __version__
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.routes import tool_caller
from twisted_aigate.http_client import HTTPClient
from twisted_aigate.http_client.client import endpoints as make_endpoints
from twisted_aigate.http_client.guarded import GuardedFetch, name_resolver
from twisted_aigate.interfaces import Posts, ToolCaller, ToolSource, Uploads
from twisted_aigate.kernel.addresses import is_public
from twisted_aigate.kernel.processes import minimal_environment
from twisted_aigate.kernel.settings import Configuration
from twisted_aigate.mcp.aggregate import Aggregate
from twisted_aigate.mcp.announcements import Announcements, Change
from twisted_aigate.mcp.client.config import ServerConfig, configured_servers
from twisted_aigate.mcp.client.http import HTTPTransport
from twisted_aigate.mcp.client.sse import SSETransport
from twisted_aigate.mcp.client.stdio import StdioTransport
from twisted_aigate.mcp.client.transport import Transport
from twisted_aigate.mcp.own.media import Media
from twisted_aigate.mcp.own.search import WebSearch
from twisted_aigate.mcp.routes import render_mcp_error
from twisted_aigate.platform.endpoints import Endpoints
from twisted_aigate.platform.gateway import GatewayPart
from twisted_aigate.platform.shared import Shared
from twisted_aigate.toolbox import Toolbox
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.request import Request
from twisted_aigate.web.site import Tree

if TYPE_CHECKING:
    from twisted_aigate.mcp.client.external import ExternalServer

_OWN = "mcp_tools"
"""What the server of aigate's own tools is called."""


class McpPart:
    """
    The endpoint: the trees' tools, aigate's own, and those of other servers.

    @param shared: What it is built on.
    @param endpoints: Where endpoints are made.
    @param sources: The trees' tools, by the names of their servers.
    @param gateway: Says who calls, and answers tools that ask models.
    @param uploads: Keeps what tools make; C{None}: nobody does.
    @raise SettingsError: The configuration cannot be used.
    """

    def __init__(
        self,
        shared: Shared,
        endpoints: Endpoints,
        sources: Mapping[str, ToolSource],
        gateway: GatewayPart,
        uploads: Uploads | None,
    ) -> None:
        self._shared = shared
        self._endpoints = endpoints
        self._callers: Authorise[Caller] = gateway.callers
        self._client = HTTPClient(shared.reactor, make_endpoints(shared.reactor))
        self._sources = {**sources, _OWN: self._own(gateway.posts, uploads)}
        taken = frozenset(self._sources)
        self._configured = configured_servers(shared.configuration, taken)
        self._tools: ToolSource | None = None
        self._external: dict[str, ExternalServer] = {}
        self._announcements = Announcements()

    def _all(self) -> ToolSource:
        if self._tools is None:
            self._external = {config.name: self._server(config) for config in self._configured}
            self._tools = Aggregate({**self._sources, **self._external})
        return self._tools

    async def tools(self) -> ToolSource:
        """The same tools, for others in this process."""
        if self._tools is None and self._configured:
            await self._endpoints.load()
        return self._all()

    def _own(self, posts: Posts, uploads: Uploads | None) -> Toolbox:
        shared, settings = self._shared, self._shared.settings.mcp
        tools = Toolbox()
        if uploads is not None:
            fetch = GuardedFetch(shared.reactor, name_resolver(shared.reactor), is_public)
            models = settings.image_model, settings.tts_model
            Media(posts, uploads, fetch, shared.threads, *models).add_to(tools)
        if settings.searxng_url is not None:
            WebSearch(self._client, settings.searxng_url).add_to(tools)
        return tools

    def _server(self, config: ServerConfig) -> ExternalServer:
        from twisted_aigate.mcp.client.external import ExternalServer

        return ExternalServer(
            config.name,
            lambda: self._transport(config),
            config.allowed_tools,
            config.secrets,
            self._shared.reactor,
            __version__,
            lambda: self._announcements.tell(Change("tools")),
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
        router = self._endpoints.router("aigate", self._all, self._announcements, "", self._caller)
        limiter = self._shared.limiter("api")
        timeout = self._shared.settings.edge.timeouts.api
        yield Tree(b"mcp", router, render_mcp_error, limiter, frozenset(), timeout)

    async def _caller(self, request: Request) -> ToolCaller:
        caller = self._callers(request)
        if isawaitable(caller):
            caller = await caller
        found, wanted = tool_caller(request, caller), _wanted(request)
        if wanted is None:
            return found
        servers = wanted if found.servers is None else found.servers & wanted
        return evolve(found, servers=servers)

    def standing(self) -> list[dict[str, object]]:
        """How the servers of others are; a L{Snapshot}."""
        standing: list[dict[str, object]] = []
        for config in self._configured:
            server = self._external.get(config.name)
            state, reason = ("idle", None) if server is None else (server.state, server.failure)
            standing.append({"name": config.name, "state": state, "reason": reason})
        return standing

    def summary(self) -> Iterator[tuple[str, str | None]]:
        """See L{Part}."""
        names = ", ".join(config.name for config in self._configured)
        others = f", with {names}" if names else ""
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
        await DeferredList(
            [Deferred.fromCoroutine(server.stop()) for server in self._external.values()]
        )
        self._client.close()


def _wanted(request: Request) -> frozenset[str] | None:
    """The servers that a client wants, as LiteLLM's clients say; C{None}: all."""
    field = request.joined_field(b"x-mcp-servers")
    if field is None:
        return None
    names = (name.strip() for name in field.decode("latin-1").split(","))
    return frozenset(filter(None, names))
