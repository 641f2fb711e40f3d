"""The Responses API over any deployment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from attrs import evolve
from msgspec import Raw
from twisted.web.iweb import IBodyProducer

from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.calls import Call, Result
from twisted_aigate.gateway.chat.answers import decode
from twisted_aigate.gateway.chat.calls import chat_call, too_deep, whole
from twisted_aigate.gateway.chat.stream import AnswerStream
from twisted_aigate.gateway.chat.tokens import tokens_of_prompt
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.events import EVENT_STREAM
from twisted_aigate.gateway.providers.chats.models import decoded
from twisted_aigate.gateway.responses.answer import Asked, Drafted
from twisted_aigate.gateway.responses.events import Translation
from twisted_aigate.gateway.responses.items import listed, portable, raw_items
from twisted_aigate.gateway.responses.keepers import going_on
from twisted_aigate.gateway.responses.kept import KeptResponses
from twisted_aigate.gateway.responses.models import ResponsesRequest
from twisted_aigate.gateway.responses.native import NativeStream, id_of, id_of_stream
from twisted_aigate.gateway.responses.records import Kept
from twisted_aigate.gateway.responses.request import chat_request
from twisted_aigate.gateway.responses.tools import functions_of

Provide = Callable[[Deployment, Call], Awaitable[Result]]

_decoder = msgspec.json.Decoder(ResponsesRequest)
_items_decoder = msgspec.json.Decoder(list[Raw])


class _Output(msgspec.Struct):
    output: list[Raw]


_output_decoder = msgspec.json.Decoder(_Output)


class Turn:
    """
    One call of the API, on its way through deployments.

    @param caller: Who calls.
    @param call: The call.
    @param request: Its request, checked.
    @param before: What it goes on from, the oldest first, if all of that is kept here.
    @param kept: Keeps responses.
    @param provide: Has a deployment's provider answer.
    @param only: The deployment that alone can answer, since it keeps what this goes on from.
    @ivar call: The call with all of its input: what it goes on from, unless C{only} has that.
    """

    def __init__(
        self,
        caller: Caller,
        call: Call,
        request: ResponsesRequest,
        before: list[Kept],
        kept: KeptResponses,
        provide: Provide,
        only: Deployment | None,
    ) -> None:
        self.only = only
        self.call = call
        if before and only is None:
            items = [*portable(items_of(before)), *raw_items(request.input)]
            fields = {**call.fields, "input": Raw(msgspec.json.encode(items))}
            del fields["previous_response_id"]
            self.call = evolve(call, fields=fields, body=None)
        self._caller = caller
        self._request = request
        self._before = before
        self._kept = kept
        self._provide = provide
        self._native: Deployment | None = None
        self._drafted: Drafted | None = None

    async def ask(self, deployment: Deployment) -> Result:
        """
        Have a deployment answer: as it is asked, if it serves the API itself; otherwise a chat.

        @raise GatewayError: It gives no result.
        """
        mocked = self.call.mock_response is not None or deployment.mock_response is not None
        if deployment.serves_responses and not mocked:
            self._native, self._drafted = deployment, None
            return await self._ask_native(deployment)
        try:
            chat, self._drafted = self._as_chat(deployment)
        except RecursionError:
            raise too_deep() from None
        self._native = None
        return await self._provide(deployment, chat)

    async def answer(self, result: Result) -> Result:
        """
        The answer for the caller, and kept if it is to be.

        @param result: What the deployment that was asked last has answered.
        @raise GatewayError: It is no answer.
        """
        if self._drafted is not None:
            return await self._translated(result, self._drafted)
        if isinstance(result.body, bytes) and self._request.kept:
            response_id = (id_of_stream if result.is_events else id_of)(result.body)
            if response_id is not None:
                await self._remember(response_id)
        return result

    # By a provider that serves the API.

    async def _ask_native(self, deployment: Deployment) -> Result:
        result = await self._provide(deployment, self.call)
        if not result.is_events or isinstance(result.body, bytes):
            return result
        remember = self._remember if self._request.kept else None
        return evolve(result, body=NativeStream(result.body, result.described, remember))

    async def _remember(self, response_id: str) -> None:
        assert self._native is not None
        await self._kept.keep(self._record(response_id, deployment=self._native.id))

    # Over chat completions.

    def _as_chat(self, deployment: Deployment) -> tuple[Call, Drafted]:
        request = self._request
        functions = functions_of(request, deployment)
        items = [*items_of(self._before), *raw_items(request.input)]
        chat = chat_request(request, items, functions, deployment)
        asked = Asked(request, functions, lambda: tokens_of_prompt(chat), self._kept.now)
        drafted = Drafted(asked)
        # What is nested too deeply for an event is to be found out now, not in the middle of one.
        msgspec.json.encode([[drafted.whole]])
        instead = evolve(chat_call(self.call, chat), protocol_headers=self.call.protocol_headers)
        return instead, drafted

    async def _translated(self, result: Result, drafted: Drafted) -> Result:
        if not self.call.stream:
            _read_whole(await whole(result.body), drafted)
            await self._keep(drafted.whole)
            return Result(msgspec.json.encode(drafted.whole), headers=result.headers)
        translation = Translation(drafted, self._keep)
        body: bytes | IBodyProducer
        if not result.is_events:
            body = translation.take(await whole(result.body)) + await translation.finish()
        elif isinstance(result.body, bytes):
            body = translation.feed(result.body) + await translation.finish()
        else:
            body = AnswerStream(result.body, translation)
        return Result(body, EVENT_STREAM, result.headers)

    async def _keep(self, response: dict[str, Any]) -> None:
        if self._request.kept:
            record = self._record(
                response["id"],
                items=msgspec.json.encode(listed(self._request.input or [])),
                response=msgspec.json.encode(response),
            )
            await self._kept.keep(record)

    def _record(self, response_id: str, **more: Any) -> Kept:
        now = self._kept.now()
        return record_of(self._caller, self._request, self._before, response_id, now, **more)


async def begin_turn(
    caller: Caller, call: Call, kept: KeptResponses, catalogue: Catalogue, provide: Provide
) -> Turn:
    """
    Begin a call of the API.

    @param kept: Keeps responses.
    @param catalogue: Where deployments are that keep some themselves.
    @param provide: Has a deployment's provider answer.
    @raise GatewayError: What it goes on from is not kept, or by a provider that cannot answer; or
        nobody would see what it costs.
    """
    try:
        request = decoded(_decoder, call.body_for(call.model))
    except RecursionError:
        raise too_deep() from None
    if request.background and caller.key is not None and caller.key.max_budget is not None:
        raise GatewayError(
            400,
            "What a response in the background costs is not known in time: a key with a budget has"
            " it made as a job instead, by POST /q/v1/responses.",
            param="background",
        )
    before: list[Kept] = []
    only: Deployment | None = None
    if request.previous_response_id is not None:
        before = await kept.conversation(caller, request.previous_response_id)
        if before[-1].deployment is not None:
            only = going_on(catalogue, call.model, before[-1])
    return Turn(caller, call, request, before, kept, provide, only)


def record_of(
    caller: Caller,
    request: ResponsesRequest,
    before: Sequence[Kept],
    response_id: str,
    now: float,
    **more: Any,
) -> Kept:
    """
    A response as it is kept.

    @param before: What it goes on from, the oldest first.
    @param now: The time, in seconds of Unix time.
    @param more: Its other columns.
    """
    return Kept(
        id=response_id,
        owner=caller.id,
        model=request.model,
        previous=request.previous_response_id,
        thread=before[-1].thread if before else response_id,
        created_at=now,
        **{"deployment": None, **more},
    )


def items_of(conversation: Iterable[Kept]) -> Iterator[Raw]:
    """The items of a conversation that is kept here."""
    for kept in conversation:
        yield from _items_decoder.decode(kept.items or b"[]")
        yield from _output_decoder.decode(kept.response or b'{"output":[]}').output


def _read_whole(body: bytes, drafted: Drafted) -> None:
    try:
        answer = decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise GatewayError(502, f"The provider's answer is not a chat's: {error}.") from None
    if answer.choice is None:
        said = answer.trouble
        reason = (said and said.message) or "it has no choices"
        raise GatewayError(502, f"The provider's answer is not a chat's: {reason}.")
    for _ in (*drafted.heard(answer), *drafted.complete()):
        pass
