"""How an answer ended and what it took: the same for a whole one and a streamed one."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.chats.answer import usage_fields

_FINISH_REASONS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
"""C{finishReason}, and OpenAI's word for it; the others have none."""


class UsageMetadata(Struct, rename="camel"):
    """What it took."""

    prompt_token_count: int = 0
    candidates_token_count: int = 0
    thoughts_token_count: int | None = None
    cached_content_token_count: int = 0
    tool_use_prompt_token_count: int = 0

    @property
    def fields(self) -> dict[str, Any]:
        """OpenAI's usage object: it counts thinking in with the answer."""
        return usage_fields(
            self.prompt_token_count + self.tool_use_prompt_token_count,
            self.candidates_token_count + (self.thoughts_token_count or 0),
            cached=self.cached_content_token_count,
            reasoning=self.thoughts_token_count,
        )


class PromptFeedback(Struct, rename="camel"):
    """What is thought of the prompt."""

    block_reason: str | None = None
    block_reason_message: str | None = None


def finish_reason(reason: str | None, *, called: bool) -> str:
    """
    OpenAI's reason.

    @param called: The model has called a tool: it says that it stopped then.
    """
    found = _FINISH_REASONS.get(reason or "STOP", "stop")
    return "tool_calls" if called and found == "stop" else found


def blocked(deployment: Deployment, feedback: PromptFeedback) -> GatewayError:
    """What it is when the prompt is refused, which the API answers with 200."""
    reason = feedback.block_reason_message or feedback.block_reason or "no reason given"
    return GatewayError(
        400,
        f"{deployment.provider}: The prompt was blocked: {reason}.",
        code="content_policy_violation",
    )
