"""What an HTTP connection becomes when a response switches protocols (RFC 9110, 7.8)."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import ITransport
from twisted.python.failure import Failure


class Successor(Protocol):
    """What speaks on a connection in place of HTTP: a Twisted protocol that can be told to end."""

    def makeConnection(self, transport: ITransport) -> None:
        """The connection is its."""

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""

    def connectionLost(self, reason: Failure) -> None:
        """The connection is gone."""

    def drain(self) -> None:
        """Close, and tell the client why: the server stops."""
