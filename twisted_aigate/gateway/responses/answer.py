"""A response in the making: fed with a chat's answer, whole or in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from attrs import frozen

from twisted_aigate.gateway.chat.answers import Answer, Usage
from twisted_aigate.gateway.chat.tokens import size, tokens_of_size
from twisted_aigate.gateway.responses.logprobs import logprobs_of
from twisted_aigate.gateway.responses.models import ResponsesRequest
from twisted_aigate.gateway.responses.output import Event, Output
from twisted_aigate.gateway.responses.tools import Function
from twisted_aigate.kernel.identifiers import new_id

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""The reasons of chats to stop early, and the names that the Responses API has for them."""

_CODES = {
    "rate_limit_error": "rate_limit_exceeded",
    "rate_limit_exceeded": "rate_limit_exceeded",
    "invalid_request_error": "invalid_prompt",
    "context_length_exceeded": "invalid_prompt",
    "content_policy_violation": "invalid_prompt",
}
"""C{type} and C{code} of errors, and the few codes that a response has for them."""


@frozen
class Asked:
    """
    What an answer's translation has to know of the request.

    @ivar request: The request.
    @ivar functions: The functions that the model was told of.
    @ivar estimate: Says about how many tokens the prompt has.
    @ivar now: The time, in seconds of Unix time.
    """

    request: ResponsesRequest
    functions: Sequence[Function]
    estimate: Callable[[], int]
    now: Callable[[], float]


class Drafted:
    """
    A response.

    @param asked: What is to be known of the request.
    @ivar whole: The response as it is now.
    @ivar begun: Whether anything was heard.
    """

    def __init__(self, asked: Asked) -> None:
        self.whole = _envelope(asked)
        self.begun = False
        self._asked = asked
        self._output = Output()
        self._reason: str | None = None
        self._usage: Usage | None = None
        self._said = 0

    @property
    def ended(self) -> bool:
        """Whether the model said that it is done."""
        return self._reason is not None

    def heard(self, answer: Answer) -> Iterator[Event]:
        """A chat's answer, or the next of it; returns the events that it makes."""
        if not self.begun:
            self.begun = True
            yield "response.created", {"response": self.whole}
            yield "response.in_progress", {"response": self.whole}
        self._usage = answer.usage or self._usage
        choice = answer.choice
        if choice is None:
            return
        self._reason = choice.finish_reason or self._reason
        self._said += sum(map(size, choice.said.pieces))
        wanted = self._asked.request.wants_logprobs
        logprobs = logprobs_of(choice.logprobs) if wanted else []
        yield from self._output.add(choice.said, logprobs)

    def complete(self) -> Iterator[Event]:
        """Nothing more comes; returns the events that are left."""
        early = _INCOMPLETE.get(self._reason or "")
        status = "completed" if early is None else "incomplete"
        yield from self._output.finish(status)
        self.whole |= {
            "status": status,
            "completed_at": int(self._asked.now()) if early is None else None,
            "incomplete_details": None if early is None else {"reason": early},
            "output": self._output.whole(),
            "usage": self._usage_fields(),
        }
        yield f"response.{status}", {"response": self.whole}

    def fail(self, message: str, kind: str | None, code: object) -> Iterator[Event]:
        """
        It breaks off; returns the event that says so.

        @param kind: The error's type.
        @param code: The error's code.
        """
        known = _CODES.get(str(code)) or _CODES.get(str(kind), "server_error")
        self.whole |= {
            "status": "failed",
            "error": {"code": known, "message": message},
            "output": self._output.whole(),
        }
        yield "response.failed", {"response": self.whole}

    def _usage_fields(self) -> dict[str, Any]:
        # Where the provider says nothing estimates stand in.
        usage = self._usage or Usage(self._asked.estimate(), tokens_of_size(self._said))
        prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
        return {
            "input_tokens": usage.prompt_tokens,
            "input_tokens_details": {
                "cached_tokens": (prompt and prompt.cached_tokens) or 0,
                "cache_write_tokens": (prompt and prompt.cache_creation_tokens) or 0,
            },
            "output_tokens": usage.completion_tokens,
            "output_tokens_details": {
                "reasoning_tokens": (completion and completion.reasoning_tokens) or 0
            },
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        }


def _envelope(asked: Asked) -> dict[str, Any]:
    request = asked.request
    text, reasoning = request.text, request.reasoning
    text_format = (text and text.format) or {"type": "text"}
    verbosity = {} if text is None or text.verbosity is None else {"verbosity": text.verbosity}
    return {
        "id": f"resp_{new_id()}",
        "object": "response",
        "created_at": int(asked.now()),
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "max_tool_calls": request.max_tool_calls,
        "metadata": request.metadata or {},
        "model": request.model,
        "output": [],
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": request.previous_response_id,
        "reasoning": {
            "effort": reasoning and reasoning.effort,
            "summary": reasoning and reasoning.summary,
        },
        "store": request.kept,
        "temperature": _or(request.temperature, 1.0),
        "text": {"format": msgspec.to_builtins(text_format), **verbosity},
        "tool_choice": _or(request.tool_choice, "auto"),
        "tools": [each.as_listed() for each in asked.functions],
        "top_logprobs": request.top_logprobs or 0,
        "top_p": _or(request.top_p, 1.0),
        "truncation": "disabled",
        "usage": None,
        "user": request.user,
    }


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value
