"""What Claude Code is doing, in a few words, out of a line that it has printed."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

_MOST_WORDS = 200


class _Message(msgspec.Struct):
    content: list[dict[str, Any]] = []


class _Line(msgspec.Struct):
    type: Literal["assistant"]
    message: _Message


_decoder = msgspec.json.Decoder(_Line)


def activity(line: bytes) -> str | None:
    """
    What a line tells of: a tool that is used, or the beginning of what Claude says.

    @return: C{None}: nothing.
    """
    try:
        blocks = _decoder.decode(line).message.content
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    told = None
    for block in blocks:
        if block.get("type") == "tool_use":
            told = f"uses {block.get('name')}"
        elif block.get("type") == "text":
            told = " ".join(str(block.get("text")).split())[:_MOST_WORDS]
    return told or None
