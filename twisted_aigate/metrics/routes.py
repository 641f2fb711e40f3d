"""C{/metrics}."""

from __future__ import annotations

from collections.abc import Sequence

from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.metrics.service import Metrics
from twisted_aigate.web.auth import presented_token, unauthorized
from twisted_aigate.web.reply import Reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router


def metrics_routes(metrics: Metrics, tokens: Sequence[Secret]) -> Router:
    """
    The routes.

    @param tokens: Each of them opens it.
    """

    def authorise(request: Request) -> None:
        token = presented_token(request)
        if not any(secret.matches(token) for secret in tokens):
            raise unauthorized("The token is not valid here.")

    async def show(request: Request, caller: None) -> Reply:
        accept = (request.field(b"accept") or b"").decode("latin-1")
        text, content_type = await metrics.text(accept)
        return Reply(text, content_type.encode("ascii"))

    router = Router()
    router.add("GET", "/", show, authorise)
    return router
