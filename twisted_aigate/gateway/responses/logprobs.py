"""Tokens with their probabilities, from a chat's form to that of the Responses API."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

Logprob = dict[str, Any]


class _Token(Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None

    def whole(self) -> Logprob:
        octets = self.bytes
        if octets is None:
            octets = list(self.token.encode("utf-8", "surrogatepass"))
        return {"token": self.token, "logprob": self.logprob, "bytes": octets}


class _Chosen(_Token):
    top_logprobs: list[_Token] = []


class _Logprobs(Struct):
    content: list[_Chosen] | None = None


def logprobs_of(said: Any) -> list[Logprob]:
    """
    The tokens of a text.

    @param said: What a choice says of them; nothing is made of what is not in OpenAI's form.
    """
    if said is None:
        return []
    try:
        tokens = msgspec.convert(said, _Logprobs).content or []
    except msgspec.ValidationError:
        return []
    return [
        {**token.whole(), "top_logprobs": [each.whole() for each in token.top_logprobs]}
        for token in tokens
    ]


def brief(logprobs: list[Logprob]) -> list[Logprob]:
    """The same as events have them: without the tokens' bytes."""
    return [
        {**_without_bytes(each), "top_logprobs": [*map(_without_bytes, each["top_logprobs"])]}
        for each in logprobs
    ]


def _without_bytes(token: Logprob) -> Logprob:
    return {name: value for name, value in token.items() if name != "bytes"}
