"""The items of an input: the kinds that are known here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.responses.mcp import CALLED, LISTED, unfolded
from twisted_aigate.gateway.responses.models import Content
from twisted_aigate.kernel.identifiers import new_id


class Message(Struct):
    """A message."""

    role: Literal["user", "assistant", "system", "developer"]
    content: Content


class FunctionCall(Struct):
    """A call of a function that the model made."""

    call_id: str
    name: str
    arguments: str


class FunctionCallOutput(Struct):
    """What a function answered."""

    call_id: str
    output: Content


class Reasoning(Struct):
    """What a model thought; nobody but that model reads it."""


Item = Message | FunctionCall | FunctionCallOutput | Reasoning

_KINDS: dict[str, type[Item]] = {
    "message": Message,
    "function_call": FunctionCall,
    "function_call_output": FunctionCallOutput,
    "reasoning": Reasoning,
}
_PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fco"}


class _Tagged(Struct):
    type: str = "message"


_tagged = msgspec.json.Decoder(_Tagged)
_decoders = {kind: msgspec.json.Decoder(item) for kind, item in _KINDS.items()}
_fields_decoder = msgspec.json.Decoder(dict[str, Any])


def read_items(items: Iterable[Raw], *, lenient: bool) -> Iterator[tuple[str, Item]]:
    """
    The items, each with its place in the request, for errors.

    @param lenient: Pass over the kinds that a chat has nothing for.
    @raise GatewayError: 400: one is of another kind, or not of its kind's form.
    """
    for index, raw in enumerate(items):
        where = f"input[{index}]"
        try:
            kind = _tagged.decode(raw).type
            decoder = _decoders.get(kind)
            if decoder is not None:
                yield where, decoder.decode(raw)
                continue
            if kind in (CALLED, LISTED):
                for item in unfolded(_fields_decoder.decode(raw)):
                    yield where, msgspec.convert(item, _KINDS[item["type"]])
                continue
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise GatewayError(400, f"{where}: {error}.", param=where) from None
        if not lenient:
            raise GatewayError(
                400,
                f"{where}: an item of the type {kind!r} is for OpenAI's own servers: this model"
                " is asked over chat completions.",
                param=where,
                code="unsupported_item",
            )


def raw_items(given: Content | None) -> list[Raw]:
    """The items of an input; text by itself is one."""
    if isinstance(given, str):
        return [Raw(msgspec.json.encode({"role": "user", "content": given}))]
    return given or []


def portable(items: Iterable[Raw]) -> Iterator[dict[str, Any]]:
    """
    Items of responses that are kept here, as a provider takes them that does not know them.

    @return: They are without ids, and without thoughts, which are another model's; tools that were
        run here are functions.
    """
    for raw in items:
        for item in unfolded(_fields_decoder.decode(raw)):
            if item.get("type") != "reasoning":
                item.pop("id", None)
                yield item


def listed(given: Content) -> list[dict[str, Any]]:
    """
    An input as C{GET /responses/{id}/input_items} lists it: items alone, each with an id.

    @raise GatewayError: 400: one is no object.
    """
    if isinstance(given, str):
        return [_completed({"role": "user", "content": given})]
    try:
        return [_completed(_fields_decoder.decode(raw)) for raw in given]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise GatewayError(400, f"Invalid value for 'input': {error}.", param="input") from None


def _completed(item: dict[str, Any]) -> dict[str, Any]:
    kind = item.get("type") or "message"
    prefix = _PREFIXES.get(kind, "item")
    whole = {"id": f"{prefix}_{new_id()}", "type": kind}
    whole |= {name: value for name, value in item.items() if value is not None}
    if kind in _PREFIXES:
        whole.setdefault("status", "completed")
    for place in ("content", "output"):
        if isinstance(whole.get(place), list):
            whole[place] = [_completed_part(part) for part in whole[place]]
    if kind == "message" and isinstance(item.get("content"), str):
        whole["content"] = [_text(item.get("role"), item["content"])]
    return whole


def _text(role: object, text: str) -> dict[str, Any]:
    if role == "assistant":
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "input_text", "text": text}


def _completed_part(part: Any) -> Any:
    if isinstance(part, dict) and part.get("type") == "input_image":
        return {"detail": "auto", **part}
    return part
