"""Heads of HTTP messages, as a forward proxy passes them on (RFC 9110, 7.6; RFC 9112, 3.2)."""

from __future__ import annotations

import re

from attrs import frozen

_REQUEST = re.compile(rb"([A-Z]{1,20}) ([^ \r\n]{1,32768}) HTTP/1\.[01]")
_ABSOLUTE = re.compile(rb"http://(?:[^/?#@]*@)?([^/?#@]+)([^#]*)", re.IGNORECASE)
_AUTHORITY = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?")
_HOST = re.compile(r"[0-9A-Za-z._-]{1,253}")
_HOP_BY_HOP = frozenset(
    (b"connection", b"proxy-connection", b"keep-alive", b"proxy-authorization", b"te")
)
_HTTP_PORT = 80


class BadHead(Exception):
    """It is no request that a proxy could pass on."""


@frozen
class Destination:
    """
    Where a request is to go.

    @ivar host: A name or an address, IPv6 without brackets.
    @ivar port: The TCP port.
    """

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def destination(authority: bytes, default: int | None) -> Destination:
    """
    Where an authority (C{host:port}) leads.

    @param default: The port if none is named.
    @raise BadHead: Nowhere.
    """
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise BadHead
    host = found[1].decode("latin-1")
    port = default if found[2] is None else int(found[2])
    if port is None or not 0 < port < 65536:
        raise BadHead
    if host.startswith("["):
        return Destination(host[1:-1], port)
    if _HOST.fullmatch(host) is None:
        raise BadHead
    return Destination(host, port)


@frozen
class RequestHead:
    """
    A request, as it is passed on.

    @ivar to: Where it goes.
    @ivar forwarded: Its head for the server; C{None}: a tunnel is wanted (C{CONNECT}).
    """

    to: Destination
    forwarded: bytes | None


def read_request(head: bytes) -> RequestHead:
    """
    Read a request's head.

    @param head: All of it, its empty line too.
    @raise BadHead: It is none that can be passed on.
    """
    first, _, rest = head.partition(b"\r\n")
    line = _REQUEST.fullmatch(first)
    if line is None:
        raise BadHead
    method, target = line[1], line[2]
    if method == b"CONNECT":
        return RequestHead(destination(target, None), None)
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise BadHead
    path = absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]
    to = destination(absolute[1], _HTTP_PORT)
    return RequestHead(to, b"%b %b HTTP/1.1\r\n" % (method, path) + _closing(rest))


def _closing(fields: bytes) -> bytes:
    # One request a connection: who comes next may want to go elsewhere.
    kept = [
        line
        for line in fields.split(b"\r\n")
        if line and line.partition(b":")[0].strip().lower() not in _HOP_BY_HOP
    ]
    return b"\r\n".join((*kept, b"Connection: close", b"", b""))


def closing_response(head: bytes) -> bytes:
    """A response's head that says that no other response follows on its connection."""
    status, _, fields = head.partition(b"\r\n")
    return status + b"\r\n" + _closing(fields)


def is_interim(head: bytes) -> bool:
    """Whether a response is one before the real one (C{1xx})."""
    return head.partition(b" ")[2].startswith(b"1")
