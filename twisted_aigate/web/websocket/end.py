"""
The server's end of a WebSocket.

To be imported where the first one is made; see L{twisted_aigate.kernel.websocket.end}.
"""

from __future__ import annotations

from collections.abc import Callable

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionRequest
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.kernel.websocket.end import End, configure
from twisted_aigate.kernel.websocket.interfaces import GOING_AWAY, INTERNAL_ERROR, IWebSocket
from twisted_aigate.web.websocket.offer import WebSocketOffer


class ServerEnd(End, WebSocketServerProtocol):  # type: ignore[misc]  # autobahn's bases disagree
    """
    The end, from the answer to an offer on.

    @param clock: Where time-outs live.
    @param offer: The client's, which is taken up.
    @param subprotocol: The one of those offered that is spoken, if any.
    @param fields: Header fields of the answer beside the protocol's own.
    @param opened: Called with the socket when the answer is sent.
    @param over: Called when the connection is gone.
    """

    def __init__(
        self,
        clock: IReactorTime,
        offer: WebSocketOffer,
        subprotocol: str | None,
        fields: dict[str, str],
        opened: Callable[[IWebSocket], object],
        over: Callable[[], object],
    ) -> None:
        super().__init__(clock, over)
        self._offer = offer
        self._subprotocol = subprotocol
        self._fields = fields
        self._opened = opened
        self.factory = WebSocketServerFactory(server="", reactor=clock)
        configure(self.factory)

    @property
    def sent_bytes(self) -> int:
        """Bytes that were sent, framing included."""
        return int(self.trafficStats.outgoingOctetsWireLevel)

    def connectionMade(self) -> None:
        """The connection is ours: answer."""
        super().connectionMade()
        # The request was read and checked already: autobahn sees of it what it needs.
        lines = [
            b"GET / HTTP/1.1",
            b"Host: localhost",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: " + self._offer.key,
        ]
        if self._subprotocol is not None:
            lines.append(b"Sec-WebSocket-Protocol: " + self._subprotocol.encode("ascii"))
        self.dataReceived(b"\r\n".join((*lines, b"", b"")))

    def onConnect(self, request: ConnectionRequest) -> tuple[str | None, dict[str, str]]:
        """What the answer says."""
        return self._subprotocol, self._fields

    def onOpen(self) -> None:
        """The answer is sent."""
        super().onOpen()
        try:
            self._opened(self)
        except Exception:
            self._log.failure("a WebSocket could not be begun")
            self.close(INTERNAL_ERROR, "internal error")

    def drain(self) -> None:
        """The server stops."""
        self.close(GOING_AWAY, "the server is stopping")
