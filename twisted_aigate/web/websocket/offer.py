"""A client's offer to speak WebSocket (RFC 6455, 4.1 and 4.2.1)."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode

from attrs import frozen

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_KEY_BYTES = 16


@frozen
class WebSocketOffer:
    """
    A valid offer.

    @ivar key: What the answer proves to have read.
    @ivar subprotocols: What the client would speak, its favourite first.
    """

    key: bytes
    subprotocols: tuple[str, ...] = ()


def websocket_offer(method: bytes, fields: list[tuple[bytes, bytes]]) -> WebSocketOffer | None:
    """
    The offer in a request's head that has no body.

    @param fields: (lower-case name, value).
    @return: C{None}: there is none that can be taken up.
    """
    if method != b"GET" or b"websocket" not in _list(fields, b"upgrade"):
        return None
    keys = _values(fields, b"sec-websocket-key")
    if (
        b"upgrade" not in _list(fields, b"connection")
        or _values(fields, b"sec-websocket-version") != [b"13"]
        or len(keys) != 1
        or not _is_key(keys[0])
    ):
        return None
    offered = b",".join(_values(fields, b"sec-websocket-protocol"))
    subprotocols = [each.strip() for each in offered.split(b",")] if offered else []
    if not all(map(_TOKEN.fullmatch, subprotocols)):
        return None
    return WebSocketOffer(keys[0], tuple(each.decode("ascii") for each in subprotocols))


def _values(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for candidate, value in fields if candidate == name]


def _list(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [each.strip().lower() for each in b",".join(_values(fields, name)).split(b",")]


def _is_key(value: bytes) -> bool:
    try:
        return len(b64decode(value, validate=True)) == _KEY_BYTES
    except binascii.Error:
        return False
