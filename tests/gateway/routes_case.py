"""The gateway's routes in memory, for tests."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random
from shutil import rmtree
from typing import Any

import msgspec
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IResponse

from tests.gateway.accounts import NOW, FakeAccounts
from tests.gateway.fakes import FakeProvider, FakeTools, make_cache
from tests.support.storage import FakeDatabase
from tests.support.threads import HeldThreads
from tests.support.traversal import SiteClient
from tests.support.upstream import Upstream
from twisted_aigate.gateway.agent.service import Agent
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.health import HealthChecks
from twisted_aigate.gateway.providers.azure import AzureProvider
from twisted_aigate.gateway.providers.openai import OpenAIProvider
from twisted_aigate.gateway.providers.upstream import Upstream as Asking
from twisted_aigate.gateway.realtime.service import Realtime
from twisted_aigate.gateway.responses import records
from twisted_aigate.gateway.responses.kept import KeptResponses
from twisted_aigate.gateway.responses.records import ResponseTable
from twisted_aigate.gateway.routes import (
    errors_for,
    gateway_routes,
    known_callers,
    render_openai_error,
)
from twisted_aigate.gateway.routing.policy import Policy
from twisted_aigate.gateway.routing.router import Router
from twisted_aigate.gateway.schemas.service import Schemas
from twisted_aigate.gateway.service import Gateway
from twisted_aigate.http_client import HTTPClient as UpstreamClient
from twisted_aigate.http_client import WebSocketClient
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.units import DAY, MB
from twisted_aigate.web.proxies import ClientAddresses
from twisted_aigate.web.ratelimit import RateLimiter
from twisted_aigate.web.site import Site, Tree

KEY = "sk-master"
MESSAGES_KEY = "sk-for-messages-alone"
MAX_BODY = 100_000
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}


class RoutesCase(SynchronousTestCase):
    """
    A client of the routes.

    @ivar limiter: The tree's rate limit, set before L{setUp}.
    @ivar more: Deployments beside those that all tests have, likewise.
    @ivar tools: The tools that models may have called.
    @ivar sockets: What conversations with providers connect to.
    """

    limiter: RateLimiter | None = None
    more: tuple[Deployment, ...] = ()

    def setUp(self) -> None:
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(rmtree, folder)
        self.provider = FakeProvider()
        self.catalogue = Catalogue(
            [
                Deployment("m", "openai", "upstream-m"),
                Deployment("org/name", "openai", "o", info={"owned_by": "org"}),
                Deployment("mocked", "openai", "x", mock_response="I am no model"),
                *self.more,
            ]
        )
        database: Any = FakeDatabase(records.metadata)
        self.addCleanup(database.close)
        self.kept = KeptResponses(ResponseTable(), database, Clock(), DAY, MB)
        policy = Policy(num_retries=0)
        self.clock = Clock()
        self.clock.advance(NOW)
        self.accounts = FakeAccounts(self.clock, KEY)
        self.addCleanup(self.accounts.database.close)
        self.cache = make_cache(self.clock)
        router = Router(self.catalogue, policy, self.clock, Random(1))
        threads: Any = HeldThreads()
        schemas = Schemas(threads)
        self.gateway = gateway = Gateway(
            router,
            {"openai": self.provider},
            self.accounts.meter,
            self.kept,
            schemas,
            self.clock,
            self.cache,
        )
        self.sockets = Upstream(self.clock)
        asking = Asking(UpstreamClient(self.clock, self.sockets.endpoint))
        speakers = {
            "openai": OpenAIProvider(asking, threads),
            "azure": AzureProvider(asking, threads),
            "anthropic": self.provider,
        }
        client = WebSocketClient(self.clock, self.sockets.endpoint)
        realtime = Realtime(router, speakers, client, self.accounts.meter, self.clock)
        health = HealthChecks(gateway, realtime, threads, folder)
        self.tools = FakeTools()
        self.routes = routes = gateway_routes(
            gateway,
            Agent(gateway.call, self.tools, self.kept),
            realtime,
            health,
            self.accounts,
            self.cache,
            known_callers(Secret(KEY), self.accounts.keys, self.clock),
            known_callers(Secret(KEY), self.accounts.keys, self.clock, Secret(MESSAGES_KEY)),
            MAX_BODY,
            threads,
            folder,
        )
        tree = Tree(
            b"",
            routes,
            render_openai_error,
            self.limiter,
            frozenset(routes.unlimited),
            600.0,
            errors_for,
        )
        self.site = Site([tree], ClientAddresses(()), self.clock)
        self.client = SiteClient(self.site)

    def request(self, method: str, path: str, **arguments: Any) -> tuple[IResponse, Any]:
        """A response and its body, JSON parsed."""
        arguments.setdefault("headers", AUTHORIZED)
        response = self.successResultOf(
            self.client.request(method, f"http://test{path}", **arguments)
        )
        body = self.successResultOf(response.content())
        kind = response.headers.getRawHeaders("content-type", [""])[0]
        return response, msgspec.json.decode(body) if kind == "application/json" else body

    def post(self, path: str, value: object, **arguments: Any) -> tuple[IResponse, Any]:
        """A response to a JSON body."""
        return self.request("POST", path, data=msgspec.json.encode(value), **arguments)
