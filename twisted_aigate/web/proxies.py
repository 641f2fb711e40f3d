"""Who the client is, and how it came: the peer, or what a trusted proxy says of whom it serves."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from twisted.internet.interfaces import IAddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK: tuple[Network, ...] = (
    ipaddress.ip_network("127.0.0.0/8"),
    ipaddress.ip_network("::1/128"),
)


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _host(peer: IAddress) -> str:
    host: str = getattr(peer, "host", "unix")
    return host


class ClientAddresses:
    """
    Finds the client's address of a request, and whether it came over TLS.

    @param trusted: The networks of proxies whose C{X-Forwarded-For}, C{CF-Connecting-IP} and
        C{X-Forwarded-Proto} count.
    """

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = tuple(trusted)
        self._is_trusted = lru_cache(maxsize=1024)(self._look_up)

    def _look_up(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self._trusted)

    def _is_proxy(self, host: str) -> bool:
        return bool(self._trusted) and (host == "unix" or self._is_trusted(host))

    def find(self, peer: IAddress, forwarded_for: bytes | None, connecting: bytes | None) -> str:
        """
        The address that the request is counted under.

        C{X-Forwarded-For} is read from its right end, where the nearest proxy wrote: the first
        address that is no trusted proxy is the client's, and what stands to its left is hearsay.

        @param peer: The other end of the connection.
        @param forwarded_for: C{X-Forwarded-For}, if sent.
        @param connecting: C{CF-Connecting-IP}, if sent.
        @return: The address as text; C{unix} for a client on a Unix socket that no proxy names.
        """
        here = _host(peer)
        if not self._is_proxy(here):
            return here
        if forwarded_for is None and connecting is not None:
            # Only then: a proxy that is not Cloudflare's passes a client's own field on.
            address = _address(connecting.decode("latin-1"))
            return here if address is None else str(address)
        for part in reversed((forwarded_for or b"").decode("latin-1").split(",")):
            address = _address(part)
            if address is None:
                break
            here = str(address)
            if not self._is_trusted(here):
                break
        return here

    def is_secure(self, peer: IAddress, secure: bool, forwarded_proto: bytes | None) -> bool:
        """
        Whether the client's connection is over TLS.

        @param peer: The other end of the connection.
        @param secure: Whether this connection is.
        @param forwarded_proto: C{X-Forwarded-Proto}, if sent; its last value is the nearest
            proxy's, and what stands before is hearsay.
        """
        if forwarded_proto is None or not self._is_proxy(_host(peer)):
            return secure
        scheme = forwarded_proto.rpartition(b",")[2].strip().lower()
        return scheme == b"https" if scheme in (b"http", b"https") else secure
