"""Whether the gateway lives, can serve, and has deployments that answer."""

from __future__ import annotations

from twisted_aigate import __version__
from twisted_aigate.gateway.accounting.accounts import Accounts
from twisted_aigate.gateway.cache.service import ResponseCache
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.health import HealthChecks
from twisted_aigate.gateway.routes.callers import masters_only
from twisted_aigate.web.auth import Authorise, public
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router


class HealthRoutes:
    """
    Health checks.

    @param health: Tries deployments.
    @param accounts: Know whether the database answers.
    @param cache: The cache of answers.
    """

    def __init__(self, health: HealthChecks, accounts: Accounts, cache: ResponseCache) -> None:
        self._health = health
        self._accounts = accounts
        self._cache = cache

    def add_to(self, router: Router, authorise: Authorise[Caller]) -> None:
        """
        Add the routes.

        @param authorise: Says who calls.
        """
        router.add("GET", "/health", self._check, masters_only(authorise), unlimited=True)
        for path in ("/health/liveliness", "/health/liveness"):
            router.add("GET", path, self._alive, public, unlimited=True)
        router.add("GET", "/health/readiness", self._ready, public, unlimited=True)

    async def _check(self, request: Request, caller: Caller) -> Reply:
        return json_reply(await self._health.check())

    async def _alive(self, request: Request, caller: None) -> Reply:
        return json_reply("I'm alive!")

    async def _ready(self, request: Request, caller: None) -> Reply:
        connected = await self._accounts.is_connected()
        cache = self._cache.kind
        # Calls of the master key, and of keys that are known, are answered without the database;
        # all are without the cache.
        ready = {
            "status": "healthy",
            "db": "connected" if connected else "Not connected",
            "cache": cache,
            "cache_up": cache is not None and await self._cache.store.is_up(),
            "version": __version__,
        }
        return json_reply(ready)
