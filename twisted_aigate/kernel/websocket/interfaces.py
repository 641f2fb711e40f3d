"""An open WebSocket as those see it who talk over it: no framing, no handshake, no library."""

from __future__ import annotations

from attrs import frozen
from twisted.internet.interfaces import IPushProducer
from zope.interface import Interface

NORMAL = 1000
GOING_AWAY = 1001
NO_CODE = 1005
"""What is told of a peer that closes without a code; never sent."""
ABNORMAL = 1006
"""What is told of a peer that is gone without a word; never sent."""
POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011
# RFC 6455, 7.4.

_NEVER_SENT = frozenset((NO_CODE, ABNORMAL, 1015))


@frozen
class Message:
    """
    A message, whole.

    @ivar data: Its bytes; of a text, in UTF-8.
    @ivar is_text: It is text.
    """

    data: bytes
    is_text: bool = True


class IWebSocketListener(Interface):
    """Who hears what the peer says."""

    def received(message: Message) -> None:
        """A message came. Not called while the socket is paused."""

    def closed(code: int, reason: str) -> None:
        """
        The peer has closed, or is gone: nothing more comes, and nothing can be sent. Called once.

        @param code: As the peer said it, or L{NO_CODE} or L{ABNORMAL}; ours, when it is we who
            found the peer at fault.
        """


class IWebSocket(IPushProducer):
    """
    An open WebSocket.

    As a producer it makes messages: pausing it holds the peer back.
    """

    def start(listener: IWebSocketListener) -> None:
        """
        Have a listener hear the peer; what it said before has waited.

        To be called once, and soon.
        """

    def send(message: Message) -> None:
        """Send a message; nothing is sent when the socket is closing."""

    def close(code: int, reason: str) -> None:
        """Close, or go on closing: what was sent goes out first, and nothing more is heard."""

    def registerProducer(producer: IPushProducer) -> None:
        """Have what makes messages to send paused while the peer reads slowly."""


def sendable(code: int) -> int:
    """A code to close with, for one that was told."""
    if code in (NO_CODE, ABNORMAL):
        return NORMAL if code == NO_CODE else GOING_AWAY
    return INTERNAL_ERROR if code in _NEVER_SENT else code
