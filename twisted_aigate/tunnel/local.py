"""Where a program of this machine reaches us without TLS."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

_PLAIN = frozenset(("tcp", "tcp6", "systemd"))


def local_url(listening: Iterable[tuple[str, IAddress]]) -> str | None:
    """
    The URL of the first plain port.

    @param listening: Twisted's descriptions of endpoints, each with the address that it has got.
    @return: Without a slash at its end; C{None}: there is no such port.
    """
    for description, address in listening:
        kind = description.partition(":")[0]
        if kind in _PLAIN and isinstance(address, IPv4Address | IPv6Address):
            return f"http://{_host(address.host)}:{address.port}"
    return None


def _host(host: str) -> str:
    address = ip_address(host.partition("%")[0])
    if address.is_unspecified:
        # What listens for IPv6 everywhere mostly hears IPv4 too, but need not.
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return host if address.version == 4 else f"[{host}]"
