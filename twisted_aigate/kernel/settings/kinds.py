"""The kinds of value that variables have."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from twisted_aigate.kernel.redis.address import parse_redis_url
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.settings.variables import Kind
from twisted_aigate.kernel.units import parse_duration, parse_rate, parse_size

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _port(text: str) -> int:
    number = int(text)
    if not 0 < number < 65536:
        raise ValueError(text)
    return number


def _count(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text)
        if number < least:
            raise ValueError(text)
        return number

    return parse


def _switch(text: str) -> bool:
    try:
        return {"1": True, "0": False}[text.strip()]
    except KeyError:
        raise ValueError(text) from None


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(
        ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip()
    )


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or not text.isascii():
        raise ValueError(text)
    return text


def _texts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def choice(*allowed: str) -> Kind:
    """One word out of a list."""

    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return Kind(parse, "one of the words known", ", ".join(allowed))


def _secret(text: str) -> Secret:
    # A header cannot carry anything else, so such a secret could never be presented.
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("not printable ASCII")
    return Secret(text)


def _login(text: str) -> Secret:
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise ValueError("not user:password")
    return Secret(text)


PORT = Kind(_port, "a port", "a number from 1 to 65535")
SWITCH = Kind(_switch, "a switch", "1, 0, or unset")
DURATION = Kind(parse_duration, "a duration", "such as 30s, 5m, 1h, 2d12h, or seconds; 0: none")
SIZE = Kind(parse_size, "a size", "such as 500B, 50KB, 10MB, 1GB; 0: no limit")
RATE = Kind(parse_rate, "a rate", "such as 10r/s, 500r/m, 100r/h, or off", nothing="off")
SECRET = Kind(_secret, "a secret", "printable ASCII without spaces")
LOGIN = Kind(_login, "a login", "user:password")
REDIS = Kind(
    parse_redis_url,
    "a URL of Redis",
    "redis://[[user]:password@]host[:port][/database], rediss://…, or unix:///path",
)
FOLDER = Kind(Path, "a folder", "a path")
FILE = Kind(Path, "a file", "a path")
TEXT = Kind(str, "a text", "any text")
URL = Kind(_url, "a URL", "such as http://127.0.0.1:8888")
TEXTS = Kind(_texts, "a list", "any texts separated by commas")
NETWORKS = Kind(_networks, "a list of networks", "CIDRs separated by commas, such as 10.0.0.0/8")
AT_LEAST_ZERO = Kind(_count(0), "a count", "a whole number, 0 or more")
AT_LEAST_ONE = Kind(_count(1), "a count", "a whole number, 1 or more")
