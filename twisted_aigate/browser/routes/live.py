"""Desktops to watch, over HTTP."""

from __future__ import annotations

from twisted_aigate.browser.live import BOUNDARY, Live, View
from twisted_aigate.browser.routes.numbers import number
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.web.auth import bearer, unauthorized
from twisted_aigate.web.reply import Reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router

_TYPE = b"multipart/x-mixed-replace; boundary=" + BOUNDARY


class LiveRoutes:
    """
    C{/live/<replica>} over L{Live}.

    @param live: The service.
    @param token: What callers present.
    """

    def __init__(self, live: Live, token: Secret) -> None:
        self._live = live
        self._token = token
        self._bearer = bearer(token)

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        router.add("GET", "/live/<name>", self._watch, self._authorise)

    def _authorise(self, request: Request) -> None:
        # A person's browser sends no header of its own.
        presented = request.args.get(b"token")
        if presented is None:
            self._bearer(request)
        elif not self._token.matches(presented[-1]):
            raise unauthorized("The token is not valid here.")

    async def _watch(self, request: Request, caller: None, name: str) -> Reply:
        usual = View()
        view = View(
            number(request, b"width", 16, 1920) or usual.width,
            float(number(request, b"rate", 1, 10) or usual.rate),
            number(request, b"quality", 1, 95) or usual.quality,
        )
        return Reply(
            self._live.watch(name, view), _TYPE, headers=((b"Cache-Control", b"no-store"),)
        )
