"""Where a request goes, and what it is made of."""

from __future__ import annotations

from functools import cached_property
from urllib.parse import urlsplit

from attrs import field, frozen
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer

Fields = tuple[tuple[bytes, bytes], ...]

_DEFAULT_PORTS = {"http": 80, "https": 443}


@frozen(slots=False)
class Origin:
    """
    A server: scheme, host and port (RFC 6454).

    @ivar scheme: C{http} or C{https}.
    @ivar host: A name or address.
    @ivar port: The TCP port.
    """

    scheme: str
    host: str
    port: int

    @cached_property
    def authority(self) -> bytes:
        """The C{Host} header's value."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.port == _DEFAULT_PORTS[self.scheme]:
            return host.encode("ascii")
        return f"{host}:{self.port}".encode("ascii")


def split_url(url: str) -> tuple[Origin, str]:
    """
    Take a base URL apart.

    @return: The origin, and the path without a trailing slash.
    @raise ValueError: It is no C{http} or C{https} URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is no http or https URL")
    host = (
        parts.hostname.encode("idna").decode("ascii")
        if ":" not in parts.hostname
        else (parts.hostname)
    )
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    return Origin(parts.scheme, host, port), parts.path.rstrip("/")


@frozen
class OutgoingRequest:
    """
    A request to send.

    @ivar method: Such as C{b"POST"}.
    @ivar target: Path and query.
    @ivar fields: Header fields beside C{Host} and the length.
    @ivar body: All of it, or a push producer that makes it.
    """

    method: bytes
    target: bytes
    fields: Fields = ()
    body: bytes | IBodyProducer = field(default=b"")

    def head(self, origin: Origin) -> bytes:
        """The head, up to and with the empty line."""
        lines = [b"%b %b HTTP/1.1\r\nHost: %b" % (self.method, self.target, origin.authority)]
        for name, value in self.fields:
            lines.append(name + b": " + value)
        if isinstance(self.body, bytes):
            if self.body or self.method not in (b"GET", b"HEAD", b"DELETE"):
                lines.append(b"Content-Length: %d" % len(self.body))
        elif self.body.length is UNKNOWN_LENGTH:
            lines.append(b"Transfer-Encoding: chunked")
        else:
            lines.append(b"Content-Length: %d" % self.body.length)
        lines.append(b"\r\n")
        return b"\r\n".join(lines)
