"""The browser cluster over HTTP."""

from __future__ import annotations

from twisted_aigate.browser.routes.actions import ActionRoutes
from twisted_aigate.browser.routes.errors import render_browser_error
from twisted_aigate.browser.routes.live import LiveRoutes
from twisted_aigate.browser.routes.status import StatusRoutes
from twisted_aigate.browser.tree import BrowserTree
from twisted_aigate.web.auth import bearer
from twisted_aigate.web.routing import Router

__all__ = ["browser_routes", "render_browser_error"]


def browser_routes(tree: BrowserTree, max_body: int) -> Router:
    """
    The routes.

    @param max_body: The most bytes of a request; 0: no limit.
    """
    router = Router()
    authorise = bearer(tree.token)
    ActionRoutes(tree.browsers, max_body).add_to(router, authorise)
    StatusRoutes(tree.browsers).add_to(router)
    LiveRoutes(tree.live, tree.token).add_to(router)
    return router
