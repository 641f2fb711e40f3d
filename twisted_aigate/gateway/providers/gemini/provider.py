"""The C{gemini/} provider."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.interfaces import IReactorTime

from twisted_aigate.gateway.calls import Call, Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.providers.chats.answer import Chunks, Envelope
from twisted_aigate.gateway.providers.chats.embeddings import translate_embeddings
from twisted_aigate.gateway.providers.chats.models import Chat
from twisted_aigate.gateway.providers.chats.provider import TranslatingProvider
from twisted_aigate.gateway.providers.gemini.answer import chat_answer
from twisted_aigate.gateway.providers.gemini.contents import linked_images
from twisted_aigate.gateway.providers.gemini.embeddings import GeminiEmbeddings
from twisted_aigate.gateway.providers.gemini.generated_images import image_exchange
from twisted_aigate.gateway.providers.gemini.images import Fetch, fetched_images
from twisted_aigate.gateway.providers.gemini.refusal import read_refusal
from twisted_aigate.gateway.providers.gemini.request import TAKEN, content_request, target_of
from twisted_aigate.gateway.providers.gemini.stream import PieceReader
from twisted_aigate.gateway.providers.upstream import Upstream
from twisted_aigate.http_client.messages import Fields


class GeminiProvider(TranslatingProvider):
    """
    The Gemini API.

    @param upstream: Asks it.
    @param fetch: Fetches images that are elsewhere.
    @param clock: Tells the time (Unix time).
    """

    taken = TAKEN
    refusal = staticmethod(read_refusal)

    def __init__(self, upstream: Upstream, fetch: Fetch, clock: IReactorTime) -> None:
        super().__init__(upstream, clock)
        self._fetch = fetch
        self.exchanges = {
            Task.EMBEDDING: translate_embeddings(GeminiEmbeddings()),
            Task.IMAGE: partial(image_exchange, clock),
        }

    def streamed(self, body: dict[str, object], stream: bool) -> dict[str, object]:
        """See L{TranslatingProvider}: the path says it."""
        return body

    def identification(self, deployment: Deployment, call: Call) -> Fields:
        """See L{TranslatingProvider}."""
        key = deployment.api_key
        return ((b"x-goog-api-key", key.reveal().encode("ascii")),) if key is not None else ()

    def target(self, deployment: Deployment, *, stream: bool) -> bytes:
        """See L{TranslatingProvider}."""
        return target_of(
            deployment, "streamGenerateContent?alt=sse" if stream else "generateContent"
        )

    async def request(self, deployment: Deployment, chat: Chat) -> dict[str, Any]:
        """See L{TranslatingProvider}."""
        fetched = await fetched_images(linked_images(chat.messages), self._fetch)
        return content_request(deployment, chat, fetched)

    def answer(self, deployment: Deployment, envelope: Envelope, chat: Chat, body: bytes) -> bytes:
        """See L{TranslatingProvider}."""
        return chat_answer(deployment, body, envelope)

    def reader(self, deployment: Deployment, chat: Chat, chunks: Chunks) -> PieceReader:
        """See L{TranslatingProvider}."""
        return PieceReader(deployment, chunks)
