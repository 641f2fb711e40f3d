"""
C{mock_response}: an answer without a model, for clients under test, as LiteLLM gives it.

Source: https://docs.litellm.ai/docs/completion/mock_requests
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from twisted_aigate.gateway.calls import Call, FormCall, MockResponse, Result, Task
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.events import DONE, EVENT_STREAM, event

_ERRORS: dict[str, Callable[[], GatewayError]] = {
    "litellm.RateLimitError": lambda: GatewayError(429, "This is a mock rate limit error."),
    "litellm.InternalServerError": lambda: GatewayError(500, "This is a mock server error."),
    "litellm.ContextWindowExceededError": lambda: GatewayError(
        400, "This is a mock context window error.", code="context_length_exceeded"
    ),
    "litellm.ContentPolicyViolationError": lambda: GatewayError(
        400, "This is a mock content policy error.", code="content_policy_violation"
    ),
}

_PIECE = 16
"""Characters of a streamed answer's chunk."""


_IMAGES = (Task.IMAGE, Task.IMAGE_EDIT, Task.IMAGE_VARIATION)


class _Images(msgspec.Struct):
    data: list[dict[str, msgspec.Raw]]
    created: int = 0


def _misfit() -> GatewayError:
    return GatewayError(400, "mock_response does not fit this call.", param="mock_response")


def _images(response: MockResponse, created: int) -> bytes:
    said = response.encode("utf-8") if isinstance(response, str) else msgspec.json.encode(response)
    try:
        answer = msgspec.json.decode(said, type=_Images)
    except msgspec.MsgspecError:
        raise _misfit() from None
    answer.created = answer.created or created
    return msgspec.json.encode(answer)


def _prompt_tokens(call: Call) -> int:
    prompt = call.fields.get("messages") or call.fields.get("prompt") or call.fields.get("input")
    return len(bytes(prompt)) // 4 if prompt is not None else 0


def _envelope(call: Call, kind: str, created: int) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": kind,
        "created": created,
        "model": call.model,
    }


def _usage(call: Call, text: str) -> dict[str, int]:
    prompt, completion = _prompt_tokens(call), max(1, len(text) // 4)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _wants_usage(call: Call) -> bool:
    options = call.fields.get("stream_options")
    return options is not None and bool((msgspec.json.decode(options) or {}).get("include_usage"))


def _chunks(call: Call, text: str, created: int) -> Iterator[bytes]:
    chat = call.task is Task.CHAT
    base = _envelope(call, "chat.completion.chunk" if chat else "text_completion", created)

    def chunk(content: str | None, finish: str | None, first: bool = False) -> bytes:
        choice: dict[str, Any] = {"index": 0, "finish_reason": finish}
        if chat:
            choice["delta"] = {} if content is None else {"content": content}
            if first:
                choice["delta"]["role"] = "assistant"
        else:
            choice["text"] = content or ""
        return event(msgspec.json.encode({**base, "choices": [choice]}))

    for start in range(0, len(text), _PIECE):
        yield chunk(text[start : start + _PIECE], None, first=start == 0)
    yield chunk(None, "stop")
    if _wants_usage(call):
        yield event(msgspec.json.encode({**base, "choices": [], "usage": _usage(call, text)}))
    yield DONE


def mock(call: Call | FormCall, response: MockResponse, created: int) -> Result:
    """
    Answer a call.

    @param response: The text of the answer or of the sound, the vector of an embedding, the answer
        of a call for images as an object or its JSON, or the name of one of LiteLLM's errors.
    @param created: When it is answered, in seconds of Unix time.
    @raise GatewayError: The response names an error, or does not fit the call.
    """
    if isinstance(response, str) and response in _ERRORS:
        raise _ERRORS[response]()
    if call.task in _IMAGES and not call.stream:
        return Result(_images(response, created))
    if isinstance(call, FormCall):
        if call.stream or not isinstance(response, str):
            raise _misfit()
        return Result(msgspec.json.encode({"text": response}))
    if call.task is Task.EMBEDDING and not isinstance(response, str):
        answer: dict[str, Any] = {
            "object": "list",
            "data": [{"object": "embedding", "index": 0, "embedding": response}],
            "model": call.model,
            "usage": {"prompt_tokens": _prompt_tokens(call), "total_tokens": _prompt_tokens(call)},
        }
        return Result(msgspec.json.encode(answer))
    if call.task not in (Task.CHAT, Task.COMPLETION) or not isinstance(response, str):
        raise _misfit()
    if call.stream:
        return Result(b"".join(_chunks(call, response, created)), EVENT_STREAM)
    chat = call.task is Task.CHAT
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "logprobs": None}
    if chat:
        choice["message"] = {"role": "assistant", "content": response}
    else:
        choice["text"] = response
    kind = "chat.completion" if chat else "text_completion"
    answer = {
        **_envelope(call, kind, created),
        "choices": [choice],
        "usage": _usage(call, response),
    }
    return Result(msgspec.json.encode(answer))
