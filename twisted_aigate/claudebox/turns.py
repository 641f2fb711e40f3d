"""The turns of C{json-verbose}: what Claude said, the tools it called and what they answered."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class _Message(msgspec.Struct):
    content: str | list[dict[str, Any]] | None = None
    id: str | None = None


class _Line(msgspec.Struct):
    type: Literal["assistant", "user"]
    message: _Message
    parent_tool_use_id: str | None = None


_decoder = msgspec.json.Decoder(_Line)


def _decoded(text: bytes) -> _Line | None:
    # Lines of other types, and what is none of Claude Code's lines, are not of this shape.
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _result_block(block: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "toolResult",
        "toolUseId": block.get("tool_use_id"),
        "isError": bool(block.get("is_error", False)),
        "content": block.get("content"),
    }


def _turn(line: _Line) -> tuple[str, list[dict[str, Any]]] | None:
    content = line.message.content
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    if line.type == "assistant":
        return ("assistant", blocks) if blocks else None
    results = [_result_block(block) for block in blocks if block.get("type") == "tool_result"]
    return ("tool_result", results) if results else None


class Turns:
    """
    Makes turns of a transcript's lines.

    Claude Code prints a message block by block: lines of one message are one turn.
    """

    def __init__(self) -> None:
        self._message: str | None = None
        self._open: dict[str, Any] | None = None

    def feed(self, text: bytes) -> dict[str, Any] | None:
        """
        Take a line.

        @return: The turn that it ends, if it ends one.
        """
        line = _decoded(text)
        turn = None if line is None else _turn(line)
        if line is None or turn is None:
            return None
        role, content = turn
        message = line.message.id if role == "assistant" else None
        if self._open is not None and message is not None and message == self._message:
            self._open["content"].extend(content)
            return None
        ended, self._message = self._open, message
        self._open = {"role": role, "content": content}
        if line.parent_tool_use_id:
            # A sub-agent's: the tool call that it works for.
            self._open["parentToolUseId"] = line.parent_tool_use_id
        return ended

    def finish(self) -> dict[str, Any] | None:
        """The last turn, if there was one."""
        ended, self._open = self._open, None
        return ended
