"""Whether the gateway lives, can serve, and has deployments that answer."""

from __future__ import annotations

from twisted_aigate import __version__
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.health import HealthChecks
from twisted_aigate.web.auth import Authorise, public
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router


class HealthRoutes:
    """
    Health checks.

    @param health: Tries deployments.
    """

    def __init__(self, health: HealthChecks) -> None:
        self._health = health

    def add_to(self, router: Router, authorise: Authorise[Caller]) -> None:
        """
        Add the routes.

        @param authorise: Says who may have deployments tried.
        """
        router.add("GET", "/health", self._check, authorise, unlimited=True)
        for path in ("/health/liveliness", "/health/liveness"):
            router.add("GET", path, self._alive, public, unlimited=True)
        router.add("GET", "/health/readiness", self._ready, public, unlimited=True)

    async def _check(self, request: Request, caller: Caller) -> Reply:
        return json_reply(await self._health.check())

    async def _alive(self, request: Request, caller: None) -> Reply:
        return json_reply("I'm alive!")

    async def _ready(self, request: Request, caller: None) -> Reply:
        return json_reply(
            {"status": "healthy", "db": "Not connected", "cache": None, "version": __version__}
        )
