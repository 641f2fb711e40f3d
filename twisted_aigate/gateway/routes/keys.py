"""
Virtual keys over HTTP, in LiteLLM's words.

Source: https://docs.litellm.ai/docs/proxy/virtual_keys and LiteLLM's own endpoints.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import msgspec

from twisted_aigate.gateway.accounting.money import to_dollars
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.keys.models import VirtualKey, token_of
from twisted_aigate.gateway.keys.records import KeyFilter
from twisted_aigate.gateway.keys.requests import (
    DeleteKeys,
    GenerateKey,
    OneKey,
    UpdateKey,
    check_fields,
)
from twisted_aigate.gateway.keys.service import Keys
from twisted_aigate.gateway.routes.arguments import number, text
from twisted_aigate.gateway.routes.callers import masters_only
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.json_body import parse, parse_fields
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router

_MOST_PAGE = 100
_USUAL_PAGE = 10
_MOST_PAGES = 10**9
_SECRET = ((b"Cache-Control", b"no-store"),)

_generate = msgspec.json.Decoder(GenerateKey)
_update = msgspec.json.Decoder(UpdateKey)
_one = msgspec.json.Decoder(OneKey)
_delete = msgspec.json.Decoder(DeleteKeys)


class KeyRoutes:
    """
    Management of keys.

    @param keys: The keys.
    @param max_body: The most bytes of a body; 0: no limit.
    """

    def __init__(self, keys: Keys, max_body: int) -> None:
        self._keys = keys
        self._max_body = max_body

    def add_to(self, router: Router, prefix: str, authorise: Authorise[Caller]) -> None:
        """
        Add the routes.

        @param prefix: Before each path.
        @param authorise: Says who calls.
        """
        master = masters_only(authorise)
        router.add("POST", prefix + "/key/generate", self._generate, master)
        router.add("POST", prefix + "/key/update", self._update, master)
        router.add("POST", prefix + "/key/delete", self._delete, master)
        router.add("POST", prefix + "/key/block", self._block, master)
        router.add("POST", prefix + "/key/unblock", self._unblock, master)
        router.add("GET", prefix + "/key/list", self._list, master)
        router.add("GET", prefix + "/key/info", self._info, authorise)

    async def _generate(self, request: Request, caller: Caller) -> Reply:
        # All of its fields may be left out, and so the body.
        body = await request.body.read(self._max_body) or b"{}"
        asked = parse(_generate, body)
        check_fields(parse_fields(body))
        text, key = await self._keys.generate(asked)
        described = {"key": text, "token_id": key.token, **_described(key)}
        return json_reply(described, headers=_SECRET)

    async def _update(self, request: Request, caller: Caller) -> Reply:
        body = await request.body.read(self._max_body)
        asked = parse(_update, body)
        check_fields(parse_fields(body))
        return json_reply({"key": asked.key, **_described(await self._keys.update(asked))})

    async def _delete(self, request: Request, caller: Caller) -> Reply:
        asked = parse(_delete, await request.body.read(self._max_body))
        keys, aliases = asked.keys or [], asked.key_aliases or []
        if not keys and not aliases:
            raise GatewayError(400, "Missing required parameter: 'keys'.", param="keys")
        return json_reply({"deleted_keys": await self._keys.delete(keys, aliases)})

    async def _block(self, request: Request, caller: Caller) -> Reply:
        asked = parse(_one, await request.body.read(self._max_body))
        return json_reply(_described(await self._keys.block(asked.key, blocked=True)))

    async def _unblock(self, request: Request, caller: Caller) -> Reply:
        asked = parse(_one, await request.body.read(self._max_body))
        return json_reply(_described(await self._keys.block(asked.key, blocked=False)))

    async def _info(self, request: Request, caller: Caller) -> Reply:
        wanted = text(request, "key")
        own = caller.key.token if caller.key is not None else None
        if wanted is None:
            wanted = own
        if wanted is None:
            raise GatewayError(400, "Missing required parameter: 'key'.", param="key")
        if not caller.is_master and own not in (wanted, token_of(wanted.encode("utf-8"))):
            raise GatewayError(403, "A key may ask for itself alone.", code="not_allowed")
        return json_reply({"key": wanted, "info": _described(await self._keys.info(wanted))})

    async def _list(self, request: Request, caller: Caller) -> Reply:
        page = number(request, "page", 1, 1, _MOST_PAGES)
        size = number(request, "size", _USUAL_PAGE, 1, _MOST_PAGE)
        wanted = KeyFilter(
            text(request, "user_id"),
            text(request, "team_id"),
            text(request, "key_alias"),
            text(request, "key_hash"),
        )
        keys, total = await self._keys.page(wanted, (page - 1) * size, size)
        full = text(request, "return_full_object") == "true"
        return json_reply(
            {
                "keys": [_described(key) if full else key.token for key in keys],
                "total_count": total,
                "current_page": page,
                "total_pages": math.ceil(total / size),
            }
        )


def _described(key: VirtualKey) -> dict[str, Any]:
    return {
        "token": key.token,
        "key_name": key.name,
        "key_alias": key.alias,
        "models": key.models,
        "aliases": key.aliases,
        "metadata": key.metadata,
        "allowed_mcp_servers": key.mcp_servers,
        "user_id": key.user_id,
        "team_id": key.team_id,
        "spend": to_dollars(key.spend),
        "max_budget": None if key.max_budget is None else to_dollars(key.max_budget),
        "budget_duration": key.budget_duration,
        "budget_reset_at": _time(key.budget_reset_at),
        "rpm_limit": key.limits.rpm,
        "tpm_limit": key.limits.tpm,
        "max_parallel_requests": key.limits.max_parallel,
        "expires": _time(key.expires),
        "blocked": key.blocked,
        "created_at": _time(key.created_at),
        "updated_at": _time(key.updated_at),
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
