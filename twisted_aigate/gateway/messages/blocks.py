"""Content blocks: the kinds that are known here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.messages.models import Content


class Text(Struct):
    """Text."""

    text: str


class Source(Struct):
    """Where an image or a document is: in C{data}, at C{url}, or in blocks of its own."""

    type: str
    media_type: str = ""
    data: str = ""
    url: str = ""
    content: Content = ""


class Image(Struct):
    """An image."""

    source: Source


class Document(Struct):
    """A document."""

    source: Source
    title: str | None = None
    context: str | None = None


class SearchResult(Struct):
    """A text that the caller found."""

    source: str
    title: str
    content: list[Raw]


class Thought(Struct):
    """What the model thought; the signature says which model."""

    thinking: str
    signature: str = ""


class ToolUse(Struct):
    """A call of a tool."""

    id: str
    name: str
    input: dict[str, Any]


class ToolResult(Struct):
    """What a tool answered."""

    tool_use_id: str
    content: Content | None = None
    is_error: bool | None = None


Block = Text | Image | Document | SearchResult | Thought | ToolUse | ToolResult

_KINDS: dict[str, type[Block]] = {
    "text": Text,
    "image": Image,
    "document": Document,
    "search_result": SearchResult,
    "thinking": Thought,
    "tool_use": ToolUse,
    "tool_result": ToolResult,
}
"""The kinds; any other is passed over, as C{redacted_thinking} and those of server tools are."""


class _Tagged(Struct):
    type: str


_tagged = msgspec.json.Decoder(_Tagged)
_decoders = {kind: msgspec.json.Decoder(block) for kind, block in _KINDS.items()}


def read_blocks(content: Content | None, where: str) -> Iterator[Block]:
    """
    The blocks of a content; text by itself is one.

    @param where: The content's place in the request, for the error.
    @raise GatewayError: 400: a block is not of its kind's form.
    """
    if isinstance(content, str):
        yield Text(content)
        return
    for index, raw in enumerate(content or ()):
        try:
            decoder = _decoders.get(_tagged.decode(raw).type)
            if decoder is not None:
                yield decoder.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            place = f"{where}.{index}"
            raise GatewayError(400, f"{place}: {error}", param=place) from None
