"""
What differs between the protocol's revisions.

Source: https://modelcontextprotocol.io/specification/versioning
"""

from __future__ import annotations

from mcp_types.version import (
    HANDSHAKE_PROTOCOL_VERSIONS,
    LATEST_HANDSHAKE_VERSION,
    MODERN_PROTOCOL_VERSIONS,
    is_version_at_least,
)

HANDSHAKES = frozenset(HANDSHAKE_PROTOCOL_VERSIONS)
"""The revisions that begin with C{initialize}."""

MODERN = frozenset(MODERN_PROTOCOL_VERSIONS)
"""The revisions whose requests each stand alone, with all that is to be known in C{_meta}."""

_WITH_BATCHES = frozenset(("2024-11-05", "2025-03-26"))


def negotiated(offered: str) -> str:
    """The revision that is spoken with a client that offers one in C{initialize}."""
    return offered if offered in HANDSHAKES else LATEST_HANDSHAKE_VERSION


def has_batches(version: str) -> bool:
    """Whether several messages may come in one JSON array."""
    return version in _WITH_BATCHES


def primes_streams(version: str) -> bool:
    """
    Whether a stream begins with an event that has an id and no data.

    Clients of earlier revisions take each event's data for a message.
    """
    return is_version_at_least(version, "2025-11-25")
