"""
Whose web pages may call.

A page of anywhere may have its own name resolve to this machine (DNS rebinding): its requests then
reach us from the inside, and only C{Origin} tells whose they are.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))


class Origins:
    """
    The origins whose pages may call.

    @param allowed: Those of other servers, such as C{https://chat.example}.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)

    def allows(self, origin: str | None, base_url: str) -> bool:
        """
        Whether a request may come from a page.

        @param origin: The field C{Origin}; C{None}: it comes from no page.
        @param base_url: Scheme and authority that the request was sent to.
        """
        if origin is None or origin.lower() in self._allowed:
            return True
        try:
            host = urlsplit(origin).hostname or ""
        except ValueError:
            return False
        if host in _LOOPBACK:
            return True
        # Our own pages. A name that was bent to this machine has no certificate that we would
        # present, and an address cannot be bent.
        same = origin.lower() == base_url.lower()
        return same and (origin.startswith("https:") or _is_address(host))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
