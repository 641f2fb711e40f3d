"""
What Google's APIs say in place of an answer.

Source: https://google.aip.dev/193
"""

from __future__ import annotations

import contextlib
import re
from typing import Any

import msgspec
from msgspec import Struct

from twisted_aigate.gateway.providers.upstream import Refusal

_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")
_WRONG_KEY = "API_KEY_INVALID"


class _Status(Struct):
    message: str | None = None
    status: str | None = None
    code: int | None = None
    details: list[dict[str, Any]] = []


class _Reply(Struct):
    error: _Status


_decoder = msgspec.json.Decoder(_Reply | list[_Reply])


def read_refusal(body: bytes) -> Refusal:
    """What is refused; a wrong key, which Google calls a wrong argument, is a 401."""
    try:
        said = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Refusal()
    reply = said[0] if isinstance(said, list) and said else said
    if isinstance(reply, list):
        return Refusal()
    error = reply.error
    status = error.code if error.code is not None and 400 <= error.code < 600 else None
    if any(detail.get("reason") == _WRONG_KEY for detail in error.details):
        status = 401
    return Refusal(error.message, None, error.status, status, _retry_after(error.details))


def _retry_after(details: list[dict[str, Any]]) -> float | None:
    for detail in details:
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and (found := _SECONDS.fullmatch(delay)):
            with contextlib.suppress(ValueError):
                return float(found[1])
    return None
