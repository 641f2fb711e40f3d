"""How an answer ended and what it took: the same for a whole one and a streamed one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from attrs import frozen

from twisted_aigate.gateway.chat.answers import Choice, Usage

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


@frozen
class Asked:
    """
    What an answer's translation has to know of the request.

    @ivar model: The model's name as the caller wrote it.
    @ivar names: Names of tools as the model was told them, to the caller's: those that differ.
    @ivar stops: The stop sequences.
    @ivar estimate: Says about how many tokens the prompt has.
    """

    model: str
    names: Mapping[str, str]
    stops: Collection[str]
    estimate: Callable[[], int]


class Ending:
    """
    How an answer ends: fed with every choice, or chunk of one, of it.

    @param stops: The stop sequences of the request.
    """

    def __init__(self, stops: Collection[str]) -> None:
        self._stops = stops
        self._reason: str | None = None
        self._stop_sequence: str | None = None
        self._called = False
        self._refused = False

    @property
    def known(self) -> bool:
        """Whether the model said that it is done."""
        return self._reason is not None

    def add(self, choice: Choice) -> None:
        """Take note of a choice."""
        self._reason = choice.finish_reason or self._reason
        said = choice.said
        self._called = self._called or bool(said.tool_calls)
        self._refused = self._refused or bool(said.refusal)
        for stop in (choice.stop_reason, choice.matched_stop):
            if isinstance(stop, str) and stop in self._stops:
                self._stop_sequence = stop

    @property
    def fields(self) -> dict[str, str | None]:
        """C{stop_reason} and C{stop_sequence}."""
        reason = _STOP_REASONS.get(self._reason or "stop", "end_turn")
        if self._refused:
            reason = "refusal"
        elif reason == "end_turn" and self._called:
            # Some say that they stopped, having called a tool.
            reason = "tool_use"
        elif reason == "end_turn" and self._stop_sequence is not None:
            return {"stop_reason": "stop_sequence", "stop_sequence": self._stop_sequence}
        return {"stop_reason": reason, "stop_sequence": None}


def usage_fields(input_tokens: int, output_tokens: int, cached: int = 0) -> dict[str, int]:
    """
    The usage object.

    @param input_tokens: The prompt's tokens, those that were read from a cache among them: OpenAI
        counts them in, the Messages API does not.
    """
    return {
        "input_tokens": max(input_tokens - cached, 0),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": output_tokens,
    }


def usage_of(usage: Usage | None, asked: Asked, estimated_output: int) -> dict[str, int]:
    """
    The usage object of an answer.

    @param usage: What the provider says; where it says nothing the estimates stand in, since
        clients shorten their conversation by these figures.
    """
    if usage is None:
        return usage_fields(asked.estimate(), estimated_output)
    details = usage.prompt_tokens_details
    cached = (details.cached_tokens if details is not None else None) or 0
    return usage_fields(usage.prompt_tokens, usage.completion_tokens, cached)
