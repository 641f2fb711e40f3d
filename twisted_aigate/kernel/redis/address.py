"""Where a Redis is, and who we are to it."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import frozen
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import (
    IReactorPluggableNameResolver,
    IReactorTCP,
    IReactorTime,
    IReactorUNIX,
    IStreamClientEndpoint,
)

from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.units import SECOND

CONNECT_TIMEOUT = 5 * SECOND
_PORT = 6379


class RedisReactor(IReactorTCP, IReactorUNIX, IReactorTime, IReactorPluggableNameResolver):
    """What a connection to Redis needs of a reactor."""


@frozen
class RedisAddress:
    """
    Where it is. As a text it is the URL, without the password.

    @ivar path: Of its Unix socket; C{None}: it is at C{host} and C{port}.
    @ivar tls: It speaks TLS, with a certificate for C{host}.
    @ivar username: C{None}: the default user.
    @ivar database: The number of the database.
    """

    host: str = "localhost"
    port: int = _PORT
    path: str | None = None
    tls: bool = False
    username: str | None = None
    password: Secret | None = None
    database: int = 0

    def __str__(self) -> str:
        user = "" if self.password is None else f"{self.username or ''}:****@"
        if self.path is not None:
            return f"unix://{user}{self.path}?db={self.database}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' * self.tls}://{user}{host}:{self.port}/{self.database}"

    def endpoint(self, reactor: RedisReactor) -> IStreamClientEndpoint:
        """Where to connect to."""
        if self.path is not None:
            return UNIXClientEndpoint(reactor, self.path, timeout=CONNECT_TIMEOUT)
        tcp = HostnameEndpoint(reactor, self.host, self.port, timeout=CONNECT_TIMEOUT)
        if not self.tls:
            return tcp
        # Imported when it is first needed: OpenSSL costs 15 MB and a tenth of a second.
        from twisted.internet.ssl import optionsForClientTLS

        return wrapClientTLS(optionsForClientTLS(self.host), tcp)


def parse_redis_url(text: str) -> RedisAddress:
    """
    Parse a Redis's URL.

    It is C{redis://[[user]:password@]host[:port][/database]}, the same with C{rediss} for TLS, or
    C{unix://[[user]:password@]/path[?db=database]}.

    Source: https://www.iana.org/assignments/uri-schemes/prov/redis

    @raise ValueError: It is none of these.
    """
    parts = urlsplit(text)
    options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    database = options.pop("db", "")
    if parts.scheme not in ("redis", "rediss", "unix") or parts.fragment or options:
        raise ValueError("not a Redis URL")
    username = unquote(parts.username or "") or None
    password = Secret(unquote(parts.password)) if parts.password else None
    if parts.scheme == "unix":
        if parts.hostname or not parts.path:
            raise ValueError("no path of a socket")
        return RedisAddress(
            path=unquote(parts.path),
            username=username,
            password=password,
            database=int(database or 0),
        )
    return RedisAddress(
        host=parts.hostname or "localhost",
        port=parts.port or _PORT,
        tls=parts.scheme == "rediss",
        username=username,
        password=password,
        database=int(parts.path.strip("/") or database or 0),
    )
