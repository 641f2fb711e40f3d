"""
The cache, for operators.

Source: https://docs.litellm.ai/docs/proxy/caching, C{/cache/ping} and the paths beside it.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from twisted_aigate.gateway.cache.service import ResponseCache
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.routes.callers import masters_only
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.json_body import parse
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router


class DeleteRequest(msgspec.Struct):
    """C{POST /cache/delete}."""

    keys: Annotated[list[str], Meta(min_length=1)]


_decoder = msgspec.json.Decoder(DeleteRequest)


class CacheRoutes:
    """
    The cache.

    @param cache: It.
    @param max_body: The most bytes of a body; 0: no limit.
    """

    def __init__(self, cache: ResponseCache, max_body: int) -> None:
        self._cache = cache
        self._max_body = max_body

    def add_to(self, router: Router, authorise: Authorise[Caller]) -> None:
        """
        Add the routes.

        @param authorise: Says who calls.
        """
        only = masters_only(authorise)
        router.add("GET", "/cache/ping", self._ping, only)
        router.add("POST", "/cache/delete", self._delete, only)
        router.add("POST", "/cache/flushall", self._clear, only)

    async def _ping(self, request: Request, caller: Caller) -> Reply:
        kind = self._cache.kind
        if kind is None:
            raise GatewayError(503, "The cache is off. CACHE turns it on.", code="cache_off")
        if not await self._cache.store.is_up():
            raise GatewayError(503, "The cache does not answer.", code="cache_down")
        return json_reply({"status": "healthy", "cache_type": kind, "ping_response": True})

    async def _delete(self, request: Request, caller: Caller) -> Reply:
        wanted = parse(_decoder, await request.body.read(self._max_body))
        deleted = await self._cache.store.delete(wanted.keys)
        return json_reply({"status": "success", "deleted": deleted})

    async def _clear(self, request: Request, caller: Caller) -> Reply:
        await self._cache.store.clear()
        return json_reply({"status": "success"})
