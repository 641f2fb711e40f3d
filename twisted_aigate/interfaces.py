"""What one tree offers another: handed over where the trees are built, imported by neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
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


class Posts(Protocol):
    """Answers C{POST} requests in this process, as they would be answered to an HTTP client."""

    def post(
        self,
        target: bytes,
        fields: tuple[tuple[bytes, bytes], ...],
        client: str,
        body: IBodyProducer,
        begin: Callable[[int, tuple[tuple[bytes, bytes], ...]], None],
        consumer: IConsumer,
    ) -> Deferred[bool]:
        """
        Answer.

        @param target: The request target: path and query.
        @param fields: The header fields, by their lower-case names, without those that frame the
            message.
        @param client: The client's address.
        @param body: The body, of a known length; it is stopped when its rest is not wanted.
        @param begin: Called with the response's status and header fields.
        @param consumer: What the response's body is written to.
        @return: Fires when the response is over; false: it was cut off in the middle. Cancelling it
            is the client's leaving.
        """
