"""Content blocks as parts of a chat message's content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.messages.blocks import (
    Block,
    Document,
    Image,
    SearchResult,
    Text,
    read_blocks,
)
from twisted_aigate.gateway.messages.models import Content

Part = dict[str, Any]

_PDF = "application/pdf"


def text_part(text: str) -> Part:
    """A part that is text."""
    return {"type": "text", "text": text}


def joined(parts: Iterable[Part], between: str = "\n\n") -> str:
    """The text of the parts that are text."""
    return between.join(part["text"] for part in parts if part["type"] == "text")


def as_content(parts: Sequence[Part]) -> str | list[Part]:
    """Parts as a content: a plain string where there is only text, which every server takes."""
    if all(part["type"] == "text" for part in parts):
        return joined(parts)
    return list(parts)


def parts_of(blocks: Iterable[Block], deployment: Deployment, where: str) -> list[Part]:
    """
    Blocks as parts; blocks that are no content (thoughts, calls) are passed over.

    @param deployment: Who is to read them.
    @param where: Their place in the request, for errors.
    @raise GatewayError: 400: the deployment cannot read one.
    """
    parts = []
    for block in blocks:
        match block:
            case Text(text=text) if text:
                parts.append(text_part(text))
            case Image(source=source) if source.type == "base64":
                parts.append(_image(f"data:{source.media_type};base64,{source.data}"))
            case Image(source=source) if source.type == "url":
                parts.append(_image(source.url))
            case Image(source=source):
                raise _unreadable("an image", source.type, where)
            case Document():
                parts += _document(block, deployment, where)
            case SearchResult():
                text = _text(block.content, deployment, where)
                parts.append(text_part(_headed((block.title, block.source), text)))
    return parts


def _image(url: str) -> Part:
    return {"type": "image_url", "image_url": {"url": url}}


def _document(document: Document, deployment: Deployment, where: str) -> list[Part]:
    source = document.source
    head = (document.title, document.context)
    match source.type:
        case "text":
            return [text_part(_headed(head, source.data))]
        case "content":
            inner = parts_of(read_blocks(source.content, where), deployment, where)
            others = [part for part in inner if part["type"] != "text"]
            return [text_part(_headed(head, joined(inner))), *others]
        case "base64" if source.media_type == _PDF:
            if deployment.info.get("supports_pdf_input") is not True:
                raise GatewayError(
                    400,
                    f"{where}: {deployment.model_name} does not read PDF documents "
                    "(its model_info does not say supports_pdf_input).",
                    param=where,
                )
            heading = _headed(head, "")
            return [
                *([text_part(heading)] if heading else []),
                {
                    "type": "file",
                    "file": {
                        "filename": document.title or "document.pdf",
                        "file_data": f"data:{_PDF};base64,{source.data}",
                    },
                },
            ]
    raise _unreadable("a document", source.type, where)


def _text(content: Content, deployment: Deployment, where: str) -> str:
    return joined(parts_of(read_blocks(content, where), deployment, where))


def _headed(head: Iterable[str | None], text: str) -> str:
    return "\n".join(filter(None, (*head, text)))


def _unreadable(what: str, source: str, where: str) -> GatewayError:
    return GatewayError(
        400, f"{where}: {what} with a source of the type {source!r} is not taken here.", param=where
    )
