"""The loop in chat completions whose caller reads the answer as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from attrs import evolve

from twisted_aigate.gateway.agent.body import Pipe
from twisted_aigate.gateway.agent.calling import Called, Outcome
from twisted_aigate.gateway.agent.chats import Chat
from twisted_aigate.gateway.agent.functions import Offer
from twisted_aigate.gateway.agent.pieces import Pieces
from twisted_aigate.gateway.agent.speaker import raw
from twisted_aigate.gateway.calls import Call, Result
from twisted_aigate.gateway.chat.answers import FIELDS
from twisted_aigate.gateway.chat.calls import whole
from twisted_aigate.gateway.errors import GatewayError, error_object
from twisted_aigate.gateway.events import DONE, DONE_DATA, event
from twisted_aigate.gateway.sse import EventParser, EventTooLarge

_SAME = ("id", "object", "created", "model")
"""What all chunks of an answer share."""


class StreamedChat(Chat):
    """
    A L{Speaker} whose caller reads the answer as it comes.

    @param pipe: The way to the caller.
    """

    def __init__(
        self, call: Call, offer: Offer, others: Sequence[dict[str, Any]], pipe: Pipe
    ) -> None:
        super().__init__(call, offer, others)
        given = call.fields.get("stream_options")
        options = (None if given is None else msgspec.json.decode(given)) or {}
        self._wants_usage = bool(options.get("include_usage"))
        self._options = {**options, "include_usage": True}
        self._pipe = pipe
        self._head: dict[str, Any] | None = None
        self._begun = False
        self._failed = False
        self._begin_turn()

    def _begin_turn(self) -> None:
        self._parser = EventParser()
        self._pieces = Pieces(self.offer)
        self._text: dict[str, list[str]] = {}
        self._reason: str | None = None
        self._usage: Any = None

    def next_call(self, *, may_call: bool) -> Call:
        """See L{Speaker}."""
        call = super().next_call(may_call=may_call)
        return evolve(call, fields={**call.fields, "stream_options": raw(self._options)})

    async def hear(self, result: Result) -> list[Called]:
        """See L{Speaker}."""
        self._begin_turn()
        if result.is_events:
            await self._pipe.read(result.body, self._feed)
        else:
            self._take(await whole(result.body))
        self.count(self._usage)
        if self._failed:
            return []
        said = {name: "".join(parts) or None for name, parts in self._text.items()}
        return self.heard({"content": None, **said}, self._pieces.whole(), self._reason)

    def _feed(self, piece: bytes) -> None:
        try:
            for data in self._parser.feed(piece):
                if data is None:
                    self._pipe.keep_alive()
                elif data != DONE_DATA and not self._failed:
                    self._take(data)
        except EventTooLarge:
            self.fail(GatewayError(502, "The provider's stream is not a chat's."))

    def _take(self, data: bytes) -> None:
        try:
            chunk = msgspec.json.decode(data, type=dict[str, Any])
            if chunk.get("error") is not None:
                self._failed = True
                self._pipe.write(event(data))
                return
            self._chunk(chunk)
        except (msgspec.MsgspecError, LookupError, TypeError, ValueError, AttributeError):
            self.fail(GatewayError(502, "The provider's stream is not a chat's."))

    def _chunk(self, chunk: dict[str, Any]) -> None:
        self._usage = chunk.pop("usage", None) or self._usage
        if self._head is None:
            self._head = {name: chunk[name] for name in _SAME if name in chunk}
            self._head["object"] = "chat.completion.chunk"
        if not chunk.get("choices"):
            return
        choice = dict(chunk["choices"][0])
        # A whole answer in place of a stream is one chunk.
        delta = dict(choice.pop("message", None) or choice.get("delta") or {})
        self._reason = choice.get("finish_reason") or self._reason
        for name in ("content", *FIELDS):
            if isinstance(delta.get(name), str):
                self._text.setdefault(name, []).append(delta[name])
        passed = self._pieces.take(delta.pop("tool_calls", None) or ())
        if passed:
            delta["tool_calls"] = passed
        if not self._begun:
            self._begun = True
            delta["provider_specific_fields"] = self.listing()
        else:
            # Clients put the pieces of a role together, too.
            delta.pop("role", None)
        if any(value not in (None, "") for value in delta.values()):
            self._say({**chunk, "choices": [{**choice, "delta": delta, "finish_reason": None}]})

    def _say(self, chunk: dict[str, Any]) -> None:
        self._pipe.write(event(msgspec.json.encode({**chunk, **(self._head or {})})))

    def told(self, called: Called, outcome: Outcome) -> None:
        """See L{Speaker}."""
        delta = {"provider_specific_fields": self.step(called, outcome)}
        self._say({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})

    async def finish(self) -> None:
        """See L{Speaker}."""
        if self._failed:
            return
        reason = self._reason
        if reason == "tool_calls" and not self._pieces.passed:
            reason = "stop"
        self._say({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        if self._wants_usage and self.usage is not None:
            self._say({"choices": [], "usage": self.usage})
        self._pipe.write(DONE)

    def fail(self, error: GatewayError) -> None:
        """See L{Speaker}."""
        self._failed = True
        said = error_object(error.status, error.message, error.param, error.code)
        self._pipe.write(event(said))

    def whole(self, result: Result) -> Result:
        """See L{Speaker}: nobody waits for it."""
        return result
