"""The C{anthropic/} provider."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from zope.interface import implementer

from twisted_aigate.gateway.calls import Call, Result, Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.providers.anthropic.answer import chat_answer
from twisted_aigate.gateway.providers.anthropic.native import NativeStream
from twisted_aigate.gateway.providers.anthropic.request import (
    TAKEN,
    answers_by_tool,
    message_request,
)
from twisted_aigate.gateway.providers.anthropic.stream import EventReader, stream_error
from twisted_aigate.gateway.providers.chats.answer import Chunks, Envelope
from twisted_aigate.gateway.providers.chats.models import Chat
from twisted_aigate.gateway.providers.chats.provider import TranslatingProvider
from twisted_aigate.gateway.providers.interface import IMessagesProvider
from twisted_aigate.gateway.providers.upstream import broken
from twisted_aigate.http_client.messages import Fields

_VERSION = (b"anthropic-version", b"2023-06-01")
_PATH_END = re.compile(r"(/v1)?(/messages)?$")
_MESSAGES = "/v1/messages"


@implementer(IMessagesProvider)
class AnthropicProvider(TranslatingProvider):
    """Anthropic's Messages API: for chats translated, for messages as it is."""

    taken = TAKEN

    async def call(self, deployment: Deployment, call: Call) -> Result:
        """See L{twisted_aigate.gateway.providers.interface.IProvider}."""
        if call.task is Task.MESSAGES:
            return await self._native(deployment, call, _MESSAGES)
        return await super().call(deployment, call)

    async def count_tokens(self, deployment: Deployment, call: Call) -> Result:
        """See L{IMessagesProvider}."""
        return await self._native(deployment, call, f"{_MESSAGES}/count_tokens")

    async def _native(self, deployment: Deployment, call: Call, path: str) -> Result:
        request = self.outgoing(
            deployment, call, _target(deployment, path), call.body_for(deployment.model)
        )
        response = await self._upstream.send(deployment, request, stream=call.stream)
        content_type = response.field(b"content-type") or b"application/json"
        describe = partial(broken, deployment)
        if call.stream:
            body = NativeStream(response, describe, partial(stream_error, deployment))
            return Result(body, content_type, describe=describe)
        whole = response.whole()
        return Result(response if whole is None else whole, content_type, describe=describe)

    def identification(self, deployment: Deployment, call: Call) -> Fields:
        """See L{TranslatingProvider}: the version of the API is the caller's, if it speaks it."""
        key = deployment.api_key
        fields = call.protocol_headers if call.task is Task.MESSAGES else ()
        given = (*fields, *deployment.headers, *call.extra_headers)
        if all(name.lower() != _VERSION[0] for name, _ in given):
            fields = (_VERSION, *fields)
        return (*fields, (b"x-api-key", key.reveal().encode("ascii"))) if key else fields

    def target(self, deployment: Deployment, *, stream: bool) -> bytes:
        """See L{TranslatingProvider}."""
        return _target(deployment, _MESSAGES)

    async def request(self, deployment: Deployment, chat: Chat) -> dict[str, Any]:
        """See L{TranslatingProvider}."""
        return message_request(deployment, chat)

    def answer(self, deployment: Deployment, envelope: Envelope, chat: Chat, body: bytes) -> bytes:
        """See L{TranslatingProvider}."""
        return chat_answer(body, envelope, by_tool=answers_by_tool(deployment, chat))

    def reader(self, deployment: Deployment, chat: Chat, chunks: Chunks) -> EventReader:
        """See L{TranslatingProvider}."""
        return EventReader(deployment, chunks, by_tool=answers_by_tool(deployment, chat))


def _target(deployment: Deployment, path: str) -> bytes:
    # The base may be written with the API's own path, or without.
    return (_PATH_END.sub("", deployment.path) + path).encode("ascii")
