"""
Providers that speak OpenAI's API over HTTP.

A request is passed on with its model's name changed and nothing else; an answer is passed back
untouched, as it comes.
"""

from __future__ import annotations

from urllib.parse import quote

from zope.interface import implementer

from twisted_aigate.gateway.calls import Call, FormCall, Result, Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.providers.form import FormBody
from twisted_aigate.gateway.providers.interface import IRealtimeProvider, IResponsesProvider
from twisted_aigate.gateway.providers.parameters import form_without_refused, without_refused
from twisted_aigate.gateway.providers.table import OPENAI_SHAPED
from twisted_aigate.gateway.providers.upstream import Upstream, broken, whole
from twisted_aigate.gateway.realtime.call import RealtimeCall
from twisted_aigate.gateway.realtime.token import TokenCall
from twisted_aigate.gateway.responses.asks import KeptAsk
from twisted_aigate.http_client import OutgoingRequest
from twisted_aigate.http_client.messages import Fields
from twisted_aigate.kernel.threads import Threads

_JSON_FIELD = (b"Content-Type", b"application/json")


@implementer(IResponsesProvider, IRealtimeProvider)
class OpenAIProvider:
    """
    All OpenAI-shaped providers.

    @param upstream: Asks them.
    @param threads: Where files are read.
    """

    def __init__(self, upstream: Upstream, threads: Threads) -> None:
        self._upstream = upstream
        self._threads = threads

    async def call(self, deployment: Deployment, call: Call) -> Result:
        """See L{IProvider}."""
        call = without_refused(deployment, call)
        request = OutgoingRequest(
            b"POST",
            self.target(deployment, call.task),
            (_JSON_FIELD, *self._fields(deployment), *call.extra_headers),
            call.body_for(deployment.model),
        )
        return await self._send(deployment, request, call.stream)

    async def ask_kept(self, deployment: Deployment, ask: KeptAsk) -> Result:
        """See L{IResponsesProvider}."""
        rest = f"/{quote(ask.response_id, safe='')}{ask.of}"
        target = self.target(deployment, Task.RESPONSES, rest)
        if ask.query:
            target += (b"&" if b"?" in target else b"?") + ask.query
        request = OutgoingRequest(ask.method, target, self._fields(deployment))
        return await self._send(deployment, request, ask.stream)

    async def call_form(self, deployment: Deployment, call: FormCall) -> Result:
        """See L{IProvider}."""
        call = form_without_refused(deployment, call)
        fields = (("model", deployment.model), *call.fields)
        form = FormBody(fields, call.uploads, self._threads)
        request = OutgoingRequest(
            b"POST",
            self.target(deployment, call.task),
            (
                (b"Content-Type", form.content_type),
                *self._fields(deployment),
                *call.extra_headers,
            ),
            form,
        )
        return await self._send(deployment, request, call.stream)

    def has_realtime(self, deployment: Deployment) -> bool:
        """See L{IRealtimeProvider}."""
        shaped = OPENAI_SHAPED.get(deployment.provider)
        return shaped is not None and shaped.realtime

    def realtime(self, deployment: Deployment, call: RealtimeCall) -> OutgoingRequest:
        """See L{IRealtimeProvider}."""
        fields = (*self._fields(deployment), *call.headers)
        return OutgoingRequest(b"GET", self.realtime_target(deployment, call), fields)

    async def realtime_token(self, deployment: Deployment, call: TokenCall) -> bytes:
        """See L{IRealtimeProvider}."""
        request = OutgoingRequest(
            b"POST",
            self.target(deployment, call.task),
            (_JSON_FIELD, *self._fields(deployment)),
            call.body_for(deployment.model),
        )
        response = await self._upstream.send(deployment, request, stream=False)
        return await whole(deployment, response)

    async def _send(self, deployment: Deployment, request: OutgoingRequest, stream: bool) -> Result:
        response = await self._upstream.send(deployment, request, stream=stream)
        content_type = response.field(b"content-type") or b"application/octet-stream"
        body = response.whole()
        if body is not None:
            return Result(body, content_type)
        return Result(response, content_type, describe=lambda error: broken(deployment, error))

    def _fields(self, deployment: Deployment) -> Fields:
        return (*deployment.headers, *self.authorization(deployment))

    def target(self, deployment: Deployment, task: Task, rest: str = "") -> bytes:
        """
        The path, and query, that a task is asked at.

        @param rest: What follows the task's own path.
        """
        return (deployment.path + task.value + rest).encode("ascii")

    def realtime_target(self, deployment: Deployment, call: RealtimeCall) -> bytes:
        """The path, and query, that a conversation is asked at."""
        return call.target(f"{deployment.path}/realtime", ("model", deployment.model))

    def authorization(self, deployment: Deployment) -> Fields:
        """The header fields that say who asks."""
        if deployment.api_key is None:
            return ()
        return ((b"Authorization", b"Bearer " + deployment.api_key.reveal().encode("ascii")),)
