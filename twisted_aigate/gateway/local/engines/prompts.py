"""
From an OpenAI request to what llama.cpp is asked.

Only the fields named here go on: llama.cpp has others (C{n_predict}, C{id_slot}, C{lora}, …) that
are not for a client.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from twisted_aigate.gateway.local.engines import Refused
from twisted_aigate.gateway.local.engines.tools import ToolCalls, describe_tools, spoken

SYSTEM: Final = "You are a helpful AI assistant."
"""
What the model is told when the request has no system message. Its own template would say that it is
"named SmolLM", and then it answers simple questions worse (of the capital of France, in French).
"""

MAX_TOKENS: Final = 512
"""Tokens of an answer where the request sets no limit: so small a model can go on for ever."""

DEFAULTS: Final[Mapping[str, object]] = {"temperature": 0.2, "repeat_penalty": 1.05}
"""Sampling for a model of 135 million weights: it loses the thread at OpenAI's temperature of 1."""

SAMPLING: Final = {
    "temperature",
    "top_p",
    "seed",
    "stop",
    "n",
    "logit_bias",
    "presence_penalty",
    "frequency_penalty",
    *("top_k", "min_p", "repeat_penalty", "grammar"),
}
"""OpenAI's fields, and in the last line llama.cpp's own that its clients use."""

ROLES: Final[Mapping[str, str]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "user",
}
"""OpenAI's roles and the model's."""


def prepare_chat(request: Mapping[str, object]) -> tuple[dict[str, object], ToolCalls | None]:
    """
    Turn a chat request into llama.cpp's, and say how tool calls are to be read from its text.

    @raise Refused: The messages are not for this model.
    """
    calls = ToolCalls.of(request)
    messages = [_message(each) for each in _list_of_objects(request.get("messages"))]
    if messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": SYSTEM})
    prompt = _common(request, {"response_format", "logprobs", "top_logprobs"})
    if calls is not None:
        messages[0]["content"] += describe_tools(calls.tools)
        if calls.schema is not None:
            prompt["response_format"] = {
                "type": "json_schema",
                "json_schema": {"schema": calls.schema},
            }
    return {**prompt, "messages": messages}, calls


def prepare_completion(request: Mapping[str, object]) -> dict[str, object]:
    """
    Turn a text completion request into llama.cpp's.

    @raise Refused: It asks for what the model cannot do.
    """
    if request.get("suffix"):
        raise Refused(
            "This model cannot fill in before a suffix.", param="suffix", code="unsupported_value"
        )
    if request.get("best_of") not in (None, 1, request.get("n")):
        raise Refused("'best_of' must equal 'n' here.", param="best_of", code="unsupported_value")
    prompt = request.get("prompt")
    texts = [prompt] if isinstance(prompt, str) else prompt
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise Refused(
            "'prompt' must be a string or a list of strings.", param="prompt", code="invalid_value"
        )
    return {**_common(request, {"logprobs"}), "prompt": texts if len(texts) > 1 else texts[0]}


def _common(request: Mapping[str, object], more: Iterable[str]) -> dict[str, object]:
    names = SAMPLING | set(more)
    prompt = {**DEFAULTS, **{name: value for name, value in request.items() if name in names}}
    seed = prompt.get("seed")
    if isinstance(seed, int):
        prompt["seed"] = seed & 0xFFFFFFFF  # llama.cpp's seeds have 32 bits, OpenAI's 64
    # return_progress: events while the prompt is read, so that a cancel is seen there too.
    return {
        **prompt,
        "max_tokens": _max_tokens(request),
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
    }


def _max_tokens(request: Mapping[str, object]) -> int:
    for name in ("max_completion_tokens", "max_tokens"):
        if name in request:
            value = request[name]
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise Refused(
                    f"'{name}' must be an integer of at least 1.", param=name, code="invalid_value"
                )
            return value
    return MAX_TOKENS


def _list_of_objects(messages: object) -> list[dict[str, object]]:
    if (
        not isinstance(messages, list)
        or not messages
        or not all(isinstance(m, dict) for m in messages)
    ):
        raise Refused(
            "'messages' must be a list with at least one message.",
            param="messages",
            code="invalid_value",
        )
    return messages


def _message(message: dict[str, object]) -> dict[str, str]:
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise Refused(
            f"A message has the role {role!r}; this model knows {', '.join(ROLES)}.",
            param="messages",
            code="invalid_value",
        )
    return {"role": ROLES[role], "content": spoken(message, _text(message.get("content")))}


def _text(content: object) -> str:
    match content:
        case str():
            return content
        case None:
            return ""
        case list():
            return "\n".join(_part(part) for part in content)
    raise Refused(
        "A message's content must be a string or a list of parts.",
        param="messages",
        code="invalid_value",
    )


def _part(part: object) -> str:
    match part:
        case str():
            return part
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "refusal", "refusal": str(text)}:
            return text
        case {"type": str(kind)}:
            raise Refused(
                f"This model reads text only: it cannot take a part of type '{kind}'.",
                param="messages",
                code="unsupported_value",
            )
    raise Refused(
        "A part of a message's content has no type.", param="messages", code="invalid_value"
    )
