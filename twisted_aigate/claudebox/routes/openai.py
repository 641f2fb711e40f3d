"""OpenAI's protocol over HTTP."""

from __future__ import annotations

import msgspec

from twisted_aigate.claudebox.openai.chat import Chat, chat_options
from twisted_aigate.claudebox.openai.models import MODELS, ChatRequest
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.json_body import parse
from twisted_aigate.web.reply import JSON, Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router

_decoder = msgspec.json.Decoder(ChatRequest)


class OpenAIRoutes:
    """
    C{/openai/v1} over L{Chat}.

    @param chat: What answers.
    @param max_body: The most bytes of a request; 0: no limit.
    @param started_at: When the models came to be, in seconds of Unix time.
    """

    def __init__(self, chat: Chat, max_body: int, started_at: int) -> None:
        self._chat = chat
        self._max_body = max_body
        self._started_at = started_at

    def add_to(self, router: Router, authorise: Authorise[None]) -> None:
        """Add the routes."""
        router.add("GET", "/openai/v1/models", self._models, authorise)
        router.add("POST", "/openai/v1/chat/completions", self._complete, authorise)

    async def _models(self, request: Request, caller: None) -> Reply:
        listed = [
            {"id": name, "object": "model", "created": self._started_at, "owned_by": "anthropic"}
            for name in MODELS
        ]
        return json_reply({"object": "list", "data": listed})

    async def _complete(self, request: Request, caller: None) -> Reply:
        asked = parse(_decoder, await request.body.read(self._max_body))
        # The run has a time-out of its own.
        request.be_patient()
        answer = await self._chat.answer(asked, chat_options(_fields(request)))
        return Reply(answer, b"text/event-stream" if asked.stream else JSON)


def _fields(request: Request) -> dict[str, str]:
    return {
        name.decode("latin-1"): value.decode("utf-8", "replace") for name, value in request.fields
    }
