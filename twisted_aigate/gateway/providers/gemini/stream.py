"""From the pieces of an answer of the Gemini API to a chat's chunks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.providers.chats.answer import Chunks
from twisted_aigate.gateway.providers.gemini.answer import Candidate, decode
from twisted_aigate.gateway.providers.gemini.outcome import UsageMetadata, blocked, finish_reason
from twisted_aigate.gateway.providers.gemini.refusal import read_refusal
from twisted_aigate.gateway.providers.upstream import refused


class _Failure(msgspec.Struct):
    error: Any = None


_failure = msgspec.json.Decoder(_Failure)


class PieceReader:
    """
    Reads the pieces of one answer.

    No event says that it is whole: it is when each of its candidates has ended and so has the
    stream.

    @param chunks: Makes the chat's chunks.
    @ivar over: The answer is whole.
    """

    def __init__(self, deployment: Deployment, chunks: Chunks) -> None:
        self.over = False
        self._deployment = deployment
        self._chunks = chunks
        self._usage = UsageMetadata()
        self._calls: dict[int, int] = {}
        self._ended: dict[int, str | None] = {}

    @property
    def begun(self) -> bool:
        """Whether any of it was passed on."""
        return self._chunks.begun

    def read(self, data: bytes) -> Iterator[bytes]:
        """See L{twisted_aigate.gateway.providers.chats.stream.Reader}."""
        if _failure.decode(data).error is not None:
            raise refused(self._deployment, 500, read_refusal(data))
        piece = decode(data)
        if piece.response_id is not None:
            self._chunks.start(piece.response_id)
        self._usage = piece.usage_metadata or self._usage
        feedback = piece.prompt_feedback
        if not piece.candidates and feedback is not None and feedback.block_reason:
            raise blocked(self._deployment, feedback)
        for candidate in piece.candidates:
            yield from self._said(candidate)

    def finish(self) -> Iterator[bytes]:
        """See L{twisted_aigate.gateway.providers.chats.stream.Reader}."""
        if not self._ended or any(reason is None for reason in self._ended.values()):
            return
        self.over = True
        for index, reason in self._ended.items():
            called = index in self._calls
            yield self._chunks.finish(finish_reason(reason, called=called), index)
        yield self._chunks.end(self._usage.fields)

    def _said(self, candidate: Candidate) -> Iterator[bytes]:
        index = candidate.index
        self._ended[index] = candidate.finish_reason or self._ended.get(index)
        if candidate.thought:
            yield self._chunks.delta({"reasoning_content": candidate.thought}, index)
        if candidate.text:
            yield self._chunks.delta({"content": candidate.text}, index)
        for call in candidate.calls:
            number = self._calls.get(index, 0)
            self._calls[index] = number + 1
            yield self._chunks.delta({"tool_calls": [{"index": number, **call}]}, index)
