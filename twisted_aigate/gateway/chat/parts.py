"""The parts of a chat message's content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Part = dict[str, Any]


def text_part(text: str) -> Part:
    """A part that is text."""
    return {"type": "text", "text": text}


def image_part(url: str, **more: Any) -> Part:
    """A part that is an image."""
    return {"type": "image_url", "image_url": {"url": url, **more}}


def joined(parts: Iterable[Part], between: str = "\n\n") -> str:
    """The text of the parts that are text."""
    return between.join(part["text"] for part in parts if part["type"] == "text")


def as_content(parts: Sequence[Part]) -> str | list[Part]:
    """Parts as a content: a plain string where there is only text, which every server takes."""
    if all(part["type"] == "text" for part in parts):
        return joined(parts)
    return list(parts)
