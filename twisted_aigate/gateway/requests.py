"""From a request of OpenAI's or Anthropic's API to a call."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import msgspec

from twisted_aigate.gateway.cache.controls import read_controls
from twisted_aigate.gateway.calls import Call, Task
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.messages.models import MessagesRequest
from twisted_aigate.gateway.models import (
    BaseRequest,
    ChatRequest,
    CompletionRequest,
    EmbeddingRequest,
    ImageRequest,
    ModerationRequest,
    RerankRequest,
    SpeechRequest,
)
from twisted_aigate.gateway.responses.models import ResponsesRequest
from twisted_aigate.gateway.wishes import NO_WISHES, Wishes

REQUESTS: dict[Task, type[BaseRequest]] = {
    Task.CHAT: ChatRequest,
    Task.COMPLETION: CompletionRequest,
    Task.EMBEDDING: EmbeddingRequest,
    Task.SPEECH: SpeechRequest,
    Task.IMAGE: ImageRequest,
    Task.MODERATION: ModerationRequest,
    Task.RERANK: RerankRequest,
    Task.MESSAGES: MessagesRequest,
    Task.RESPONSES: ResponsesRequest,
}
"""The typed model of each call whose request is a JSON object."""

_OURS = (
    "extra_headers", "mock_response", "cache", "enable_json_schema_validation",
    "fallbacks", "num_retries", "timeout",
)  # fmt: skip
"""Fields that are for the gateway and not for the provider."""

_NEVER_FORWARDED = frozenset(
    (
        # Where providers look for the key.
        "authorization", "x-api-key", "api-key", "x-goog-api-key",
        "host", "content-length", "content-type", "cookie",
        # Hop-by-hop: RFC 9110, 7.6.1.
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect",
    )
)  # fmt: skip
_CLAUDE_HEADERS = (b"x-claude-workspace", b"x-claude-continue", b"x-claude-append-system-prompt")
"""The options of Claude Code behind a chat, as its own OpenAI API has them."""

_PROTOCOL_HEADERS = {
    Task.CHAT: _CLAUDE_HEADERS,
    Task.RESPONSES: _CLAUDE_HEADERS,
    Task.MESSAGES: (b"anthropic-version", b"anthropic-beta"),
}
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def forwarded_headers(headers: Mapping[str, str] | None) -> tuple[tuple[bytes, bytes], ...]:
    """
    The header fields that a request's C{extra_headers} become.

    @return: Without those that are ours or the connection's to say.
    @raise GatewayError: 400: one is no header field.
    """
    fields = []
    for name, value in (headers or {}).items():
        if (
            not _FIELD_NAME.fullmatch(name)
            or not value.isascii()
            or not (value.isprintable() or value == "")
        ):
            raise GatewayError(
                400, f"extra_headers: {name!r} is no valid header field.", param="extra_headers"
            )
        if name.lower() not in _NEVER_FORWARDED:
            fields.append((name.encode("ascii"), value.strip().encode("ascii")))
    return tuple(fields)


def protocol_headers(
    task: Task, fields: Iterable[tuple[bytes, bytes]]
) -> tuple[tuple[bytes, bytes], ...]:
    """
    The caller's header fields that belong to the protocol that it speaks.

    @param fields: All of them, names in lower case.
    """
    names = _PROTOCOL_HEADERS.get(task, ())
    return tuple((name, value) for name, value in fields if name in names)


def no_model() -> str:
    """
    The model of a call that must name one.

    @raise GatewayError: 400: always.
    """
    raise GatewayError(400, "Missing required parameter: 'model'.", param="model")


def json_call(
    task: Task,
    request: BaseRequest,
    fields: dict[str, msgspec.Raw],
    body: bytes,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    default: Callable[[], str] = no_model,
    cache_control: bytes | None = None,
    wishes: Wishes = NO_WISHES,
) -> Call:
    """
    A call of a JSON request.

    @param request: The request, checked.
    @param fields: The same, each field in its own text.
    @param body: The same as it came.
    @param headers: The caller's header fields that belong to the task's protocol.
    @param default: Tells the model to call when the request names none.
    @param cache_control: The caller's C{Cache-Control}.
    @param wishes: How the caller wants it to be routed.
    @raise GatewayError: 400: it cannot be a call.
    """
    untouched = request.model is not None
    for name in _OURS:
        if fields.pop(name, None) is not None:
            untouched = False
    return Call(
        task,
        request.model or default(),
        fields,
        body if untouched else None,
        bool(getattr(request, "stream", False)),
        forwarded_headers(request.extra_headers),
        getattr(request, "mock_response", None),
        headers,
        read_controls(request.cache, cache_control),
        getattr(request, "enable_json_schema_validation", None),
        wishes,
    )
