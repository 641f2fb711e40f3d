"""From a chat request to one of the Messages API."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.anthropic.content import text_block
from twisted_aigate.gateway.providers.anthropic.conversation import conversation, lacks_thoughts
from twisted_aigate.gateway.providers.anthropic.families import Family, family_of
from twisted_aigate.gateway.providers.anthropic.schema import closed_schema
from twisted_aigate.gateway.providers.anthropic.tools import tool_fields, with_json_tool
from twisted_aigate.gateway.providers.chats.models import Chat
from twisted_aigate.gateway.providers.parameters import Taken

TAKEN = Taken(
    translated=frozenset(
        (
            "messages", "tools", "tool_choice", "parallel_tool_calls", "response_format", "stop",
            "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "user",
            "reasoning_effort", "thinking",
        )
    ),
    own=frozenset(
        (
            "cache_control", "container", "context_management", "inference_geo", "mcp_servers",
            "metadata", "output_config", "service_tier", "speed",
        )
    ),
)  # fmt: skip
"""The parameters of a chat that Anthropic's API takes."""

EFFORTS = {
    "minimal": ("low", 1024),
    "low": ("low", 1024),
    "medium": ("medium", 2048),
    "high": ("high", 4096),
    "xhigh": ("xhigh", 8192),
    "max": ("max", 16384),
}
"""C{reasoning_effort}: the effort for models that think as they see fit, the budget for others."""

_LEAST_BUDGET = 1024
_JSON_ONLY = "Answer with one JSON object and with nothing else: no code fence, no explanation."
_PERSONAL = re.compile(r"@|^\+?[\d\s().-]{7,}$")
"""An e-mail address or a telephone number, which the API refuses as a user's id."""


def message_request(deployment: Deployment, chat: Chat) -> dict[str, Any]:
    """
    The request.

    @raise GatewayError: 400: it cannot be made.
    """
    family = family_of(deployment)
    body: dict[str, Any] = {
        "model": deployment.model,
        "max_tokens": chat.limit or family.most_output,
        **conversation(chat.messages),
        **tool_fields(chat, family),
        **_sampling(chat, family, deployment),
    }
    if chat.stops:
        body["stop_sequences"] = chat.stops
    if chat.user:
        body["metadata"] = {"user_id": _user(chat.user)}
    body |= _thinking(chat, family, body["max_tokens"])
    return _with_format(body, chat, family)


def _sampling(chat: Chat, family: Family, deployment: Deployment) -> dict[str, Any]:
    fields = {"temperature": chat.temperature, "top_p": chat.top_p, "top_k": chat.top_k}
    said = {name: value for name, value in fields.items() if value is not None}
    if family.samples:
        return said
    # What is the default anyway, many clients send with every call.
    return {} if deployment.drop_params else {n: v for n, v in said.items() if v != 1}


def _user(user: str) -> str:
    return hashlib.sha256(user.encode("utf-8")).hexdigest() if _PERSONAL.search(user) else user


def _thinking(chat: Chat, family: Family, limit: int) -> dict[str, Any]:
    effort = chat.effort
    if chat.thinking is not None:
        effort = _effort_instead(chat.thinking, family)
        if effort is None:
            return {"thinking": chat.thinking}
    if effort is None:
        return {}
    if effort in ("none", "disable"):
        return {"thinking": {"type": "disabled"}} if family.thinks else {}
    if effort not in EFFORTS:
        raise GatewayError(
            400,
            f"reasoning_effort: there is no {effort!r}; there are: none, {', '.join(EFFORTS)}.",
            param="reasoning_effort",
        )
    named, budget = EFFORTS[effort]
    if family.adaptive:
        # Without this newer models send their thoughts empty.
        thinking = {"type": "adaptive", "display": "summarized"}
        return {"thinking": thinking, "output_config": {"effort": family.effort(named)}}
    if not family.thinks or lacks_thoughts(chat.messages):
        return {}
    budget = min(budget, limit - 1)
    if budget < _LEAST_BUDGET:
        return {}
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _effort_instead(thinking: dict[str, Any], family: Family) -> str | None:
    """The effort that stands for a way to think that the model does not know."""
    match thinking.get("type"):
        case "enabled" if not family.budgets:
            budget = thinking.get("budget_tokens")
            least = budget if isinstance(budget, int) else 0
            return next((name for name, (_, tokens) in EFFORTS.items() if tokens >= least), "max")
        case "adaptive" if not family.adaptive:
            return "medium"
    return None


def _with_format(body: dict[str, Any], chat: Chat, family: Family) -> dict[str, Any]:
    form = chat.response_format
    if form is None or form.type == "text":
        return body
    if form.schema is None:
        return {**body, "system": [*body.get("system", ()), text_block(_JSON_ONLY)]}
    if family.schemas:
        wanted = {"type": "json_schema", "schema": closed_schema(form.schema)}
        return {**body, "output_config": {**body.get("output_config", {}), "format": wanted}}
    # A model that thinks, or that has tools of the caller's, cannot be forced.
    forced = not chat.tools and "thinking" not in body
    return with_json_tool(body, form.schema, forced=forced)


def answers_by_tool(deployment: Deployment, chat: Chat) -> bool:
    """Whether the answer comes as a call of L{tools.JSON_TOOL}."""
    form = chat.response_format
    wanted = form is not None and form.type != "text" and form.schema is not None
    return wanted and not family_of(deployment).schemas
