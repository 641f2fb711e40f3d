"""Claudebox over HTTP."""

from __future__ import annotations

from twisted_aigate.claudebox.routes.errors import errors_for, render_detail
from twisted_aigate.claudebox.routes.files import FileRoutes
from twisted_aigate.claudebox.routes.openai import OpenAIRoutes
from twisted_aigate.claudebox.routes.runs import RunRoutes
from twisted_aigate.claudebox.tree import ClaudeboxTree
from twisted_aigate.web.auth import bearer, public
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router

__all__ = ["claudebox_routes", "errors_for", "render_detail"]


async def _health(request: Request, caller: None) -> Reply:
    return json_reply({"status": "ok"})


def claudebox_routes(tree: ClaudeboxTree, max_body: int, started_at: int) -> Router:
    """
    The routes of an instance.

    @param max_body: The most bytes of a request; 0: no limit.
    @param started_at: Now, in seconds of Unix time.
    """
    router = Router()
    authorise = bearer(tree.claudebox.instance.token)
    router.add("GET", "/health", _health, public, unlimited=True)
    RunRoutes(tree.claudebox, max_body).add_to(router, authorise)
    FileRoutes(tree.claudebox.files, max_body).add_to(router, authorise)
    OpenAIRoutes(tree.chat, max_body, started_at).add_to(router, authorise)
    return router
