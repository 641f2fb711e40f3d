"""Content blocks as parts of a chat message's content."""

from __future__ import annotations

from collections.abc import Iterable

from twisted_aigate.gateway.chat.parts import Part, image_part, joined, text_part
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

_PDF = "application/pdf"


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
                parts.append(image_part(f"data:{source.media_type};base64,{source.data}"))
            case Image(source=source) if source.type == "url":
                parts.append(image_part(source.url))
            case Image(source=source):
                raise _unreadable("an image", source.type, where)
            case Document():
                parts += _document(block, deployment, where)
            case SearchResult():
                text = _text(block.content, deployment, where)
                parts.append(text_part(_headed((block.title, block.source), text)))
    return parts


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
