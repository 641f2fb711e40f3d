"""The cookie that brings a client back to its browser."""

from __future__ import annotations

from twisted_aigate.web.errors import Headers
from twisted_aigate.web.request import Request

COOKIE = b"INSTANCEID"


def pinned(request: Request) -> str | None:
    """The name of the browser that a client was with before; C{None}: any will do."""
    for part in (request.joined_field(b"cookie") or b"").replace(b",", b";").split(b";"):
        name, _, value = part.strip().partition(b"=")
        if name == COOKIE:
            return value.strip(b'"').decode("latin-1")
    return None


def pin_to(replica: str) -> Headers:
    """The header fields that have the client come back to a browser."""
    return ((b"Set-Cookie", b"%b=%b; Path=/; HttpOnly" % (COOKIE, replica.encode("ascii"))),)
