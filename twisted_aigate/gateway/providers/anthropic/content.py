"""Parts of a chat's messages as content blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted_aigate.gateway.providers.chats.media import DataURL, parse_data_url
from twisted_aigate.gateway.providers.chats.models import (
    CacheControl,
    File,
    ImageURL,
    Part,
    unreadable_part,
)

Block = dict[str, Any]

_NAME = "anthropic"
_PDF = "application/pdf"


def text_block(text: str, cache_control: CacheControl | None = None) -> Block:
    """A block that is text."""
    return cached({"type": "text", "text": text}, cache_control)


def cached(block: Block, cache_control: CacheControl | None) -> Block:
    """A block up to which the prompt is to be cached, where the caller says so."""
    return {**block, "cache_control": cache_control} if cache_control is not None else block


def blocks_of(parts: Sequence[Part], where: str) -> list[Block]:
    """
    Parts as blocks; blank text, which the API refuses, is left out.

    @param where: Their place in the request, for errors.
    @raise GatewayError: 400: one cannot be read.
    """
    return [
        cached(block, part.cache_control)
        for index, part in enumerate(parts)
        if (block := _block(part, f"{where}.{index}")) is not None
    ]


def _block(part: Part, where: str) -> Block | None:
    match part.type:
        case "text" | "refusal":
            text = part.text or part.refusal
            return {"type": "text", "text": text} if text.strip() else None
        case "image_url" if part.image_url is not None:
            return _image(part.image_url, where)
        case "file" if part.file is not None:
            return _document(part.file, where)
    raise unreadable_part(where, f"a part of the type {part.type!r}", _NAME)


def _image(image: str | ImageURL, where: str) -> Block:
    url = image if isinstance(image, str) else image.url
    carried = parse_data_url(url, where)
    if carried is not None:
        if carried.media_type == _PDF:
            return _base64_document(carried)
        source = {"type": "base64", "media_type": carried.media_type, "data": carried.data}
    else:
        source = {"type": "url", "url": url}
    return {"type": "image", "source": source}


def _document(file: File, where: str) -> Block:
    title = {"title": file.filename} if file.filename else {}
    if file.file_id:
        by_url = file.file_id.startswith(("http://", "https://"))
        source = (
            {"type": "url", "url": file.file_id}
            if by_url
            else {
                "type": "file",
                "file_id": file.file_id,
            }
        )
        return {"type": "document", "source": source, **title}
    carried = parse_data_url(file.file_data or "", where)
    if carried is None:
        raise unreadable_part(where, "a file without an id or a data URL", _NAME)
    if carried.media_type.startswith("image/"):
        return _image(file.file_data or "", where)
    if carried.media_type == _PDF:
        return {**_base64_document(carried), **title}
    if carried.media_type.startswith("text/"):
        text = carried.content(where).decode("utf-8", "replace")
        plain = {"type": "text", "media_type": "text/plain", "data": text}
        return {"type": "document", "source": plain, **title}
    raise unreadable_part(where, f"a file of the type {carried.media_type!r}", _NAME)


def _base64_document(carried: DataURL) -> Block:
    source = {"type": "base64", "media_type": _PDF, "data": carried.data}
    return {"type": "document", "source": source}
