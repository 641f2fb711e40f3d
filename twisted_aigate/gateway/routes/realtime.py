"""Conversations over WebSocket, and tokens for them: parse, call, render."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.calls import Task
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.realtime.call import RealtimeCall
from twisted_aigate.gateway.realtime.service import Realtime
from twisted_aigate.gateway.realtime.token import token_call
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.reply import Reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router
from twisted_aigate.web.websocket.answer import WebSocketAnswer, offer_of

_SUBPROTOCOL = "realtime"
_BETA_SUBPROTOCOL = "openai-beta.realtime-v1"
_BETA = (b"OpenAI-Beta", b"realtime=v1")
_PASSED_ON = (b"openai-beta", b"openai-safety-identifier")


class RealtimeRoutes:
    """
    OpenAI's Realtime API.

    @param realtime: Begins conversations.
    @param max_body: The most bytes of a body; 0: no limit.
    """

    def __init__(self, realtime: Realtime, max_body: int) -> None:
        self._realtime = realtime
        self._max_body = max_body

    def add_to(self, router: Router, prefix: str, authorise: Authorise[Caller]) -> None:
        """
        Add the routes.

        @param prefix: Before each path.
        @param authorise: Says who calls.
        """
        router.add_websocket(prefix + Task.REALTIME.value, self._converse, authorise)
        for task in (Task.REALTIME_CLIENT, Task.REALTIME_SESSION):
            router.add("POST", prefix + task.value, self._token_handler(task), authorise)

    def _token_handler(self, task: Task) -> Callable[[Request, Caller], Awaitable[Reply]]:
        async def handler(request: Request, caller: Caller) -> Reply:
            call = token_call(task, await request.body.read(self._max_body))
            return Reply(await self._realtime.token(caller, call))

        return handler

    async def _converse(self, request: Request, caller: Caller) -> WebSocketAnswer:
        conversation = await self._realtime.connect(caller, _call(request))
        spoken = _SUBPROTOCOL if _SUBPROTOCOL in offer_of(request).subprotocols else None
        model_id = conversation.deployment.id.encode("utf-8")
        return WebSocketAnswer(conversation.join, spoken, ((b"x-litellm-model-id", model_id),))


def _call(request: Request) -> RealtimeCall:
    query = [
        (name.decode("utf-8", "replace"), value.decode("utf-8", "replace"))
        for name, values in request.args.items()
        for value in values
    ]
    models = [value for name, value in query if name == "model" and value]
    if not models:
        raise GatewayError(400, "Missing required parameter: 'model'.", param="model")
    headers = [field for field in request.fields if field[0] in _PASSED_ON]
    if _BETA_SUBPROTOCOL in offer_of(request).subprotocols:
        # Browsers cannot send header fields.
        headers.append(_BETA)
    return RealtimeCall(models[0], tuple(query), tuple(headers))
