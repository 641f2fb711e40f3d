"""How an answer ended and what it took: the same for a whole one and a streamed one."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.chats.answer import usage_fields

_FINISH_REASONS = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}
_FAILED = {"ERROR": 500, "TIMEOUT": 504, "ERROR_LIMIT": 500}
"""C{finish_reason} of what is no answer, and the status that it would have had before."""


class _Tokens(Struct):
    input_tokens: float = 0
    output_tokens: float = 0


class Usage(Struct):
    """What it took; what is billed leaves out the tokens that Cohere adds."""

    tokens: _Tokens | None = None
    billed_units: _Tokens | None = None
    cached_tokens: float | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """OpenAI's usage object."""
        tokens = self.tokens or self.billed_units or _Tokens()
        cached = int(self.cached_tokens or 0)
        return usage_fields(int(tokens.input_tokens), int(tokens.output_tokens), cached=cached)


def finish_reason(deployment: Deployment, reason: str | None, error: str | None = None) -> str:
    """
    OpenAI's reason.

    @raise GatewayError: It says that the answer failed.
    """
    status = _FAILED.get(reason or "")
    if status is not None:
        said = error or f"The answer failed ({reason})"
        raise GatewayError(status, f"{deployment.provider}: {said}.")
    return _FINISH_REASONS.get(reason or "COMPLETE", "stop")
