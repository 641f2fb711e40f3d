"""A chat's answers, whole and in chunks: the fields that are used."""

from __future__ import annotations

from typing import Any

import msgspec

FIELDS = ("reasoning_content", "reasoning")
"""The fields that OpenAI-shaped providers have for what a model thinks."""


class Part(msgspec.Struct):
    """A part of a content."""

    type: str
    text: str = ""


class Function(msgspec.Struct):
    """What is called; in a chunk the next of it."""

    name: str | None = None
    arguments: str | None = None


class ToolCall(msgspec.Struct):
    """A call of a tool; in a chunk the next of the call with that index."""

    id: str | None = None
    index: int | None = None
    function: Function = msgspec.field(default_factory=Function)


class Said(msgspec.Struct):
    """What the model said; in a chunk the next of it."""

    content: str | list[Part] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCall] | None = None

    @property
    def words(self) -> str:
        """What it said, without a refusal."""
        content = self.content or ""
        if isinstance(content, str):
            return content
        return "".join(part.text for part in content if part.type == "text")

    @property
    def text(self) -> str:
        """What it said in words, a refusal too."""
        return self.words + (self.refusal or "")

    @property
    def thought(self) -> tuple[str, str]:
        """The field that a thought came in, and the thought."""
        return next(
            ((field, text) for field in FIELDS if (text := getattr(self, field))), (FIELDS[0], "")
        )

    @property
    def pieces(self) -> list[str]:
        """All of it, for its size."""
        calls = [call.function.arguments or "" for call in self.tool_calls or ()]
        return [self.thought[1], self.text, *calls]


class Choice(msgspec.Struct):
    """
    A choice.

    @ivar stop_reason: vLLM's word for the stop sequence that was met.
    @ivar matched_stop: SGLang's.
    @ivar logprobs: The tokens with their probabilities, in OpenAI's form or another.
    """

    message: Said | None = None
    delta: Said | None = None
    finish_reason: str | None = None
    stop_reason: Any = None
    matched_stop: Any = None
    logprobs: Any = None

    @property
    def said(self) -> Said:
        """What was said, or what was said next."""
        return self.message or self.delta or Said()


class PromptDetails(msgspec.Struct):
    """Of the prompt's tokens."""

    cached_tokens: int | None = None
    cache_creation_tokens: int | None = None


class CompletionDetails(msgspec.Struct):
    """Of the answer's tokens."""

    reasoning_tokens: int | None = None


class Usage(msgspec.Struct):
    """What it took."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


class Trouble(msgspec.Struct):
    """What stands in place of an answer."""

    message: str | None = None
    type: str | None = None
    code: Any = None


class Answer(msgspec.Struct):
    """An answer or a chunk of one."""

    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: Trouble | str | None = None

    @property
    def choice(self) -> Choice | None:
        """The only choice that is ever asked for; a chunk may have none."""
        return self.choices[0] if self.choices else None

    @property
    def trouble(self) -> Trouble | None:
        """What went wrong, if anything."""
        return Trouble(self.error) if isinstance(self.error, str) else self.error


decode = msgspec.json.Decoder(Answer).decode
"""Read an answer or a chunk."""
