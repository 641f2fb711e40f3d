"""The C{cohere/} provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted_aigate.gateway.calls import Call, Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.providers.chats.answer import Chunks, Envelope
from twisted_aigate.gateway.providers.chats.embeddings import translate_embeddings
from twisted_aigate.gateway.providers.chats.exchange import Translate
from twisted_aigate.gateway.providers.chats.models import Chat
from twisted_aigate.gateway.providers.chats.provider import TranslatingProvider
from twisted_aigate.gateway.providers.cohere.answer import chat_answer
from twisted_aigate.gateway.providers.cohere.embeddings import CohereEmbeddings
from twisted_aigate.gateway.providers.cohere.request import TAKEN, chat_request, target_of
from twisted_aigate.gateway.providers.cohere.rerank import rerank_exchange
from twisted_aigate.gateway.providers.cohere.stream import EventReader
from twisted_aigate.http_client.messages import Fields


class CohereProvider(TranslatingProvider):
    """Cohere's API."""

    taken = TAKEN
    exchanges: Mapping[Task, Translate] = {
        Task.EMBEDDING: translate_embeddings(CohereEmbeddings()),
        Task.RERANK: rerank_exchange,
    }

    def identification(self, deployment: Deployment, call: Call) -> Fields:
        """See L{TranslatingProvider}."""
        key = deployment.api_key
        if key is None:
            return ()
        return ((b"Authorization", b"Bearer " + key.reveal().encode("ascii")),)

    def target(self, deployment: Deployment, *, stream: bool) -> bytes:
        """See L{TranslatingProvider}."""
        return target_of(deployment, "/v2/chat")

    async def request(self, deployment: Deployment, chat: Chat) -> dict[str, Any]:
        """See L{TranslatingProvider}."""
        return chat_request(deployment.model, chat)

    def answer(self, deployment: Deployment, envelope: Envelope, chat: Chat, body: bytes) -> bytes:
        """See L{TranslatingProvider}."""
        return chat_answer(deployment, body, envelope)

    def reader(self, deployment: Deployment, chat: Chat, chunks: Chunks) -> EventReader:
        """See L{TranslatingProvider}."""
        return EventReader(deployment, chunks)
