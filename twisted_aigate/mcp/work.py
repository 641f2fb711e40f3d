"""The work on requests: done, answered on their exchange, and ended when nobody waits for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from mcp_types.jsonrpc import JSONRPCRequest
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from twisted_aigate.mcp.errors import CANCELLED, MCPError, unexpected
from twisted_aigate.mcp.exchange import Exchange
from twisted_aigate.mcp.wire import refusal, result

_log = Logger()


def start(
    exchange: Exchange, request: JSONRPCRequest, answer: Callable[[], Awaitable[dict[str, Any]]]
) -> Deferred[None]:
    """
    Answer a request on its exchange.

    @param answer: Makes its result, or raises L{MCPError}.
    @return: The work; cancelling it ends it, and is what its sender is answered.
    """

    async def run() -> None:
        try:
            value = await answer()
        except MCPError as error:
            exchange.answer(refusal(request.id, error))
        except CancelledError:
            exchange.answer(refusal(request.id, MCPError(CANCELLED, "Request cancelled")))
        except Exception:
            _log.failure("mcp: {method} failed", method=request.method)
            exchange.answer(refusal(request.id, unexpected()))
        else:
            exchange.answer(result(request.id, value))

    work = Deferred.fromCoroutine(run())
    exchange.add(work)
    return work


def progress_token(request: JSONRPCRequest) -> str | int | None:
    """What progress of a request is told by; C{None}: its sender does not want to know."""
    meta = (request.params or {}).get("_meta")
    token = meta.get("progressToken") if isinstance(meta, dict) else None
    return token if isinstance(token, str | int) else None
