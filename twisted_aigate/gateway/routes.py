"""The gateway's routes: parse, authorise, call, render."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import msgspec

from twisted_aigate import __version__
from twisted_aigate.gateway.calls import Result, Task, Upload
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError, error_object, unknown_model
from twisted_aigate.gateway.health import HealthChecks, describe
from twisted_aigate.gateway.messages.errors import error_object as messages_error_object
from twisted_aigate.gateway.messages.models import PromptRequest
from twisted_aigate.gateway.requests import (
    REQUESTS,
    json_call,
    protocol_headers,
    transcription_call,
)
from twisted_aigate.gateway.service import Gateway
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.web.auth import Authorise, public
from twisted_aigate.web.errors import ErrorFormat, Headers, HTTPError, RenderedError
from twisted_aigate.web.json_body import parse, parse_fields
from twisted_aigate.web.multipart import read_form
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router

_decoders = {task: msgspec.json.Decoder(model) for task, model in REQUESTS.items()}
_prompt_decoder = msgspec.json.Decoder(PromptRequest)

_MESSAGES_PATH = re.compile(rb"(/v1)?/messages(/|$)")


def _headers_of(error: GatewayError | HTTPError) -> Headers:
    if isinstance(error, HTTPError):
        return error.headers
    retry = error.retry_after
    return () if retry is None else ((b"Retry-After", b"%d" % retry),)


def render_openai_error(error: Exception, request_id: str) -> RenderedError | None:
    """The L{twisted_aigate.web.errors.ErrorFormat} of OpenAI's API."""
    if not isinstance(error, GatewayError | HTTPError):
        return None
    body = error_object(error.status, error.message, error.param, error.code)
    return RenderedError(error.status, body, headers=_headers_of(error))


def render_anthropic_error(error: Exception, request_id: str) -> RenderedError | None:
    """The L{twisted_aigate.web.errors.ErrorFormat} of Anthropic's API."""
    if not isinstance(error, GatewayError | HTTPError):
        return None
    body = messages_error_object(error.status, error.message, error.code, request_id)
    headers = (*_headers_of(error), _request_id_field(request_id))
    return RenderedError(error.status, body, headers=headers)


def errors_for(request: Request) -> ErrorFormat:
    """How errors are worded to whoever sent C{request}, on whatever path."""
    anthropic = _MESSAGES_PATH.match(request.subpath)
    return render_anthropic_error if anthropic else render_openai_error


def _request_id_field(request_id: str) -> tuple[bytes, bytes]:
    # Where Anthropic's clients look for it.
    return (b"Request-Id", request_id.encode("ascii"))


class GatewayRoutes:
    """
    OpenAI's API, and Anthropic's for messages, over a L{Gateway}.

    @param gateway: What answers.
    @param health: Tries deployments.
    @param authorise: Says who calls.
    @param authorise_messages: Says who calls Anthropic's API.
    @param max_body: The most bytes of a body; 0: no limit.
    @param threads: Where forms are parsed and written.
    @param folder: The disk that uploads are put on.
    """

    def __init__(
        self,
        gateway: Gateway,
        health: HealthChecks,
        authorise: Authorise[None],
        authorise_messages: Authorise[None],
        max_body: int,
        threads: Threads,
        folder: Path,
    ) -> None:
        self._gateway = gateway
        self._health = health
        self._max_body = max_body
        self._threads = threads
        self._folder = folder
        self._started_at = int(time.time())
        self.router = router = Router()
        for prefix in ("", "/v1"):
            for task in REQUESTS:
                may = authorise_messages if task is Task.MESSAGES else authorise
                router.add("POST", prefix + task.value, self._json_handler(task), may)
            router.add("POST", prefix + Task.TRANSCRIPTION.value, self._transcribe, authorise)
            path = prefix + Task.MESSAGES.value + "/count_tokens"
            router.add("POST", path, self._count_tokens, authorise_messages)
            router.add("GET", prefix + "/models", self._models, authorise)
            router.add("GET", prefix + "/models/<path:model>", self._model, authorise)
            router.add("GET", prefix + "/model/info", self._model_info, authorise)
        router.add("GET", "/health", self._check_health, authorise, unlimited=True)
        for path in ("/health/liveliness", "/health/liveness"):
            router.add("GET", path, self._alive, public, unlimited=True)
        router.add("GET", "/health/readiness", self._ready, public, unlimited=True)

    def _json_handler(self, task: Task) -> Any:
        decoder = _decoders[task]

        async def handler(request: Request, caller: None) -> Reply:
            body = await request.body.read(self._max_body)
            checked = parse(decoder, body)
            headers = protocol_headers(task, request.fields)
            call = json_call(task, checked, parse_fields(body), body, headers)
            more = (_request_id_field(request.id),) if task is Task.MESSAGES else ()
            return _reply(await self._gateway.call(call), more)

        return handler

    async def _count_tokens(self, request: Request, caller: None) -> Reply:
        body = await request.body.read(self._max_body)
        checked = parse(_prompt_decoder, body)
        headers = protocol_headers(Task.MESSAGES, request.fields)
        call = json_call(Task.MESSAGES, checked, parse_fields(body), body, headers)
        return _reply(await self._gateway.count_tokens(call, checked))

    async def _transcribe(self, request: Request, caller: None) -> Reply:
        form = await read_form(request, self._max_body, self._threads, self._folder)
        try:
            files = [file for file in form.files if file.name == "file"]
            if not files:
                raise GatewayError(400, "Missing required parameter: 'file'.", param="file")
            file = files[0]
            upload = Upload(file.file, file.filename, file.content_type, file.size)
            call = transcription_call(form.fields, upload)
            return _reply(await self._gateway.transcribe(call))
        finally:
            form.close()

    def _listed(self, deployment: Deployment) -> dict[str, Any]:
        return {
            "id": deployment.model_name,
            "object": "model",
            "created": self._started_at,
            "owned_by": deployment.info.get("owned_by", deployment.provider),
        }

    async def _models(self, request: Request, caller: None) -> Reply:
        catalogue = self._gateway.catalogue
        listed = [self._listed(catalogue.find(name)[0]) for name in catalogue.names]
        return json_reply({"object": "list", "data": listed})

    async def _model(self, request: Request, caller: None, model: str) -> Reply:
        return json_reply(self._listed(self._gateway.catalogue.find(model)[0]))

    async def _model_info(self, request: Request, caller: None) -> Reply:
        wanted = request.args.get(b"litellm_model_id", [b""])[0].decode("utf-8", "replace")
        found = []
        for deployment in self._gateway.catalogue:
            if wanted and deployment.id != wanted:
                continue
            described = describe(deployment)
            params = {name: described[name] for name in ("model", "api_base") if name in described}
            info = {**deployment.info, "id": deployment.id, "mode": deployment.mode}
            found.append(
                {
                    "model_name": deployment.model_name,
                    "litellm_params": params,
                    "model_info": info,
                }
            )
        if wanted and not found:
            raise unknown_model(wanted)
        return json_reply({"data": found})

    async def _check_health(self, request: Request, caller: None) -> Reply:
        return json_reply(await self._health.check())

    async def _alive(self, request: Request, caller: None) -> Reply:
        return json_reply("I'm alive!")

    async def _ready(self, request: Request, caller: None) -> Reply:
        return json_reply(
            {"status": "healthy", "db": "Not connected", "cache": None, "version": __version__}
        )


def _reply(result: Result, more: Headers = ()) -> Reply:
    return Reply(result.body, result.content_type, headers=(*result.headers, *more))
