"""
From llama.cpp's events to answers of OpenAI's exact shape, streamed or whole.

A generation always streams inside the worker, so that it can be cancelled; a request that did not
ask for it gets the sum of the events.
"""

from __future__ import annotations

import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final

import msgspec

from twisted_aigate.gateway.local.engines import Reply
from twisted_aigate.gateway.local.engines.events import Choice, Event, Logprobs, Usage
from twisted_aigate.gateway.local.engines.tools import ToolCalls


class Answer(ABC):
    """
    The answer to one request in the making; C{take} is called in order, from one thread at a time.

    @cvar kind: The C{object} of a whole answer.
    @cvar part: The C{object} of an event of a stream.
    """

    kind: str
    part: str
    prefix: str

    def __init__(self, request: Mapping[str, object], reply: Reply) -> None:
        options = request.get("stream_options")
        self._reply = reply
        self._streams: Final = request.get("stream") is True
        self._with_usage: Final = isinstance(options, dict) and options.get("include_usage") is True
        self._model: Final = request.get("model", "local")
        self._id: Final = f"{self.prefix}{uuid.uuid4().hex}"
        self._created: Final = int(time.time())
        self._started = False
        self._usages: list[Usage] = []

    def take(self, event: Event) -> None:
        """One event of the generation."""
        if event.usage is not None:
            self._usages.append(event.usage)
        for choice in event.choices:
            self._take(choice)

    def finish(self) -> None:
        """The generation is over: send what is left."""
        if not self._streams:
            choices = [choice for _, choice in sorted(self._whole().items())]
            self._send(self.kind, choices, {"usage": self._usage()})
        elif self._with_usage:
            self._send(self.part, [], {"usage": self._usage()})

    def _event(self, choice: dict[str, object]) -> None:
        """Stream one choice's news."""
        self._send(self.part, [choice], {"usage": None} if self._with_usage else {})

    def _send(
        self, kind: str, choices: list[dict[str, object]], more: Mapping[str, object]
    ) -> None:
        if not self._started:
            self._started = True
            self._reply.head("text/event-stream" if self._streams else "application/json")
        answer = {"id": self._id, "object": kind, "created": self._created, "model": self._model}
        self._reply.chunk(msgspec.json.encode({**answer, "choices": choices, **more}))

    def _usage(self) -> dict[str, object]:
        prompt = self._prompt_tokens(self._usages)
        completion = sum(usage.completion_tokens for usage in self._usages)
        cached = min(
            (usage.prompt_tokens_details.cached_tokens for usage in self._usages), default=0
        )
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": cached},
        }

    @abstractmethod
    def _take(self, choice: Choice) -> None:
        """Stream a choice's news, or keep it."""

    @abstractmethod
    def _whole(self) -> dict[int, dict[str, object]]:
        """The choices of an answer that was not streamed, by their index."""

    @abstractmethod
    def _prompt_tokens(self, usages: list[Usage]) -> int:
        """The tokens of all prompts, each counted once however many choices it has."""


class ChatAnswer(Answer):
    """
    A chat's answer.

    @param calls: How to read tool calls. With tools a choice is held back until it is complete, for
        only then is it known whether it is a call.
    """

    kind = "chat.completion"
    part = "chat.completion.chunk"
    prefix = "chatcmpl-"

    def __init__(
        self, request: Mapping[str, object], reply: Reply, calls: ToolCalls | None
    ) -> None:
        super().__init__(request, reply)
        self._calls = calls
        self._kept: dict[int, _ChatChoice] = {}

    def _take(self, choice: Choice) -> None:
        kept = self._kept.get(choice.index)
        if kept is None:
            kept = self._kept[choice.index] = _ChatChoice()
            if self._streams:
                self._delta(choice.index, {"role": "assistant", "content": ""})
        kept.add(choice)
        if not self._streams:
            return
        if self._calls is None:
            if choice.delta.content or choice.logprobs:
                self._delta(choice.index, {"content": choice.delta.content or ""}, choice.logprobs)
        elif choice.finish_reason:
            message = kept.message(self._calls)
            self._delta(
                choice.index,
                {k: v for k, v in message.items() if k != "role" and v is not None},
                kept.logprobs,
            )
        if choice.finish_reason:
            self._delta(choice.index, {}, None, kept.reason(self._calls))

    def _delta(
        self,
        index: int,
        delta: Mapping[str, object],
        logprobs: Logprobs | None = None,
        finish_reason: str | None = None,
    ) -> None:
        self._event(
            {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
        )

    def _whole(self) -> dict[int, dict[str, object]]:
        return {
            index: {
                "index": index,
                "message": _without_index(kept.message(self._calls)) | {"refusal": None},
                "logprobs": kept.logprobs,
                "finish_reason": kept.reason(self._calls),
            }
            for index, kept in self._kept.items()
        }

    def _prompt_tokens(self, usages: list[Usage]) -> int:
        return max((usage.prompt_tokens for usage in usages), default=0)


class _ChatChoice:
    """What a choice has said so far."""

    def __init__(self) -> None:
        self._text = ""
        self.logprobs: Logprobs | None = None
        self._reason: str | None = None

    def add(self, choice: Choice) -> None:
        self._text += choice.delta.content or ""
        self._reason = choice.finish_reason or self._reason
        if choice.logprobs is not None:
            self.logprobs = self.logprobs or Logprobs()
            self.logprobs.content += choice.logprobs.content

    def message(self, calls: ToolCalls | None) -> dict[str, object]:
        found = calls.read(self._text) if calls is not None else []
        if not found:
            return {"role": "assistant", "content": self._text}
        return {"role": "assistant", "content": None, "tool_calls": found}

    def reason(self, calls: ToolCalls | None) -> str | None:
        return "tool_calls" if calls is not None and calls.read(self._text) else self._reason


def _without_index(message: dict[str, object]) -> dict[str, object]:
    # A call's index belongs to the stream alone.
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [{k: v for k, v in call.items() if k != "index"} for call in calls]
    return message
