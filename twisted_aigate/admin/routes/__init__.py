"""The admin page over HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from twisted_aigate.admin.assets import Asset
from twisted_aigate.admin.feed import Feed
from twisted_aigate.admin.routes.access import KEY_HEADER, SUBPROTOCOL, Access
from twisted_aigate.admin.routes.logs import LogRoutes
from twisted_aigate.admin.routes.page import PageRoutes
from twisted_aigate.kernel.log_ring import LogRing
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.reply import Reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Forwarding, Router
from twisted_aigate.web.site import Renderer
from twisted_aigate.web.websocket.answer import WebSocketAnswer, offer_of

__all__ = ["Access", "admin_routes"]

_OURS = frozenset((b"authorization", b"origin", KEY_HEADER))
"""Header fields that were meant for us, and are for no other tree."""


def admin_routes(
    prefix: bytes,
    access: Access,
    assets: Mapping[str, Asset],
    feed: Feed,
    ring: LogRing,
    tokens: Mapping[bytes, Secret],
) -> Renderer:
    """
    The routes.

    @param prefix: Of the tree.
    @param access: Lets in.
    @param assets: The page's files.
    @param feed: Tells open pages.
    @param ring: The log.
    @param tokens: What opens each tree, by its prefix; the one of the empty prefix, all others.
    """
    router = Router()
    PageRoutes(assets).add_to(router, access.visitor, access.loader)
    LogRoutes(ring).add_to(router, access.operator)
    _add_feed(router, feed, access.operator)

    async def nothing(request: Request, caller: None, rest: str) -> Reply:
        raise HTTPError(404, "There is nothing at this path.")

    # So that who looks around is counted.
    router.add("GET", "/<path:rest>", nothing, access.visitor)

    async def readdress(request: Request, path: bytes) -> list[tuple[bytes, bytes]]:
        await access.operator(request)
        tree = path[1:].partition(b"/")[0]
        if tree == prefix:
            raise HTTPError(404, "There is nothing at this path.")
        token = tokens.get(tree) or tokens[b""]
        kept = [field for field in request.fields if field[0] not in _OURS]
        return [*kept, (b"authorization", b"Bearer " + token.reveal().encode("ascii"))]

    return Forwarding(b"/api/", readdress, router)


def _add_feed(router: Router, feed: Feed, authorise: Authorise[None]) -> None:
    async def live(request: Request, caller: None) -> WebSocketAnswer:
        spoken = SUBPROTOCOL if SUBPROTOCOL in offer_of(request).subprotocols else None
        return WebSocketAnswer(feed.watch, spoken)

    router.add_websocket("/live", live, authorise)
