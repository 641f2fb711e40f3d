"""From a whole answer of the Gemini API to a chat's."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.providers.chats.answer import (
    Envelope,
    choice,
    completion,
    message,
    new_call_id,
    tool_call,
)
from twisted_aigate.gateway.providers.gemini.outcome import (
    PromptFeedback,
    UsageMetadata,
    blocked,
    finish_reason,
)
from twisted_aigate.gateway.providers.gemini.signatures import signed_id


class FunctionCall(Struct):
    """A call of a function."""

    name: str = ""
    args: msgspec.Raw = msgspec.Raw(b"{}")
    id: str | None = None


class Part(Struct, rename="camel"):
    """A part of what the model said."""

    text: str | None = None
    thought: bool = False
    function_call: FunctionCall | None = None
    thought_signature: str | None = None

    @property
    def call(self) -> dict[str, Any] | None:
        """The call of a tool that it is."""
        called = self.function_call
        if called is None:
            return None
        call_id = signed_id(called.id or new_call_id(), self.thought_signature)
        return tool_call(call_id, called.name, bytes(called.args).decode("utf-8"))


class Content(Struct):
    """What the model said; in a stream the next of it."""

    parts: list[Part] = []


class Candidate(Struct, rename="camel"):
    """One answer of several."""

    content: Content = msgspec.field(default_factory=Content)
    finish_reason: str | None = None
    index: int = 0

    @property
    def text(self) -> str:
        """What it says."""
        return "".join(part.text or "" for part in self.content.parts if not part.thought)

    @property
    def thought(self) -> str:
        """What it thought, in summary."""
        return "".join(part.text or "" for part in self.content.parts if part.thought)

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The calls that it makes."""
        return [call for part in self.content.parts if (call := part.call) is not None]


class Response(Struct, rename="camel"):
    """An answer, or a piece of one."""

    candidates: list[Candidate] = []
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: UsageMetadata | None = None
    response_id: str | None = None


decode = msgspec.json.Decoder(Response).decode
"""Read an answer or a piece of one."""


def chat_answer(deployment: Deployment, body: bytes, envelope: Envelope) -> bytes:
    """
    The answer.

    @param envelope: What it says beside the choices.
    @raise GatewayError: 400: the prompt is refused.
    @raise msgspec.MsgspecError: The body is no answer.
    """
    said = decode(body)
    if not said.candidates and said.prompt_feedback is not None:
        raise blocked(deployment, said.prompt_feedback)
    if not said.candidates:
        raise msgspec.ValidationError("it has no candidates")
    usage = said.usage_metadata or UsageMetadata()
    choices = [_choice(each) for each in said.candidates]
    return completion(envelope, said.response_id, choices, usage.fields)


def _choice(candidate: Candidate) -> dict[str, Any]:
    calls = candidate.calls
    said = message(candidate.text or (None if calls else ""), calls, candidate.thought)
    reason = finish_reason(candidate.finish_reason, called=bool(calls))
    return choice(candidate.index, said, reason)
