"""How an answer ended and what it took: the same for a whole one and a streamed one."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from twisted_aigate.gateway.providers.chats.answer import usage_fields

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""C{stop_reason}, and OpenAI's word for it."""


class OutputDetails(Struct):
    """Of the answer's tokens."""

    thinking_tokens: int | None = None


class Usage(Struct):
    """What it took; in a stream C{None} where nothing new is said."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None

    def updated(self, newer: Usage) -> Usage:
        """What is said later, over what was said before."""
        said = {
            name: new if (new := getattr(newer, name)) is not None else getattr(self, name)
            for name in self.__struct_fields__
        }
        return Usage(**said)

    @property
    def fields(self) -> dict[str, Any]:
        """OpenAI's usage object: it counts the tokens of caches in with the prompt's."""
        read = self.cache_read_input_tokens or 0
        written = self.cache_creation_input_tokens or 0
        details = self.output_tokens_details
        return {
            **usage_fields(
                (self.input_tokens or 0) + read + written,
                self.output_tokens or 0,
                cached=read,
                written=written,
                reasoning=details.thinking_tokens if details is not None else None,
            ),
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": read,
        }


class StopDetails(Struct):
    """Why the model refused."""

    explanation: str | None = None


def finish_reason(stop_reason: str | None, *, by_tool: bool) -> str:
    """
    OpenAI's reason.

    @param by_tool: The answer came as a call of a tool that the caller knows nothing of.
    """
    reason = FINISH_REASONS.get(stop_reason or "end_turn", "stop")
    return "stop" if by_tool and reason == "tool_calls" else reason
