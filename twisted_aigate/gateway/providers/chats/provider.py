"""The way of a chat to a provider that speaks a language of its own, and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import msgspec
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from twisted_aigate.gateway.calls import Call, FormCall, Result, Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.events import EVENT_STREAM
from twisted_aigate.gateway.providers.chats.answer import Chunks, Envelope
from twisted_aigate.gateway.providers.chats.exchange import Exchange, Translate
from twisted_aigate.gateway.providers.chats.models import Chat, StreamOptions, decoded, read_chat
from twisted_aigate.gateway.providers.chats.stream import Reader, TranslatedStream, Translation
from twisted_aigate.gateway.providers.interface import IProvider
from twisted_aigate.gateway.providers.parameters import Taken, own_fields, translated_fields
from twisted_aigate.gateway.providers.upstream import (
    ReadRefusal,
    Upstream,
    broken,
    read_refusal,
    unreadable,
    whole,
)
from twisted_aigate.http_client import OutgoingRequest
from twisted_aigate.http_client.messages import Fields

_JSON_FIELD = (b"Content-Type", b"application/json")
_options = msgspec.json.Decoder(StreamOptions | None)


@implementer(IProvider)
class TranslatingProvider(ABC):
    """
    Asks a provider in its own language.

    @param upstream: Asks it.
    @param clock: Tells the time (Unix time).
    @cvar taken: The parameters of a chat that it takes.
    @cvar refusal: Reads what it says in place of an answer.
    @ivar exchanges: What it answers beside chats.
    """

    taken: Taken
    exchanges: Mapping[Task, Translate] = {}
    refusal: ReadRefusal = staticmethod(read_refusal)

    def __init__(self, upstream: Upstream, clock: IReactorTime) -> None:
        self._upstream = upstream
        self._clock = clock

    async def call(self, deployment: Deployment, call: Call) -> Result:
        """See L{IProvider}."""
        try:
            if call.task is Task.CHAT:
                return await self._chat(deployment, call)
            translate = self.exchanges.get(call.task)
            if translate is not None:
                return await self._exchange(deployment, call, translate(deployment, call))
        except RecursionError:
            raise GatewayError(400, "The request is nested too deeply.") from None
        raise unanswered(deployment, call.task)

    async def call_form(self, deployment: Deployment, call: FormCall) -> Result:
        """See L{IProvider}."""
        raise unanswered(deployment, call.task)

    async def _exchange(self, deployment: Deployment, call: Call, exchange: Exchange) -> Result:
        request = self.outgoing(deployment, call, exchange.target, exchange.body)
        response = await self._upstream.send(
            deployment, request, stream=False, refusal=self.refusal
        )
        answer = await whole(deployment, response)
        try:
            return Result(exchange.answer(answer))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise unreadable(deployment, error) from None

    async def _chat(self, deployment: Deployment, call: Call) -> Result:
        chat = read_chat(translated_fields(deployment, call, self.taken))
        own = own_fields(deployment, call, self.taken)
        body = {**await self.request(deployment, chat), **own}
        target = self.target(deployment, stream=call.stream)
        request = self.outgoing(deployment, call, target, self.streamed(body, call.stream))
        response = await self._upstream.send(
            deployment, request, stream=call.stream, refusal=self.refusal
        )
        envelope = Envelope(call.model, int(self._clock.seconds()))
        if not call.stream:
            answer = await whole(deployment, response)
            try:
                return Result(self.answer(deployment, envelope, chat, answer))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise unreadable(deployment, error) from None
        chunks = Chunks(envelope, _wants_usage(call))
        translation = Translation(deployment, self.reader(deployment, chat, chunks))
        body_stream = TranslatedStream(response, translation)
        return Result(body_stream, EVENT_STREAM, describe=lambda error: broken(deployment, error))

    def outgoing(
        self, deployment: Deployment, call: Call, target: bytes, body: object
    ) -> OutgoingRequest:
        """A request to the provider."""
        fields = (
            _JSON_FIELD,
            *self.identification(deployment, call),
            *deployment.headers,
            *call.extra_headers,
        )
        encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return OutgoingRequest(b"POST", target, fields, encoded)

    def streamed(self, body: dict[str, object], stream: bool) -> dict[str, object]:
        """The body that says whether it wants events."""
        return {**body, "stream": True} if stream else body

    @abstractmethod
    def identification(self, deployment: Deployment, call: Call) -> Fields:
        """The header fields that say who asks, and in which version of the API."""

    @abstractmethod
    def target(self, deployment: Deployment, *, stream: bool) -> bytes:
        """The path, and query, that a chat is asked at."""

    @abstractmethod
    async def request(self, deployment: Deployment, chat: Chat) -> dict[str, object]:
        """
        The provider's request for a chat.

        @raise GatewayError: 400: it cannot take the chat.
        """

    @abstractmethod
    def answer(self, deployment: Deployment, envelope: Envelope, chat: Chat, body: bytes) -> bytes:
        """
        OpenAI's answer for the provider's.

        @raise GatewayError: It says that the call fails.
        @raise msgspec.MsgspecError: It is not of the provider's form.
        """

    @abstractmethod
    def reader(self, deployment: Deployment, chat: Chat, chunks: Chunks) -> Reader:
        """What makes OpenAI's chunks of the provider's events."""


def _wants_usage(call: Call) -> bool:
    options = call.fields.get("stream_options")
    said = decoded(_options, options) if options is not None else None
    return said is not None and bool(said.include_usage)


def unanswered(deployment: Deployment, task: Task) -> GatewayError:
    """The provider has nothing for a task."""
    return GatewayError(
        400,
        f"{deployment.model_name} does not answer {task.value}: {deployment.provider} has no"
        " counterpart for it here.",
        param="model",
    )
