"""From a chat's messages to contents."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.chats.media import DataURL, parse_data_url
from twisted_aigate.gateway.providers.chats.models import (
    File,
    ImageURL,
    Message,
    Part,
    ToolCall,
    unreadable_part,
)
from twisted_aigate.gateway.providers.gemini.signatures import signature_of

Fields = dict[str, Any]

_NAME = "gemini"
_SYSTEM = ("system", "developer")
_NO_SIGNATURE = base64.b64encode(b"skip_thought_signature_validator").decode("ascii")
"""For a call that came without one, from another model or a client that lost it: Google's word."""

_SOUNDS = {"mp3": "audio/mp3", "wav": "audio/wav"}
_object = msgspec.json.Decoder(dict[str, Any])


def contents(
    messages: Sequence[Message], fetched: Mapping[str, DataURL], *, signed: bool
) -> Fields:
    """
    C{systemInstruction} and C{contents}.

    System messages move to the front, and neighbours of one role become one content.

    @param fetched: The images that are elsewhere, by their URL.
    @param signed: The model wants its calls back with the signatures of the thoughts before them.
    @raise GatewayError: 400: a message cannot be taken.
    """
    system: list[Fields] = []
    turns: list[Fields] = []
    names: dict[str, str] = {}
    for index, message in enumerate(messages):
        where = f"messages.{index}"
        if message.role in _SYSTEM:
            system += _parts(message.parts, f"{where}.content", fetched)
            continue
        for call in message.tool_calls or ():
            names[call.id] = call.function.name
        role, parts = _turn(message, where, names, fetched, signed)
        if turns and turns[-1]["role"] == role:
            turns[-1]["parts"] += parts
        elif parts:
            turns.append({"role": role, "parts": parts})
    instruction = {"systemInstruction": {"parts": system}} if system else {}
    return {**instruction, "contents": turns}


def linked_images(messages: Sequence[Message]) -> list[str]:
    """The URLs of images that the API does not fetch itself."""
    urls = (_url(part) for message in messages for part in message.parts)
    return [url for url in urls if url.startswith(("http://", "https://"))]


def _url(part: Part) -> str:
    image = part.image_url
    return image.url if isinstance(image, ImageURL) else image or ""


def _turn(
    message: Message,
    where: str,
    names: Mapping[str, str],
    fetched: Mapping[str, DataURL],
    signed: bool,
) -> tuple[str, list[Fields]]:
    match message.role:
        case "user":
            return "user", _parts(message.parts, f"{where}.content", fetched)
        case "assistant":
            said = _parts(message.parts, f"{where}.content", fetched)
            return "model", [*said, *_calls(message.tool_calls or (), where, signed)]
        case "tool" | "function":
            return "user", [_response(message, names, signed)]
    raise GatewayError(400, f"{where}: there is no role {message.role!r}.", param=f"{where}.role")


def _calls(calls: Sequence[ToolCall], where: str, signed: bool) -> list[Fields]:
    parts: list[Fields] = []
    for index, call in enumerate(calls):
        made: Fields = {
            "name": call.function.name,
            "args": call.input(f"{where}.tool_calls.{index}"),
        }
        call_id, signature = signature_of(call)
        if signed:
            made["id"] = call_id
        part: Fields = {"functionCall": made}
        if signature is not None:
            part["thoughtSignature"] = signature
        elif signed and index == 0:
            # Of calls that are made side by side only the first has one.
            part["thoughtSignature"] = _NO_SIGNATURE
        parts.append(part)
    return parts


def _response(message: Message, names: Mapping[str, str], signed: bool) -> Fields:
    call_id = message.tool_call_id
    text = message.text
    try:
        said = _object.decode(text)
    except msgspec.MsgspecError:
        said = {"output": text}
    made: Fields = {"name": names.get(call_id) or message.name or call_id, "response": said}
    if signed:
        made["id"] = signature_of(ToolCall(call_id))[0]
    return {"functionResponse": made}


def _parts(parts: Sequence[Part], where: str, fetched: Mapping[str, DataURL]) -> list[Fields]:
    return [
        made
        for index, part in enumerate(parts)
        if (made := _part(part, f"{where}.{index}", fetched)) is not None
    ]


def _part(part: Part, where: str, fetched: Mapping[str, DataURL]) -> Fields | None:
    match part.type:
        case "text" | "refusal":
            text = part.text or part.refusal
            return {"text": text} if text else None
        case "image_url" if part.image_url is not None:
            url = _url(part)
            return _media(url, where, fetched.get(url))
        case "input_audio" if part.input_audio is not None:
            sound = part.input_audio
            kind = _SOUNDS.get(sound.format, f"audio/{sound.format}")
            return _inline(DataURL(kind, sound.data))
        case "file" if part.file is not None:
            return _file(part.file, where)
    raise unreadable_part(where, f"a part of the type {part.type!r}", _NAME)


def _file(file: File, where: str) -> Fields:
    if not file.file_id:
        return _media(file.file_data or "", where, None)
    kind = mimetypes.guess_type(file.filename or file.file_id)[0]
    known = {"mimeType": kind} if kind else {}
    return {"fileData": {"fileUri": file.file_id, **known}}


def _media(url: str, where: str, fetched: DataURL | None) -> Fields:
    carried = fetched or parse_data_url(url, where)
    if carried is not None:
        return _inline(carried)
    if url.startswith("gs://"):
        return {"fileData": {"fileUri": url}}
    raise unreadable_part(where, "a file without an id or a data URL", _NAME)


def _inline(carried: DataURL) -> Fields:
    return {"inlineData": {"mimeType": carried.media_type, "data": carried.data}}
