"""Responses that are kept: parse, ask, render."""

from __future__ import annotations

from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.calls import Task
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.responses.asks import CANCEL, INPUT_ITEMS, KeptAsk
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
        router.add("GET", path, self._whole, authorise)
        router.add("DELETE", path, self._whole, authorise)
        router.add("GET", path + INPUT_ITEMS, self._input_items, authorise)
        router.add("POST", path + CANCEL, self._cancel, authorise)

    async def _whole(self, request: Request, caller: Caller, response_id: str) -> Reply:
        stream = _argument(request, b"stream") == "true"
        return await self._answer(request, caller, response_id, stream=stream)

    async def _input_items(self, request: Request, caller: Caller, response_id: str) -> Reply:
        return await self._answer(
            request,
            caller,
            response_id,
            of=INPUT_ITEMS,
            limit=_limit(request),
            after=_argument(request, b"after"),
            ascending=_argument(request, b"order") == "asc",
        )

    async def _cancel(self, request: Request, caller: Caller, response_id: str) -> Reply:
        return await self._answer(request, caller, response_id, of=CANCEL)

    async def _answer(
        self,
        request: Request,
        caller: Caller,
        response_id: str,
        *,
        of: str = "",
        stream: bool = False,
        limit: int = 20,
        after: str | None = None,
        ascending: bool = False,
    ) -> Reply:
        _, _, query = request.uri.partition(b"?")
        ask = KeptAsk(request.method, response_id, of, query, stream, limit, after, ascending)
        result = await self._gateway.kept_response(caller, ask)
        return Reply(result.body, result.content_type, headers=result.headers)


def _argument(request: Request, name: bytes) -> str | None:
    values = request.args.get(name)
    return values[0].decode("utf-8", "replace") if values else None


def _limit(request: Request) -> int:
    text = _argument(request, b"limit")
    if text is None:
        return 20
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_ITEMS:
        raise GatewayError(400, f"limit is a number from 1 to {_MOST_ITEMS}.", param="limit")
    return int(text)
