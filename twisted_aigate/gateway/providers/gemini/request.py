"""From a chat request to one of the Gemini API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.chats.media import DataURL
from twisted_aigate.gateway.providers.chats.models import Chat
from twisted_aigate.gateway.providers.gemini.contents import contents
from twisted_aigate.gateway.providers.gemini.tools import tool_fields
from twisted_aigate.gateway.providers.parameters import Taken, unsupported

_SAME = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "limit": "maxOutputTokens",
    "stops": "stopSequences",
    "n": "candidateCount",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
"""What a chat has, and its name in C{generationConfig}."""

TAKEN = Taken(
    translated=frozenset(
        (
            "messages", "tools", "tool_choice", "parallel_tool_calls", "response_format", "stop",
            "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "n", "seed",
            "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs",
            "reasoning_effort", "thinking",
        )
    ),
    own=frozenset(("safetySettings", "cachedContent", "labels")),
)  # fmt: skip
"""The parameters of a chat that the Gemini API takes."""

_BUDGETS = {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24576}
_LEVELS = {"none": "LOW", "minimal": "LOW", "low": "LOW", "medium": "MEDIUM", "high": "HIGH"}
_FURTHER = {"disable": "none", "xhigh": "high", "max": "high"}

_BY_BUDGET = re.compile(r"gemini-(?:1|2)(?:\.\d+)?-")
_CANNOT_STOP = re.compile(r"gemini-2\.5-pro")
_LEAST_BUDGET = 128


def by_budget(model: str) -> bool:
    """Whether a model's thinking is told by tokens, as before Gemini 3; later ones have levels."""
    return _BY_BUDGET.match(model) is not None


def target_of(deployment: Deployment, method: str) -> bytes:
    """The path of a method of the deployment's model."""
    return f"{deployment.path}/models/{quote(deployment.model)}:{method}".encode("ascii")


def content_request(
    deployment: Deployment, chat: Chat, fetched: Mapping[str, DataURL]
) -> dict[str, Any]:
    """
    The request.

    @param fetched: The images that are elsewhere, by their URL.
    @raise GatewayError: 400: it cannot be made.
    """
    several = chat.parallel_tool_calls is False and len(chat.tools or ()) > 1
    if several and not deployment.drop_params:
        # It can only be kept to where there is nothing to call beside.
        raise unsupported(deployment, "parallel_tool_calls")
    model = deployment.model
    config = {
        name: value for field, name in _SAME.items() if (value := getattr(chat, field)) is not None
    }
    config |= _format(chat) | _thinking(model, chat)
    body = {
        **contents(chat.messages, fetched, signed=not by_budget(model)),
        **tool_fields(chat),
    }
    return {**body, "generationConfig": config} if config else body


def _format(chat: Chat) -> dict[str, Any]:
    form = chat.response_format
    if form is None or form.type == "text":
        return {}
    fields: dict[str, Any] = {"responseMimeType": "application/json"}
    if form.schema is not None:
        fields["responseJsonSchema"] = form.schema
    return fields


def _thinking(model: str, chat: Chat) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if chat.thinking is not None:
        enabled = chat.thinking.get("type") in ("enabled", "adaptive")
        budget = chat.thinking.get("budget_tokens")
        config["includeThoughts"] = enabled
        if by_budget(model) and (isinstance(budget, int) or not enabled):
            config["thinkingBudget"] = budget if enabled else 0
    elif chat.effort is not None:
        effort = _FURTHER.get(chat.effort, chat.effort)
        if effort not in _LEVELS:
            raise GatewayError(
                400,
                f"reasoning_effort: there is no {effort!r}; there are: {', '.join(_LEVELS)}.",
                param="reasoning_effort",
            )
        config["includeThoughts"] = effort != "none"
        if by_budget(model):
            config["thinkingBudget"] = _budget(model, effort)
        else:
            config["thinkingLevel"] = _LEVELS[effort]
    return {"thinkingConfig": config} if config else {}


def _budget(model: str, effort: str) -> int:
    budget = _BUDGETS[effort]
    return max(budget, _LEAST_BUDGET) if _CANNOT_STOP.match(model) else budget
