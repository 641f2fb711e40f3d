"""
About how many tokens a text or a prompt has.

Nobody publishes the tokenizers of all the models behind this server, and those that are published
must be downloaded. So this is an estimate of sizes: a token for every 4 bytes of UTF-8. Against the
tokenizer of local-smollm2-135m that is right to a twentieth for English, code and JSON. For other
alphabets it is near for vocabularies that have their words, and half or less of what it takes where
the vocabulary is English, as that one's. Beside the text: 4 tokens for each message and 8 for each
tool, for what stands around them; 1,600 for an image, the most that the Messages API counts for
one, and 1,600 for every 50 KB of a PDF document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

_BYTES = 4
_MESSAGE = 4
_TOOL = 8
_IMAGE = 1600
_PDF_BYTES = 50_000


def size(text: str) -> int:
    """Bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def tokens_of_size(size: int) -> int:
    """About how many tokens a text of that size has."""
    return -(-size // _BYTES)


def tokens_of_text(text: str | bytes) -> int:
    """About how many tokens a text has."""
    return tokens_of_size(size(text) if isinstance(text, str) else len(text))


def tokens_of_prompt(chat: Mapping[str, Any]) -> int:
    """
    About how many tokens the model has to read.

    @param chat: The chat request.
    """
    messages = sum(_MESSAGE + _tokens_of_message(message) for message in chat["messages"])
    tools = sum(
        _TOOL + tokens_of_text(msgspec.json.encode(tool["function"]))
        for tool in chat.get("tools", ())
    )
    form = chat.get("response_format")
    return messages + tools + (tokens_of_text(msgspec.json.encode(form)) if form else 0)


def _tokens_of_message(message: Mapping[str, Any]) -> int:
    content = message["content"]
    parts = (
        tokens_of_text(content)
        if isinstance(content, str)
        else sum(map(_tokens_of_part, content or ()))
    )
    calls = (call["function"] for call in message.get("tool_calls", ()))
    said = sum(tokens_of_text(call["name"]) + tokens_of_text(call["arguments"]) for call in calls)
    return parts + said


def _tokens_of_part(part: Mapping[str, Any]) -> int:
    match part["type"]:
        case "text":
            return tokens_of_text(part["text"])
        case "file":
            pdf = len(part["file"]["file_data"]) * 3 // 4
            return _IMAGE * -(-pdf // _PDF_BYTES)
    return _IMAGE
