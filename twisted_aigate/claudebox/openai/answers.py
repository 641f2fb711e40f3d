"""
From the lines that Claude Code prints (C{stream-json}) to OpenAI's answers.

Source: https://docs.claude.com/en/docs/claude-code/headless and
https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from twisted_aigate.claudebox.openai.errors import error_object

Line = Mapping[str, Any]
"""A line, decoded."""

DONE = b"data: [DONE]\n\n"

_FINISH_REASONS = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
_BLOCK_FIELDS = {"text": ("content", "text"), "thinking": ("reasoning_content", "thinking")}
"""Of each type of block that is passed on: the field of OpenAI's, and that of the block."""

_DELTA_BLOCKS = {"text_delta": "text", "thinking_delta": "thinking"}
"""The type of block that a delta belongs to."""


def completion(result: Line, completion_id: str, created: int, model: str) -> dict[str, Any]:
    """
    The answer to a call that does not stream.

    @param result: The C{result} line.
    @param created: When the answer was made, in seconds since 1970.
    @param model: The name of the model that was asked for.
    """
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": result.get("result") or "",
                    "refusal": None,
                },
                "logprobs": None,
                "finish_reason": _finish_reason(result),
            }
        ],
        "usage": _usage(result),
    }


def _finish_reason(result: Line) -> str:
    if result.get("subtype") == "error_max_turns":
        return "length"
    return _FINISH_REASONS.get(result.get("stop_reason") or "", "stop")


def _usage(result: Line) -> dict[str, Any]:
    usage = result.get("usage") or {}

    def tokens(name: str) -> int:
        return usage.get(name) or 0

    cached = tokens("cache_read_input_tokens")
    prompt = tokens("input_tokens") + cached + tokens("cache_creation_input_tokens")
    written = tokens("output_tokens")
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


class ChunkStream:
    """
    The answer to a call that streams, as server-sent events.

    Claude Code prints an answer's pieces as they come and each block of it once more when it is
    whole; a block of which no piece came is passed on whole. What sub-agents say is not passed on.

    @param completion_id: The answer's id.
    @param created: When the answer was begun, in seconds since 1970.
    @param model: The name of the model that was asked for.
    @param include_usage: Whether the stream ends with the usage.
    """

    def __init__(
        self, completion_id: str, created: int, model: str, *, include_usage: bool
    ) -> None:
        self._head = {
            "id": completion_id,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
        }
        self._include_usage = include_usage
        self._begun = False
        self._sent: set[str] = set()
        # Fields whose next text does not continue the last one.
        self._apart: set[str] = set()
        # The blocks of the message in hand that came in pieces, by type.
        self._told: dict[str, list[list[str]]] = {block: [] for block in _BLOCK_FIELDS}
        self._message_id: str | None = None

    def line(self, line: Line) -> list[bytes]:
        """
        The events that a line makes; none before there is something to tell.

        The C{result} line is for L{finish}. An error of Claude's API, which is printed as if it
        were a message, makes none: the result tells of it.
        """
        if line.get("parent_tool_use_id") is not None:
            return []
        kind = line.get("type")
        if kind == "stream_event":
            return self._event(line.get("event") or {})
        if kind == "assistant" and not line.get("error"):
            return self._message(line.get("message") or {})
        return []

    def finish(self, result: Line) -> list[bytes]:
        """
        The last events.

        @param result: The C{result} line. Its text is passed on if no other was.
        """
        events = []
        text = result.get("result")
        if text and "content" not in self._sent:
            events += self._text("content", text)
        events += self._begin()
        events.append(self._chunk({}, _finish_reason(result)))
        if self._include_usage:
            events.append(_encoded({**self._head, "choices": [], "usage": _usage(result)}))
        events.append(DONE)
        return events

    def error(self, message: str, kind: str) -> bytes:
        """
        The event that ends a stream whose answer will not be whole; OpenAI's clients raise it.

        @param kind: The error's C{type}.
        """
        return b"data: " + error_object(message, kind) + b"\n\n"

    def _event(self, event: Line) -> list[bytes]:
        kind = event.get("type")
        if kind == "message_start":
            self._message_id = (event.get("message") or {}).get("id")
            self._new_message()
        elif kind == "content_block_start":
            started = (event.get("content_block") or {}).get("type")
            if started in self._told:
                self._told[started].append([])
            self._other_block(started)
        elif kind == "content_block_delta":
            delta = event.get("delta") or {}
            block = _DELTA_BLOCKS.get(delta.get("type") or "")
            if block is not None and self._told[block]:
                field, name = _BLOCK_FIELDS[block]
                text = delta.get(name) or ""
                self._told[block][-1].append(text)
                return self._text(field, text)
        return []

    def _message(self, message: Line) -> list[bytes]:
        if message.get("id") != self._message_id:
            self._message_id = message.get("id")
            self._new_message()
        events = []
        for block in message.get("content") or ():
            kind = block.get("type")
            if kind in _BLOCK_FIELDS:
                field, name = _BLOCK_FIELDS[kind]
                events += self._text(field, self._untold(kind, block.get(name) or ""))
            self._other_block(kind)
        return events

    def _untold(self, kind: str, text: str) -> str:
        # What of a whole block has not come in pieces.
        blocks = self._told[kind]
        for number, pieces in enumerate(blocks):
            told = "".join(pieces)
            unfinished = number == len(blocks) - 1 and text.startswith(told)
            if told == text or unfinished:
                del blocks[number]
                return text[len(told) :]
        if blocks:
            # Claude Code has asked anew, and this is another answer.
            self._apart.add(_BLOCK_FIELDS[kind][0])
        return text

    def _new_message(self) -> None:
        for blocks in self._told.values():
            blocks.clear()
        self._apart.update(self._sent)

    def _other_block(self, kind: object) -> None:
        # Texts that follow each other in a message are one text; what comes between parts them.
        fields = {field for block, (field, _) in _BLOCK_FIELDS.items() if block != kind}
        self._apart.update(fields & self._sent)

    def _text(self, field: str, text: str) -> list[bytes]:
        if not text:
            return []
        if field in self._apart:
            self._apart.discard(field)
            text = "\n\n" + text
        self._sent.add(field)
        return [*self._begin(), self._chunk({field: text})]

    def _begin(self) -> list[bytes]:
        if self._begun:
            return []
        self._begun = True
        return [self._chunk({"role": "assistant", "content": ""})]

    def _chunk(self, delta: Mapping[str, str], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        chunk: dict[str, Any] = {**self._head, "choices": [choice]}
        if self._include_usage:
            chunk["usage"] = None
        return _encoded(chunk)


def _encoded(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"
