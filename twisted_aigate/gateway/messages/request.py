"""From a request of the Messages API to a chat request."""

from __future__ import annotations

import hashlib
from typing import Any

from twisted_aigate.gateway.chat.calls import limit_fields, reasons, refused_fields
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.messages.conversation import chat_messages
from twisted_aigate.gateway.messages.models import (
    MessagesRequest,
    OutputFormat,
    PromptRequest,
    Thinking,
)
from twisted_aigate.gateway.messages.tools import tool_fields

_SAME = ("temperature", "top_p", "top_k")
_LONGEST_USER = 64

_EFFORTS = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
"""C{output_config.effort}, and the C{reasoning_effort} that all who know the field have."""

_BUDGETS = ((10_000, "high"), (5_000, "medium"))
"""From how many C{budget_tokens} on it is which C{reasoning_effort}; C{low} below."""


def prompt(request: PromptRequest, deployment: Deployment) -> dict[str, Any]:
    """
    The part of the chat request that the model reads.

    @param deployment: Who is to answer.
    @raise GatewayError: 400: it cannot.
    """
    return {
        "model": request.model,
        "messages": chat_messages(request, deployment),
        **tool_fields(request),
        **_response_format(request),
    }


def chat_request(request: MessagesRequest, deployment: Deployment) -> dict[str, Any]:
    """
    The chat request.

    @param deployment: Who is to answer; its C{model_info} may say, as in LiteLLM, that it
        C{supports_reasoning}, and its C{max_output_tokens}.
    @raise GatewayError: 400: it cannot.
    """
    chat = prompt(request, deployment)
    chat |= _limit(request, deployment)
    chat |= {name: value for name in _SAME if (value := getattr(request, name)) is not None}
    if request.stop_sequences:
        chat["stop"] = request.stop_sequences
    if request.metadata is not None and request.metadata.user_id:
        chat["user"] = _user(request.metadata.user_id)
    if request.stream:
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    refused = refused_fields(deployment)
    return {name: value for name, value in chat.items() if name not in refused}


def _limit(request: MessagesRequest, deployment: Deployment) -> dict[str, Any]:
    fields = limit_fields(request.max_tokens, deployment)
    if not reasons(deployment):
        # Others refuse the effort, which Claude Code sends with every call.
        return fields
    effort = request.output_config and _EFFORTS.get(request.output_config.effort or "")
    effort = effort or _effort_for(request.thinking)
    return {**fields, "reasoning_effort": effort} if effort else fields


def _effort_for(thinking: Thinking | None) -> str | None:
    if thinking is None or thinking.type != "enabled" or thinking.budget_tokens is None:
        return None
    budget = thinking.budget_tokens
    return next((effort for least, effort in _BUDGETS if budget >= least), "low")


def _user(user_id: str) -> str:
    # Claude Code's is a JSON object longer than what OpenAI takes; its digest names the same user.
    if len(user_id) <= _LONGEST_USER:
        return user_id
    return hashlib.sha256(user_id.encode("utf-8")).hexdigest()


def _response_format(request: PromptRequest) -> dict[str, Any]:
    wanted: OutputFormat | None = request.output_format
    if request.output_config is not None and request.output_config.format is not None:
        wanted = request.output_config.format
    if wanted is None or wanted.type != "json_schema" or wanted.schema is None:
        return {}
    described = {"name": "answer", "schema": wanted.schema, "strict": _can_be_strict(wanted.schema)}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def _can_be_strict(schema: Any) -> bool:
    # OpenAI's strict schemas have no optional properties; the Messages API's may.
    if isinstance(schema, list):
        return all(map(_can_be_strict, schema))
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object":
        properties, required = schema.get("properties", {}), schema.get("required", [])
        if not isinstance(properties, dict) or not isinstance(required, list):
            return False
        if any(name not in required for name in properties):
            return False
        if schema.get("additionalProperties") is not False:
            return False
    return all(map(_can_be_strict, schema.values()))
