"""
The request of OpenAI's C{POST /chat/completions} as a typed model.

Fields that are not named here are accepted and ignored: Claude Code has its own tools, and sets its
own limits.
Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct

from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.models import Effort

MODELS = ("haiku", "sonnet", "opus", "opusplan")
"""Claude Code's names for the newest model of each size; C{opusplan} plans with opus alone."""

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]

_EFFORTS: dict[str, Effort] = {
    "none": "low", "minimal": "low", "low": "low", "medium": "medium", "high": "high",
    "xhigh": "max", "max": "max",
}  # fmt: skip
_PREFIXES = ("claudebox/", "claudebox-zai/", "anthropic/")
_NAME = re.compile(r"[A-Za-z0-9][!-~]{0,255}")


class ImageURL(Struct, frozen=True):
    """Where an image is: a data URL, or one of C{http} or C{https}."""

    url: str


class Part(Struct, frozen=True):
    """A part of a message's content; which field is set depends on the type."""

    type: str
    text: str | None = None
    image_url: str | ImageURL | None = None
    refusal: str | None = None


class FunctionCall(Struct, frozen=True):
    """What a function is called with, in JSON as the model wrote it."""

    name: str
    arguments: str = ""


class CustomCall(Struct, frozen=True):
    """What a tool without a schema is called with."""

    name: str
    input: str = ""


class ToolCall(Struct, frozen=True):
    """A tool that an assistant has called."""

    id: str = ""
    function: FunctionCall | None = None
    custom: CustomCall | None = None


class Message(Struct, frozen=True):
    """One message of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None


class StreamOptions(Struct, frozen=True):
    """What a stream carries beside its chunks."""

    include_usage: bool | None = None


class ChatRequest(Struct, frozen=True):
    """C{POST /chat/completions}."""

    model: Annotated[str, Meta(min_length=1)]
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    reasoning_effort: ReasoningEffort | None = None

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with the usage."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    @property
    def effort(self) -> Effort | None:
        """The level of Claude Code's that comes nearest to what was asked for."""
        return None if self.reasoning_effort is None else _EFFORTS[self.reasoning_effort]


def model_name(text: str) -> str:
    """
    A model's name as Claude Code knows it.

    @param text: A name of L{MODELS} behind any provider's prefix, or a full name.
    @raise ClaudeboxError: 400: it is no model's name.
    """
    name = text.rpartition("/")[2]
    if name not in MODELS:
        name = text
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
    if not _NAME.fullmatch(name):
        raise ClaudeboxError(400, f"Invalid value for 'model': {text!r} is no model's name.")
    return name
