"""
Thinking, on its way to the caller and back.

Some models want what they thought before a tool call back with the call's result. The caller sends
a thinking block back as it got it, so the signature, whose form is the server's own affair, says
which model the thought is of and in which field it came. Another model's thoughts are left out.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted_aigate.gateway.chat.answers import FIELDS


def signature(field: str, model: str) -> str:
    """The signature of a thought of C{model} that came in C{field}."""
    return f"{field}:{model}"


def thoughts_of(model: str, thoughts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """
    The fields of an assistant's message that give C{model} its own thoughts back.

    @param thoughts: Each thought's text and signature.
    """
    fields: dict[str, str] = {}
    for text, signed in thoughts:
        field, _, owner = signed.partition(":")
        if field in FIELDS and owner == model:
            fields[field] = fields.get(field, "") + text
    return fields
