"""JSON bodies: read within the limit, parsed into the typed models that define them."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from twisted_aigate.web.errors import HTTPError

_T = TypeVar("_T")

_PATH = re.compile(r" - at `\$?\.?([^`]*)`$")
_MISSING = re.compile(r"missing required field `([^`]+)`")
_fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _refusal(error: msgspec.ValidationError, status: int) -> HTTPError:
    message = str(error)
    found = _PATH.search(message)
    path = found[1] if found else ""
    missing = _MISSING.search(message)
    if missing:
        path = f"{path}.{missing[1]}" if path else missing[1]
        return HTTPError(status, f"Missing required parameter: '{path}'.", param=path)
    said = message[: found.start()] if found else message
    subject = f"'{path}'" if path else "the body"
    return HTTPError(status, f"Invalid value for {subject}: {said}.", param=path or None)


def parse(decoder: msgspec.json.Decoder[_T], body: bytes, status: int = 400) -> _T:
    """
    Parse a body into a typed model.

    @param status: Of the refusal of JSON that is not of the model's shape.
    @raise HTTPError: C{status}, naming the field: it is not of the model's shape; 400: it is no
        JSON.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _refusal(error, status) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HTTPError(400, f"The body is not valid JSON: {error}.") from None


def parse_fields(body: bytes) -> dict[str, msgspec.Raw]:
    """
    The fields of a JSON object, each still in the text that it came in.

    @raise HTTPError: 400: it is no JSON object.
    """
    return parse(_fields_decoder, body)
