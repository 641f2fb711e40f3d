"""Parts of the Responses API's contents as parts of a chat message's content."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from twisted_aigate.gateway.chat.parts import Part, image_part, text_part
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.responses.models import Content


class _Audio(Struct):
    data: str
    format: str


class _Part(Struct, omit_defaults=True):
    type: str
    text: str = ""
    refusal: str = ""
    image_url: str | None = None
    detail: str | None = None
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    input_audio: _Audio | None = None


_decoder = msgspec.json.Decoder(_Part)


def parts_of(content: Content, where: str) -> list[Part]:
    """
    A content's parts; empty text is left out.

    @param where: The content's place in the request, for errors.
    @raise GatewayError: 400: a chat has nothing for one.
    """
    if isinstance(content, str):
        return [text_part(content)] if content else []
    parts = []
    for index, raw in enumerate(content):
        place = f"{where}[{index}]"
        try:
            part = _decoder.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise GatewayError(400, f"{place}: {error}.", param=place) from None
        made = _part(part, place)
        if made is not None:
            parts.append(made)
    return parts


def _part(part: _Part, where: str) -> Part | None:
    match part.type:
        case "input_text" | "output_text" | "text" | "refusal":
            text = part.text or part.refusal
            return text_part(text) if text else None
        case "input_image" if part.image_url is not None:
            more = {} if part.detail in (None, "auto") else {"detail": part.detail}
            return image_part(part.image_url, **more)
        case "input_file":
            return {"type": "file", "file": _file(part, where)}
        case "input_audio" if part.input_audio is not None:
            return {"type": "input_audio", "input_audio": msgspec.to_builtins(part.input_audio)}
    what = f"a part of the type {part.type!r}"
    if part.type == "input_image":
        what = "an image by its file_id"
    raise GatewayError(400, f"{where}: {what} is not taken by this model here.", param=where)


def _file(part: _Part, where: str) -> dict[str, str]:
    named = {} if part.filename is None else {"filename": part.filename}
    if part.file_data is not None:
        return {**named, "file_data": part.file_data}
    # A chat has no field for a URL: as in LiteLLM it stands for the file's id.
    known_as = part.file_id or part.file_url
    if known_as is None:
        raise GatewayError(
            400, f"{where}: a file needs file_data, file_url or file_id.", param=where
        )
    return {**named, "file_id": known_as}
