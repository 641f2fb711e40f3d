"""Responses that are kept: parse, ask, render."""

from __future__ import annotations

from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.calls import Task
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.responses.asks import CANCEL, INPUT_ITEMS, USUAL_LIMIT, KeptAsk
from twisted_aigate.gateway.service import Gateway
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.reply import Reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router

_MOST_ITEMS = 100


class ResponseRoutes:
    """
    What the Responses API has beside making one.

    @param gateway: What answers.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def add_to(self, router: Router, prefix: str, authorise: Authorise[Caller]) -> None:
        """
        Add the routes.

        @param prefix: Before each path.
        @param authorise: Says who calls.
        """
        path = prefix + Task.RESPONSES.value + "/<response_id>"
        router.add("GET", path, self._retrieve, authorise)
        router.add("DELETE", path, self._delete, authorise)
        router.add("GET", path + INPUT_ITEMS, self._input_items, authorise)
        router.add("POST", path + CANCEL, self._cancel, authorise)

    async def _retrieve(self, request: Request, caller: Caller, response_id: str) -> Reply:
        stream = _argument(request, b"stream") == "true"
        ask = KeptAsk(b"GET", response_id, query=_query(request), stream=stream)
        return await self._answer(caller, ask)

    async def _delete(self, request: Request, caller: Caller, response_id: str) -> Reply:
        return await self._answer(caller, KeptAsk(b"DELETE", response_id))

    async def _input_items(self, request: Request, caller: Caller, response_id: str) -> Reply:
        ask = KeptAsk(
            b"GET",
            response_id,
            INPUT_ITEMS,
            _query(request),
            limit=_limit(request),
            after=_argument(request, b"after"),
            ascending=_argument(request, b"order") == "asc",
        )
        return await self._answer(caller, ask)

    async def _cancel(self, request: Request, caller: Caller, response_id: str) -> Reply:
        return await self._answer(caller, KeptAsk(b"POST", response_id, CANCEL))

    async def _answer(self, caller: Caller, ask: KeptAsk) -> Reply:
        result = await self._gateway.kept_response(caller, ask)
        return Reply(result.body, result.content_type, headers=result.headers)


def _query(request: Request) -> bytes:
    return request.uri.partition(b"?")[2]


def _argument(request: Request, name: bytes) -> str | None:
    values = request.args.get(name)
    return values[0].decode("utf-8", "replace") if values else None


def _limit(request: Request) -> int:
    text = _argument(request, b"limit")
    if text is None:
        return USUAL_LIMIT
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_ITEMS:
        raise GatewayError(400, f"limit is a number from 1 to {_MOST_ITEMS}.", param="limit")
    return int(text)
