"""
The requests of the Responses API as typed models.

Fields that are not named here travel on to a provider that serves the API itself, and have no
effect on others. Items, tools and parts of contents are decoded in two steps, by their C{type}.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct

from twisted_aigate.gateway.models import CallRequest

Content = str | list[Raw]
"""Text, or parts; see L{twisted_aigate.gateway.responses.content}."""


class Reasoning(Struct):
    """How hard the model is to think."""

    effort: str | None = None
    summary: str | None = None


class TextFormat(Struct, omit_defaults=True):
    """The form that an answer is to have."""

    type: str
    name: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None


class TextConfig(Struct):
    """How an answer is to be worded."""

    format: TextFormat | None = None
    verbosity: str | None = None


class ResponsesRequest(CallRequest, kw_only=True):
    """C{POST /responses}."""

    input: Content | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    stream: bool | None = None
    background: bool | None = None
    conversation: str | dict[str, Any] | None = None
    prompt: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    text: TextConfig | None = None
    reasoning: Reasoning | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    include: list[str] | None = None
    metadata: dict[str, str] | None = None
    truncation: str | None = None
    user: str | None = None
    mock_response: str | None = None

    @property
    def kept(self) -> bool:
        """Whether the response is to be kept; the API keeps it when nothing is said."""
        return self.store is not False

    @property
    def wants_logprobs(self) -> bool:
        """Whether the answer is to come with its tokens' probabilities."""
        return bool(self.top_logprobs) or "message.output_text.logprobs" in (self.include or ())
