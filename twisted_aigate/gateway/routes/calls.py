"""Calls to models: parse, call, render."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import msgspec

from twisted_aigate.gateway.agent.service import Agent, Visitor
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.calls import Result, Task, Upload
from twisted_aigate.gateway.defaults import default_model
from twisted_aigate.gateway.forms import FORMS, form_call
from twisted_aigate.gateway.messages.models import PromptRequest
from twisted_aigate.gateway.requests import (
    REQUESTS,
    json_call,
    protocol_headers,
)
from twisted_aigate.gateway.routes.callers import tool_caller
from twisted_aigate.gateway.routes.errors import request_id_field
from twisted_aigate.gateway.service import Gateway
from twisted_aigate.gateway.wishes import read_wishes
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

_NAMED = (Task.CHAT, Task.COMPLETION, Task.EMBEDDING)
"""What there is with the model's name in the path, as in LiteLLM."""


class CallRoutes:
    """
    OpenAI's API, and Anthropic's for messages.

    @param gateway: What answers.
    @param agent: The same, for calls whose models may call tools.
    @param max_body: The most bytes of a body; 0: no limit.
    @param threads: Where forms are parsed and written.
    @param folder: The disk that uploads are put on.
    """

    def __init__(
        self, gateway: Gateway, agent: Agent, max_body: int, threads: Threads, folder: Path
    ) -> None:
        self._gateway = gateway
        self._agent = agent
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
        for task in FORMS:
            router.add("POST", prefix + task.value, self._form_handler(task), authorise)
        path = prefix + Task.MESSAGES.value + "/count_tokens"
        router.add("POST", path, self._count_tokens, authorise_messages)

    def add_cohere_to(self, router: Router, authorise: Authorise[Caller]) -> None:
        """
        Add the route that Cohere's clients ask, which are at version 2 of its API.

        @param authorise: Says who calls.
        """
        handler = self._json_handler(Task.RERANK)
        router.add("POST", "/v2" + Task.RERANK.value, handler, authorise)

    def add_named_to(self, router: Router, authorise: Authorise[Caller]) -> None:
        """
        Add the routes whose paths name the model, as those of Azure's clients do.

        @param authorise: Says who calls.
        """
        for place in ("/openai/deployments", "/engines"):
            for task in _NAMED:
                path = f"{place}/<path:model>{task.value}"
                router.add("POST", path, self._named_handler(task), authorise)

    def _json_handler(self, task: Task) -> Callable[[Request, Caller], Awaitable[Reply]]:
        async def handler(request: Request, caller: Caller) -> Reply:
            body = await request.body.read(self._max_body)
            return await self._answer(task, request, caller, body)

        return handler

    def _named_handler(self, task: Task) -> Callable[..., Awaitable[Reply]]:
        async def handler(request: Request, caller: Caller, model: str) -> Reply:
            body = await request.body.read(self._max_body)
            fields = {**parse_fields(body), "model": msgspec.Raw(msgspec.json.encode(model))}
            return await self._answer(task, request, caller, msgspec.json.encode(fields))

        return handler

    async def _answer(self, task: Task, request: Request, caller: Caller, body: bytes) -> Reply:
        checked = parse(_decoders[task], body)
        headers = protocol_headers(task, request.fields)
        default = self._default(task, caller)
        cache_control = request.joined_field(b"cache-control")
        wishes = read_wishes(checked, request.field)
        call = json_call(
            task, checked, parse_fields(body), body, headers, default, cache_control, wishes
        )
        more = (request_id_field(request.id),) if task is Task.MESSAGES else ()

        def visit() -> Visitor:
            return Visitor(caller, tool_caller(request, caller), request.base_url)

        return _reply(await self._agent.call(call, caller, visit), more)

    async def _count_tokens(self, request: Request, caller: Caller) -> Reply:
        body = await request.body.read(self._max_body)
        checked = parse(_prompt_decoder, body)
        headers = protocol_headers(Task.MESSAGES, request.fields)
        call = json_call(Task.MESSAGES, checked, parse_fields(body), body, headers)
        return _reply(await self._gateway.count_tokens(caller, call, checked))

    def _form_handler(self, task: Task) -> Callable[[Request, Caller], Awaitable[Reply]]:
        async def handler(request: Request, caller: Caller) -> Reply:
            form = await read_form(request, self._max_body, self._threads, self._folder)
            try:
                uploads = [
                    Upload(each.name, each.file, each.filename, each.content_type, each.size)
                    for each in form.files
                ]
                call = form_call(task, form.fields, uploads, self._default(task, caller))
                return _reply(await self._gateway.call_form(caller, call))
            finally:
                form.close()

        return handler

    def _default(self, task: Task, caller: Caller) -> Callable[[], str]:
        return partial(default_model, task, self._gateway.catalogue, caller)


def _reply(result: Result, more: Headers = ()) -> Reply:
    return Reply(result.body, result.content_type, headers=(*result.headers, *more))
