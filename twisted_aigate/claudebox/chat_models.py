"""Claude Code as chat models of the gateway."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from zope.interface import implementer

from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.openai.chat import Chat, chat_options
from twisted_aigate.claudebox.openai.models import ChatRequest
from twisted_aigate.interfaces import ChatAnswer, IChatModels, ModelError

_decoder = msgspec.json.Decoder(ChatRequest)


@implementer(IChatModels)
class ClaudeModels:
    """
    The models of an instance.

    @param chat: What answers.
    """

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    async def chat(self, body: bytes, headers: Mapping[str, str]) -> ChatAnswer:
        """See L{IChatModels}."""
        try:
            request = _decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ModelError(400, f"Claude Code cannot take the request: {error}.") from None
        try:
            return ChatAnswer(await self._chat.answer(request, chat_options(headers)))
        except ClaudeboxError as error:
            raise ModelError(error.status, error.detail, error.retry_after) from None
