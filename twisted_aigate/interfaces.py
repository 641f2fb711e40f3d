"""What one tree offers another: handed over where the trees are built, imported by neither."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen
from twisted.web.iweb import IBodyProducer
from zope.interface import Interface


class ModelError(Exception):
    """
    A chat model gave no answer.

    @ivar status: The HTTP status that says it best.
    @ivar message: What is wrong, for the person who asked.
    @ivar retry_after: Seconds after which it is worth another try, when that is known.
    """

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.retry_after = retry_after


@frozen
class ChatAnswer:
    """
    A chat model's answer.

    @ivar body: A C{chat.completion} object of OpenAI's API as JSON, or a push producer of
        server-sent events.
    """

    body: bytes | IBodyProducer


class IChatModels(Interface):
    """Models that answer OpenAI's chat completions in this process."""

    async def chat(body: bytes, headers: Mapping[str, str]) -> ChatAnswer:  # noqa: N805
        """
        Answer. Cancelling it, or stopping the answer's producer, ends the work.

        @param body: The request, as JSON.
        @param headers: Header fields that go with it, by their lower-case names.
        @raise ModelError: There is no answer.
        """
