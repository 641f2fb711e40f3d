"""How the cluster is doing, over HTTP."""

from __future__ import annotations

import ipaddress

from twisted_aigate.browser.service import Browsers
from twisted_aigate.web.auth import public
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router


class StatusRoutes:
    """
    What is open to everyone, or to the network around.

    @param browsers: The service.
    """

    def __init__(self, browsers: Browsers) -> None:
        self._browsers = browsers

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        router.add("GET", "/__queue/health", self._health, public, unlimited=True)
        router.add("GET", "/__queue/status", self._status, _from_nearby)

    async def _health(self, request: Request, caller: None) -> Reply:
        return json_reply({"status": "ok"})

    async def _status(self, request: Request, caller: None) -> Reply:
        return json_reply(self._browsers.status())


def _from_nearby(request: Request) -> None:
    """
    Only clients with a private address are told.

    @raise HTTPError: 403.
    """
    try:
        address = ipaddress.ip_address(request.client_address)
    except ValueError:
        # A client on a Unix socket.
        return
    mapped = getattr(address, "ipv4_mapped", None)
    if not (mapped or address).is_private:
        raise HTTPError(403, "The status is told to private addresses alone.")
