"""What carries messages to another server and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred


class Lost(Exception):
    """
    The connection to a server is lost, or could not be made.

    Its text says why.
    """


class SessionLost(Lost):
    """The server does not know the session any more: what was sent has not been done."""


class Receiver(Protocol):
    """What is told what comes."""

    def received(self, message: Any) -> None:
        """A message came."""

    def lost(self, reason: Lost) -> None:
        """No further message will come."""


class Transport(Protocol):
    """A connection to a server."""

    async def open(self, receiver: Receiver) -> None:
        """
        Make it ready.

        @param receiver: Told of what comes from now on.
        @raise Lost: It cannot be.
        """

    async def send(self, message: Mapping[str, Any]) -> None:
        """
        Send a message.

        For a request it fires at the latest when that is answered.

        @raise Lost: It cannot be.
        """

    def agreed(self, version: str) -> None:
        """The protocol's revision is agreed upon."""

    def close(self) -> Deferred[None]:
        """
        It is not needed any more.

        @return: Fires when nothing of it is left; never fails.
        """
