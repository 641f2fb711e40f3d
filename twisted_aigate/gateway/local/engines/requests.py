"""Reading a job's body into a typed request, with OpenAI's kind of error for what does not fit."""

from __future__ import annotations

import re
from typing import Final, TypeVar

import msgspec

from twisted_aigate.gateway.local.engines import Refused

R = TypeVar("R", bound=msgspec.Struct)

# "Expected `str`, got `int` - at `$.input[0]`": the field is the first name after the dollar.
_PLACE: Final = re.compile(r" - at `\$\.(\w+)[^`]*`$")
_MISSING: Final = re.compile(r"^Object missing required field `(\w+)`$")


def parse(body: bytes, kind: type[R]) -> R:
    """
    Read a request; nulls stand for fields that were left out, as with OpenAI.

    @raise Refused: It is not JSON, or a field is of the wrong type.
    """
    return convert(parse_object(body), kind)


def parse_object(body: bytes) -> dict[str, object]:
    """
    Read a JSON object, less the fields that are null.

    @raise Refused: It is no JSON object.
    """
    try:
        values = msgspec.json.decode(body, type=dict[str, object])
    except msgspec.DecodeError as error:
        raise Refused(f"The request is no JSON object: {error}") from error
    return {name: value for name, value in values.items() if value is not None}


def convert(values: dict[str, object], kind: type[R]) -> R:
    """
    Make a typed request of a JSON object.

    @raise Refused: A field is missing or of the wrong type.
    """
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from error


def _refusal(message: str) -> Refused:
    if missing := _MISSING.match(message):
        name = missing[1]
        return Refused(
            f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter"
        )
    if place := _PLACE.search(message):
        name, reason = place[1], message[: place.start()]
        return Refused(f"Invalid value for '{name}': {reason}.", param=name, code="invalid_value")
    return Refused(message)
