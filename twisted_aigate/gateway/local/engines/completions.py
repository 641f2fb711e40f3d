"""Answers to text completions, with the older shape of token probabilities that belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from twisted_aigate.gateway.local.engines import Reply
from twisted_aigate.gateway.local.engines.answers import Answer
from twisted_aigate.gateway.local.engines.events import Choice, Logprobs, Usage


class CompletionLogprobs(msgspec.Struct):
    """A completion choice's tokens, in parallel lists."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]

    def after(self, before: object) -> CompletionLogprobs:
        """These tokens behind those of an earlier event of the same choice."""
        if not isinstance(before, CompletionLogprobs):
            return self
        start = before.text_offset[-1] + len(before.tokens[-1]) if before.tokens else 0
        return CompletionLogprobs(
            before.tokens + self.tokens,
            before.token_logprobs + self.token_logprobs,
            before.top_logprobs + self.top_logprobs,
            before.text_offset + [start + offset for offset in self.text_offset],
        )


def completion_logprobs(given: Logprobs | None) -> CompletionLogprobs | None:
    """The older shape of the newer one."""
    if given is None:
        return None
    offsets, end = [], 0
    for each in given.content:
        offsets.append(end)
        end += len(each.token)
    return CompletionLogprobs(
        [each.token for each in given.content],
        [each.logprob for each in given.content],
        [{top.token: top.logprob for top in each.top_logprobs} for each in given.content],
        offsets,
    )


class CompletionAnswer(Answer):
    """A text completion's answer."""

    kind = part = "text_completion"
    prefix = "cmpl-"

    def __init__(self, request: Mapping[str, object], reply: Reply) -> None:
        super().__init__(request, reply)
        prompt = request.get("prompt")
        n = request.get("n", 1)
        self._prompts: Final = prompt if isinstance(prompt, list) else [prompt]
        self._n: Final = n if isinstance(n, int) else 1
        self._echo: Final = request.get("echo") is True
        self._texts: dict[int, dict[str, object]] = {}

    def _take(self, choice: Choice) -> None:
        text = choice.text
        if choice.index not in self._texts and self._echo:
            text = f"{self._prompts[choice.index // self._n]}{text}"
        logprobs = completion_logprobs(choice.logprobs)
        whole = self._texts.setdefault(
            choice.index,
            {"text": "", "index": choice.index, "logprobs": None, "finish_reason": None},
        )
        whole["text"] = f"{whole['text']}{text}"
        whole["finish_reason"] = choice.finish_reason
        if logprobs is not None:
            whole["logprobs"] = logprobs.after(whole["logprobs"])
        if self._streams and (text or choice.finish_reason):
            news = {"text": text, "index": choice.index, "logprobs": logprobs}
            self._event({**news, "finish_reason": choice.finish_reason})

    def _whole(self) -> dict[int, dict[str, object]]:
        return self._texts

    def _prompt_tokens(self, usages: list[Usage]) -> int:
        return sum(usage.prompt_tokens for usage in usages) // self._n
