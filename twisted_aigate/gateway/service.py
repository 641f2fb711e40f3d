"""The gateway itself: finds deployments for a call and has their providers answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from attrs import evolve
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.gateway.accounting.meter import Headers, Meter
from twisted_aigate.gateway.cache.service import ResponseCache
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.calls import Call, FormCall, Result, Task
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.events import EventStream
from twisted_aigate.gateway.messages.models import PromptRequest
from twisted_aigate.gateway.messages.outcome import Asked
from twisted_aigate.gateway.messages.service import as_chat, as_message, count_tokens
from twisted_aigate.gateway.providers.interface import (
    IActs,
    IMessagesProvider,
    IProvider,
    IResponsesProvider,
)
from twisted_aigate.gateway.providers.mock import mock
from twisted_aigate.gateway.providers.table import entry_of
from twisted_aigate.gateway.responses.asks import KeptAsk, answer_kept
from twisted_aigate.gateway.responses.keepers import keeper_of
from twisted_aigate.gateway.responses.kept import KeptResponses
from twisted_aigate.gateway.responses.service import begin_turn
from twisted_aigate.gateway.routing.asking import Ask
from twisted_aigate.gateway.routing.router import Answer, Router
from twisted_aigate.gateway.schemas.service import Schemas
from twisted_aigate.gateway.wishes import NO_WISHES
from twisted_aigate.http_client import Origin
from twisted_aigate.kernel.identifiers import current_request_id

_MODEL_ID = b"x-litellm-model-id"

_MOST_KNOWN = 4096
"""Model names of which it is remembered whether answers can be repeated."""

_DEFAULTED = frozenset((Task.CHAT, Task.COMPLETION, Task.EMBEDDING, Task.SPEECH))
"""What the parameters of a deployment are for: the fields of others have other names."""


class Gateway:
    """
    Answers calls to models.

    @param router: Finds deployments.
    @param providers: Provider's name to provider; those of
        L{twisted_aigate.gateway.providers.table} have the entry C{openai}.
    @param meter: Lets calls in and has them paid.
    @param kept: Keeps responses.
    @param schemas: Checks answers that must fit one.
    @param clock: Tells the time (Unix time).
    @param cache: Keeps answers; C{None}: nobody does.
    @ivar started_at: Since when it is there, in seconds of Unix time.
    """

    def __init__(
        self,
        router: Router,
        providers: Mapping[str, IProvider],
        meter: Meter,
        kept: KeptResponses,
        schemas: Schemas,
        clock: IReactorTime,
        cache: ResponseCache | None = None,
    ) -> None:
        self.router = router
        self.started_at = int(clock.seconds())
        self._clock = clock
        self._kept = kept
        self._schemas = schemas
        self._providers = providers
        self._meter = meter
        self._cache = cache
        self._repeatable: dict[str, tuple[Sequence[Deployment], bool]] = {}

    @property
    def catalogue(self) -> Catalogue:
        """The models that there are."""
        return self.router.catalogue

    async def call(self, caller: Caller, call: Call) -> Result:
        """
        Answer a call.

        @raise GatewayError: It gives no result.
        """
        call = self._meant(caller, call)
        if call.checked is None and self.router.policy.enable_json_schema_validation:
            call = evolve(call, checked=True)
        cache = self._cache
        if cache is None or not cache.covers(call) or not self._is_repeatable(call):
            return await self._answer(caller, call)
        return await self._cached(cache, caller, call)

    def _is_repeatable(self, call: Call) -> bool:
        """Whether an answer can stand for another: not if somebody may have to act for it."""
        reachable = self.router.reachable(call.model, call.wishes)
        # The router makes another list when anything about it changes.
        known = self._repeatable.get(call.model)
        if known is not None and known[0] is reachable:
            return known[1]
        is_repeatable = not any(
            deployment.mock_response is not None or IActs.providedBy(self._provider(deployment))
            for deployment in reachable
        )
        if len(self._repeatable) >= _MOST_KNOWN:
            self._repeatable.clear()
        self._repeatable[call.model] = reachable, is_repeatable
        return is_repeatable

    async def _cached(self, cache: ResponseCache, caller: Caller, call: Call) -> Result:
        result, made = await cache.answer(caller, call, lambda: self._answer(caller, call))
        if made:
            return result
        model_id = dict(result.headers).get(_MODEL_ID, b"").decode("utf-8")
        try:
            told = await self._meter.admit_hit(caller, call, model_id)
        except BaseException:
            result.drop()
            raise
        return evolve(result, headers=(*result.headers, *_call_id(), *told))

    async def _answer(self, caller: Caller, call: Call) -> Result:
        if call.task is Task.MESSAGES:
            return await self._message(caller, call)
        if call.task is Task.RESPONSES:
            return await self._respond(caller, call)
        return await self._metered(caller, call, await self._asking(call))

    async def _asking(self, call: Call) -> Ask:
        """How a deployment is asked: one whose answer does not fit its schema has failed."""
        checker = await self._schemas.checker(call) if call.checked else None

        async def ask(deployment: Deployment) -> Result:
            result = await self._provide(deployment, call)
            return result if checker is None else await self._schemas.checked(result, checker)

        return ask

    def _meant(self, caller: Caller, call: Call) -> Call:
        """The call by the model name that the caller means and may use."""
        model = caller.alias(call.model)
        caller.check(model, self.catalogue)
        if call.wishes.fallbacks:
            names = tuple(map(caller.alias, call.wishes.fallbacks))
            for name in names:
                caller.check(name, self.catalogue)
            call = evolve(call, wishes=evolve(call.wishes, fallbacks=names))
        return call if model == call.model else evolve(call, model=model, body=None)

    async def _message(self, caller: Caller, call: Call) -> Result:
        asked: Asked | None = None

        async def ask(deployment: Deployment) -> Result:
            nonlocal asked
            if self._speaks_messages(deployment, call):
                asked = None
                return await self._provide(deployment, call)
            chat = as_chat(deployment, call)
            asked = chat.asked
            return await self._provide(deployment, chat.call)

        result = await self._metered(caller, call, ask)
        return result if asked is None else await as_message(result, asked, stream=call.stream)

    async def _respond(self, caller: Caller, call: Call) -> Result:
        turn = await begin_turn(caller, call, self._kept, self.catalogue, self._provide)
        return await turn.answer(await self._metered(caller, turn.call, turn.ask, turn.only))

    async def kept_response(self, caller: Caller, ask: KeptAsk) -> Result:
        """
        Answer what is asked of a response that is kept: here, or by who made it.

        @raise GatewayError: It gives no result.
        """
        kept = await self._kept.find(caller, ask.response_id)
        if kept.deployment is None:
            return await answer_kept(self._kept, kept, ask)
        keeper = keeper_of(self.catalogue, kept)
        result = await IResponsesProvider(self._provider(keeper)).ask_kept(keeper, ask)
        if ask.deletes:
            await self._kept.forget(kept)
        return _with_told_end(result)

    async def count_tokens(self, caller: Caller, call: Call, request: PromptRequest) -> Result:
        """
        Count a prompt's tokens: by the provider, where it speaks Anthropic's API itself.

        @param request: The call's request.
        @raise GatewayError: It gives no result.
        """
        call = self._meant(caller, call)
        deployments = self.catalogue.find(call.model)
        if not any(self._speaks_messages(each, call) for each in deployments):
            return _counted(request, deployments[0])

        async def ask(deployment: Deployment) -> Result:
            if not self._speaks_messages(deployment, call):
                return _counted(request, deployment)
            provider = IMessagesProvider(self._provider(deployment))
            return await provider.count_tokens(deployment, call)

        # Counting is free.
        return _finished(await self.router.route(call.model, ask))

    def _speaks_messages(self, deployment: Deployment, call: Call) -> bool:
        mocked = call.mock_response is not None or deployment.mock_response is not None
        return not mocked and IMessagesProvider.providedBy(self._provider(deployment))

    async def call_form(self, caller: Caller, call: FormCall) -> Result:
        """
        Answer a call with files.

        @raise GatewayError: It gives no result.
        """
        call = evolve(call, model=caller.alias(call.model))
        caller.check(call.model, self.catalogue)
        return await self._metered(caller, call, lambda each: self._provide(each, call))

    async def call_deployment(self, deployment: Deployment, call: Call) -> Result:
        """
        Have one deployment answer a call, whatever is known of it.

        @raise GatewayError: It gives no result.
        """
        return await self._provide(deployment, call)

    async def call_form_deployment(self, deployment: Deployment, call: FormCall) -> Result:
        """
        Have one deployment answer a call with files, whatever is known of it.

        @raise GatewayError: It gives no result.
        """
        return await self._provide(deployment, call)

    async def _metered(
        self,
        caller: Caller,
        call: Call | FormCall,
        ask: Ask,
        only: Deployment | None = None,
    ) -> Result:
        wishes = call.wishes if isinstance(call, Call) else NO_WISHES

        def reachable() -> Sequence[Deployment]:
            return self.router.reachable(call.model, wishes) if only is None else [only]

        visit = await self._meter.admit(caller, call, reachable)
        try:
            if only is None:
                answer = await self.router.route(call.model, ask, wishes)
            else:
                answer = await self.router.route_to(only, ask, wishes)
        except BaseException:
            visit.failed()
            raise
        told = visit.answered(answer.result, answer.deployment, answer.reader)
        return _finished(answer, told)

    async def _provide(self, deployment: Deployment, call: Call | FormCall) -> Result:
        response = call.mock_response or deployment.mock_response
        if response is not None:
            return mock(call, response, int(self._clock.seconds()))
        provider = self._provider(deployment)
        if isinstance(call, FormCall):
            return await provider.call_form(deployment, call)
        seconds = call.wishes.timeout
        if seconds is not None:
            deployment = evolve(deployment, timeout=seconds, stream_timeout=seconds)
        if deployment.defaults and call.task in _DEFAULTED:
            call = call.with_defaults(deployment.defaults)
        return await provider.call(deployment, call)

    def _provider(self, deployment: Deployment) -> IProvider:
        return self._providers[entry_of(deployment.provider)]


def _with_told_end(result: Result) -> Result:
    if result.is_events and not isinstance(result.body, bytes):
        return evolve(result, body=EventStream(result.body, result.described))
    return result


def _counted(request: PromptRequest, deployment: Deployment) -> Result:
    return Result(msgspec.json.encode({"input_tokens": count_tokens(request, deployment)}))


def _finished(answer: Answer, told: Headers = ()) -> Result:
    """
    An answer for the caller.

    @param told: Header fields beside those of its way.
    """
    result = _with_told_end(answer.result)
    return evolve(result, headers=(*result.headers, *_headers(answer), *told))


def call_id_field(call_id: str) -> tuple[bytes, bytes]:
    """The id of a request, where LiteLLM's clients look for it."""
    return b"x-litellm-call-id", call_id.encode("ascii")


def _call_id() -> Headers:
    call_id = current_request_id.get()
    return () if call_id is None else (call_id_field(call_id),)


def _headers(answer: Answer) -> Headers:
    # LiteLLM's: https://docs.litellm.ai/docs/proxy/response_headers
    deployment = answer.deployment
    fields = [
        (_MODEL_ID, deployment.id.encode("utf-8")),
        (b"x-litellm-attempted-retries", b"%d" % answer.retries),
        (b"x-litellm-attempted-fallbacks", b"%d" % answer.fallbacks),
        *_call_id(),
    ]
    if deployment.origin is not None:
        fields.append((b"x-litellm-model-api-base", _url(deployment.origin, deployment.path)))
    return tuple(fields)


def _url(origin: Origin, path: str) -> bytes:
    return f"{origin.scheme}://".encode("ascii") + origin.authority + path.encode("ascii")
