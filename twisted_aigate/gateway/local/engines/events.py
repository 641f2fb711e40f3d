"""llama.cpp's events while it generates: the fields that are used, and so none of its extras."""

from __future__ import annotations

import msgspec


class TokenLogprob(msgspec.Struct):
    """A token that could have come."""

    token: str
    logprob: float
    bytes: list[int] | None = None


class ChosenLogprob(TokenLogprob):
    """The token that came, with the likeliest at its place."""

    top_logprobs: list[TokenLogprob] = []


class Logprobs(msgspec.Struct):
    """A chat choice's tokens; llama.cpp gives the same shape for completions."""

    content: list[ChosenLogprob] = []
    refusal: None = None


class Delta(msgspec.Struct, frozen=True):
    """The new text of a chat choice."""

    content: str | None = None


class Choice(msgspec.Struct, frozen=True):
    """A choice of an event: C{delta} in a chat, C{text} in a completion."""

    index: int = 0
    delta: Delta = Delta()
    text: str = ""
    logprobs: Logprobs | None = None
    finish_reason: str | None = None


class CachedTokens(msgspec.Struct, frozen=True):
    """The part of a prompt that was still in the slot."""

    cached_tokens: int = 0


class Usage(msgspec.Struct, frozen=True):
    """What one choice took."""

    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: CachedTokens = CachedTokens()


class Trouble(msgspec.Struct, frozen=True):
    """What stands in place of an answer."""

    code: int = 500
    message: str = "The model failed."
    type: str = "server_error"
    n_prompt_tokens: int = 0
    n_ctx: int = 0


class Progress(msgspec.Struct, frozen=True):
    """How far a prompt is read, in tokens."""

    processed: int = 0


class Event(msgspec.Struct, frozen=True):
    """One event; with C{prompt_progress} it only says that the prompt is still being read."""

    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    error: Trouble | None = None
    prompt_progress: Progress | None = None


_decoder = msgspec.json.Decoder(Event | None)


def decode(data: bytes) -> Event:
    """An event of its JSON; with several prompts, llama.cpp starts with a C{null}."""
    return _decoder.decode(data) or Event()
