"""From a request of the Responses API to a chat request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Raw

from twisted_aigate.gateway.chat.calls import limit_fields, refused_fields
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.responses.conversation import chat_messages
from twisted_aigate.gateway.responses.items import read_items
from twisted_aigate.gateway.responses.models import ResponsesRequest, TextConfig
from twisted_aigate.gateway.responses.tools import Function, tool_fields

_SAME = ("temperature", "top_p", "user")

_ELSEWHERE = {
    "background": "A response in the background is for OpenAI's own models: any call can be made"
    " as a job instead, by POST /q/v1/responses.",
    "conversation": "Conversations are kept by OpenAI's own servers: previous_response_id goes on"
    " from a response here.",
    "prompt": "Prompts by their id are kept by OpenAI's own servers.",
}
"""Fields that no chat has anything for, and what to do instead."""


def chat_request(
    request: ResponsesRequest,
    items: Sequence[Raw],
    functions: list[Function],
    deployment: Deployment,
) -> dict[str, Any]:
    """
    The chat request.

    @param items: The input, with all that went before it.
    @param functions: The functions among its tools.
    @param deployment: Who is to answer.
    @raise GatewayError: 400: it cannot.
    """
    for name, message in _ELSEWHERE.items():
        if getattr(request, name):
            raise GatewayError(400, message, param=name, code="unsupported_parameter")
    known = read_items(items, lenient=deployment.drop_params)
    messages = chat_messages(request.instructions, known)
    if not messages:
        raise GatewayError(400, "Missing required parameter: 'input'.", param="input")
    chat: dict[str, Any] = {"model": request.model, "messages": messages}
    chat |= tool_fields(request, functions, deployment)
    chat |= {name: value for name in _SAME if (value := getattr(request, name)) is not None}
    if request.max_output_tokens is not None:
        chat |= limit_fields(request.max_output_tokens, deployment)
    if request.reasoning is not None and request.reasoning.effort is not None:
        chat["reasoning_effort"] = request.reasoning.effort
    if request.text is not None:
        chat |= _text_fields(request.text)
    if request.wants_logprobs:
        chat["logprobs"] = True
        if request.top_logprobs:
            chat["top_logprobs"] = request.top_logprobs
    if request.stream:
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    refused = refused_fields(deployment)
    return {name: value for name, value in chat.items() if name not in refused}


def _text_fields(text: TextConfig) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if text.verbosity is not None:
        fields["verbosity"] = text.verbosity
    wanted = text.format
    if wanted is None or wanted.type == "text":
        return fields
    if wanted.type != "json_schema":
        return {**fields, "response_format": {"type": wanted.type}}
    if wanted.schema is None:
        param = "text.format.schema"
        raise GatewayError(400, f"Missing required parameter: '{param}'.", param=param)
    described: dict[str, Any] = {"name": wanted.name or "answer", "schema": wanted.schema}
    if wanted.strict is not None:
        described["strict"] = wanted.strict
    if wanted.description is not None:
        described["description"] = wanted.description
    return {**fields, "response_format": {"type": "json_schema", "json_schema": described}}
