"""
The requests of the Messages API as typed models.

Clients are ahead of every server: fields, kinds of content blocks and kinds of tools that are not
known here are passed over. A block is therefore decoded in two steps, by its C{type}.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct

from twisted_aigate.gateway.models import CallRequest

Content = str | list[Raw]
"""Text, or blocks; see L{twisted_aigate.gateway.messages.blocks.read_blocks}."""


class Message(Struct):
    """One message; C{system} in the middle of a conversation is what Claude Code sends."""

    role: Literal["user", "assistant", "system"]
    content: Content


class Tool(Struct):
    """A tool. One without a schema is run by Anthropic's own servers, or known to its models."""

    name: str = ""
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    strict: bool | None = None


class ToolChoice(Struct):
    """Which tools the model may or must call."""

    type: Literal["auto", "any", "tool", "none"]
    name: str = ""
    disable_parallel_tool_use: bool | None = None


class Metadata(Struct):
    """What is said of the caller."""

    user_id: str | None = None


class Thinking(Struct):
    """Whether the model is to think first."""

    type: str
    budget_tokens: int | None = None


class OutputFormat(Struct):
    """The form that an answer is to have."""

    type: str
    schema: dict[str, Any] | None = None


class OutputConfig(Struct):
    """How an answer is to be made."""

    effort: str | None = None
    format: OutputFormat | None = None


class PromptRequest(CallRequest, kw_only=True):
    """C{POST /messages/count_tokens}, and what it shares with C{POST /messages}."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    system: Content | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    output_format: OutputFormat | None = None


class MessagesRequest(PromptRequest, kw_only=True):
    """C{POST /messages}."""

    max_tokens: Annotated[int, Meta(ge=1)]
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    metadata: Metadata | None = None
    mock_response: str | None = None
