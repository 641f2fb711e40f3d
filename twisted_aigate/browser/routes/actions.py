"""Actions, pictures and the state of a page over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec

from twisted_aigate.browser.parsing import parse_request
from twisted_aigate.browser.routes.numbers import number
from twisted_aigate.browser.routes.pinning import pin_to, pinned
from twisted_aigate.browser.scale import Scale
from twisted_aigate.browser.service import Browsers, Served
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.json_body import parse
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router

_decoder = msgspec.json.Decoder(dict[str, Any])
_PNG = b"image/png"
_MOST_PIXELS = 8192


class ActionRoutes:
    """
    What needs a browser.

    @param browsers: The service.
    @param max_body: The most bytes of a request; 0: no limit.
    """

    def __init__(self, browsers: Browsers, max_body: int) -> None:
        self._browsers = browsers
        self._max_body = max_body

    def add_to(self, router: Router, authorise: Authorise[None]) -> None:
        """Add the routes."""
        router.add("POST", "/", self._act, authorise)
        router.add("GET", "/state", self._state, authorise)
        router.add("GET", "/screenshot/browser", self._page_picture, authorise)
        router.add("GET", "/screenshot/desktop", self._desktop_picture, authorise)

    async def _act(self, request: Request, caller: None) -> Reply:
        fields = parse(_decoder, await request.body.read(self._max_body))
        served = await self._browsers.perform(
            parse_request(fields), pinned(request), request.base_url
        )
        outcome = served.value
        data = {} if outcome is None else outcome.data
        error = served.error if outcome is None else outcome.error
        return self._reply(served, data, error)

    async def _state(self, request: Request, caller: None) -> Reply:
        served = await self._browsers.state(pinned(request))
        return self._reply(served, served.value or {}, served.error)

    def _reply(self, served: Served[Any], data: dict[str, Any], error: str | None) -> Reply:
        answer: dict[str, Any] = {
            "success": error is None,
            "timestamp": self._browsers.now(),
            "data": data,
        }
        if error is not None:
            answer["error"] = error
        if served.recovered:
            answer["recovered"] = True
        return json_reply(answer, headers=pin_to(served.replica))

    async def _page_picture(self, request: Request, caller: None) -> Reply:
        return await self._picture(request, "browser")

    async def _desktop_picture(self, request: Request, caller: None) -> Reply:
        return await self._picture(request, "desktop")

    async def _picture(self, request: Request, kind: str) -> Reply:
        scale = Scale(
            *(
                number(request, name, 1, _MOST_PIXELS)
                for name in (b"whLargest", b"width", b"height")
            )
        )
        served = await self._browsers.picture(kind, scale, pinned(request))
        if served.value is None:
            return self._reply(served, {}, served.error)
        return Reply(served.value, _PNG, headers=pin_to(served.replica))
