"""
The signatures of thoughts, on their way to the caller and back.

Gemini's models want a call back with the signature of the thought before it, and think worse
without. A call's id is what every client sends back, so the signature travels in it, as LiteLLM has
it; where Google's own OpenAI-shaped API puts it is read too.
"""

from __future__ import annotations

from twisted_aigate.gateway.providers.chats.models import ToolCall

_BETWEEN = "__thought__"


def signed_id(call_id: str, signature: str | None) -> str:
    """The id of a call for the caller."""
    return f"{call_id}{_BETWEEN}{signature}" if signature else call_id


def signature_of(call: ToolCall) -> tuple[str, str | None]:
    """The id of a call as the model knows it, and the signature that goes with it."""
    call_id, _, signature = call.id.partition(_BETWEEN)
    if signature:
        return call_id, signature
    google = (call.extra_content or {}).get("google")
    found = google.get("thought_signature") if isinstance(google, dict) else None
    return call_id, found if isinstance(found, str) else None
