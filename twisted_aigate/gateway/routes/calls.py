"""Calls to models: parse, call, render."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.calls import Result, Task, Upload
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.messages.models import PromptRequest
from twisted_aigate.gateway.requests import (
    REQUESTS,
    form_call,
    json_call,
    protocol_headers,
)
from twisted_aigate.gateway.routes.errors import request_id_field
from twisted_aigate.gateway.service import Gateway
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.errors import Headers
from twisted_aigate.web.json_body import parse, parse_fields
from twisted_aigate.web.multipart import read_form
from twisted_aigate.web.reply import Reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router

_decoders = {task: msgspec.json.Decoder(model) for task, model in REQUESTS.items()}
_prompt_decoder = msgspec.json.Decoder(PromptRequest)


class CallRoutes:
    """
    OpenAI's API, and Anthropic's for messages.

    @param gateway: What answers.
    @param max_body: The most bytes of a body; 0: no limit.
    @param threads: Where forms are parsed and written.
    @param folder: The disk that uploads are put on.
    """

    def __init__(self, gateway: Gateway, max_body: int, threads: Threads, folder: Path) -> None:
        self._gateway = gateway
        self._max_body = max_body
        self._threads = threads
        self._folder = folder

    def add_to(
        self,
        router: Router,
        prefix: str,
        authorise: Authorise[Caller],
        authorise_messages: Authorise[Caller],
    ) -> None:
        """
        Add the routes.

        @param prefix: Before each path.
        @param authorise: Says who calls.
        @param authorise_messages: Says who calls Anthropic's API.
        """
        for task in REQUESTS:
            may = authorise_messages if task is Task.MESSAGES else authorise
            router.add("POST", prefix + task.value, self._json_handler(task), may)
        router.add("POST", prefix + Task.TRANSCRIPTION.value, self._transcribe, authorise)
        path = prefix + Task.MESSAGES.value + "/count_tokens"
        router.add("POST", path, self._count_tokens, authorise_messages)

    def _json_handler(self, task: Task) -> Callable[[Request, Caller], Awaitable[Reply]]:
        decoder = _decoders[task]

        async def handler(request: Request, caller: Caller) -> Reply:
            body = await request.body.read(self._max_body)
            checked = parse(decoder, body)
            headers = protocol_headers(task, request.fields)
            call = json_call(task, checked, parse_fields(body), body, headers)
            more = (request_id_field(request.id),) if task is Task.MESSAGES else ()
            return _reply(await self._gateway.call(caller, call), more)

        return handler

    async def _count_tokens(self, request: Request, caller: Caller) -> Reply:
        body = await request.body.read(self._max_body)
        checked = parse(_prompt_decoder, body)
        headers = protocol_headers(Task.MESSAGES, request.fields)
        call = json_call(Task.MESSAGES, checked, parse_fields(body), body, headers)
        return _reply(await self._gateway.count_tokens(caller, call, checked))

    async def _transcribe(self, request: Request, caller: Caller) -> Reply:
        form = await read_form(request, self._max_body, self._threads, self._folder)
        try:
            files = [file for file in form.files if file.name == "file"]
            if not files:
                raise GatewayError(400, "Missing required parameter: 'file'.", param="file")
            file = files[0]
            upload = Upload(file.name, file.file, file.filename, file.content_type, file.size)
            call = form_call(Task.TRANSCRIPTION, form.fields, (upload,))
            return _reply(await self._gateway.call_form(caller, call))
        finally:
            form.close()


def _reply(result: Result, more: Headers = ()) -> Reply:
    return Reply(result.body, result.content_type, headers=(*result.headers, *more))
