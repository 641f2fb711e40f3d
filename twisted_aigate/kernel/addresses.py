"""
Which addresses are the public internet's.

Whoever connects to what an outsider names must not be led to this machine, to its network, or to a
cloud's metadata service.
Source: https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 counterpart.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_DOCUMENTATION = IPv6Network("3fff::/20")
_NAT64 = IPv6Network("64:ff9b::/96")
_NOT_FOR_OUTSIDERS = (
    # Protocol assignments, the deprecated relays of 6to4 (RFC 7526), and what Azure answers its own
    # machines on: ipaddress takes them for global, in some versions or in all.
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network("168.63.129.16/32"),
)


def is_public(address: str) -> bool:
    """
    Whether an address is one that anybody on the internet could be meant by.

    An IPv6 address that carries an IPv4 address (mapped, NAT64, 6to4) is as public as that one.

    @param address: In its standard notation; anything else, also one with a zone, is not public.
    """
    try:
        return _is_public_v4(IPv4Address(address))
    except AddressValueError:
        pass
    try:
        return _is_public_v6(IPv6Address(address))
    except AddressValueError:
        return False


def _is_public_v4(address: IPv4Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _NOT_FOR_OUTSIDERS)
    )


def _is_public_v6(address: IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    if address.ipv4_mapped is not None:
        return _is_public_v4(address.ipv4_mapped)
    if address in _NAT64:
        return _is_public_v4(IPv4Address(int(address) & 0xFFFF_FFFF))
    if address.sixtofour is not None:
        return _is_public_v4(address.sixtofour)
    return address in _GLOBAL_UNICAST and address.is_global and address not in _DOCUMENTATION
