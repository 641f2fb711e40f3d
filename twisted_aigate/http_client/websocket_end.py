"""
The client's end of a WebSocket.

To be imported where the first one is made; see L{twisted_aigate.kernel.websocket.end}.
"""

from __future__ import annotations

from collections.abc import Callable

import httptools
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket.types import ConnectingRequest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.http_client.errors import BadResponse, ConnectionBroken, SwitchRefused
from twisted_aigate.http_client.messages import Origin, OutgoingRequest
from twisted_aigate.kernel.units import KB
from twisted_aigate.kernel.websocket.end import End, configure
from twisted_aigate.kernel.websocket.interfaces import GOING_AWAY

_MOST_HEAD = 64 * KB
_MOST_REFUSAL = 64 * KB


class ClientEnd(End, WebSocketClientProtocol):  # type: ignore[misc]  # autobahn's bases disagree
    """
    The end, from the connection on.

    @param clock: Where time-outs live.
    @param origin: The server.
    @param request: What asks for the WebSocket: its target, and the fields beside the protocol's.
    @param over: Called with this when the connection is gone.
    @ivar opened: Fires with this when the server has agreed; fails with L{SwitchRefused} or an
        L{UpstreamError}. Cancelling it cuts the connection.
    """

    def __init__(
        self,
        clock: IReactorTime,
        origin: Origin,
        request: OutgoingRequest,
        over: Callable[[ClientEnd], object],
    ) -> None:
        super().__init__(clock, lambda: over(self))
        self.opened: Deferred[ClientEnd] = Deferred(lambda _: self.stopProducing())
        self._origin = origin
        self._request = request
        self._refusal: _Refusal | None = None
        self.factory = WebSocketClientFactory(reactor=clock)
        configure(self.factory)
        self.factory.setProtocolOptions(serverConnectionDropTimeout=0)

    def leave(self) -> None:
        """Close, or give up what is not open yet."""
        if self.opened.called:
            self.close(GOING_AWAY, "")
        elif self.transport is not None:
            self.opened.cancel()

    def onConnecting(self, transport_details: object) -> ConnectingRequest:
        """What is asked."""
        return ConnectingRequest(
            host=f"[{self._origin.host}]" if ":" in self._origin.host else self._origin.host,
            port=self._origin.port,
            resource=self._request.target.decode("ascii"),
            headers={
                name.decode("ascii"): value.decode("latin-1")
                for name, value in self._request.fields
            },
        )

    def onOpen(self) -> None:
        """The server has agreed."""
        super().onOpen()
        self.opened.callback(self)

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        if self._refusal is None:
            super().dataReceived(data)
        else:
            self._refused(data)

    def processHandshake(self) -> None:
        """Some of the server's answer is there."""
        if b"\r\n\r\n" not in self.data:
            if len(self.data) > _MOST_HEAD:
                self.failHandshake("the answer's head is too large")
        elif self.data.startswith(b"HTTP/1.1 101 "):
            try:
                super().processHandshake()  # type: ignore[no-untyped-call]  # autobahn's
            except Exception as error:
                self.failHandshake(f"the answer is not valid HTTP: {error}")
        else:
            # autobahn would hang up on it: what the server says is worth reading.
            self._refusal = _Refusal()
            self._refused(self.data)

    def _refused(self, data: bytes) -> None:
        assert self._refusal is not None
        try:
            self._refusal.feed(data)
        except httptools.HttpParserError as error:
            self.failHandshake(f"the answer is not valid HTTP: {error}")
            return
        if self._refusal.complete:
            self._fail(self._refusal.error())

    def failHandshake(self, reason: str) -> None:
        """The server's answer is not what it has to be."""
        self._fail(BadResponse(reason))

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The connection is gone."""
        super().onClose(wasClean, code, reason)
        if self._refusal is not None and self._refusal.status:
            self._fail(self._refusal.error())
        else:
            self._fail(ConnectionBroken("the connection was closed in the WebSocket's handshake"))

    def _fail(self, error: Exception) -> None:
        if not self.opened.called:
            self.opened.errback(error)
            self.stopProducing()


class _Refusal:
    """Reads an answer that is not the one that was hoped for."""

    def __init__(self) -> None:
        self.status = 0
        self.complete = False
        self._fields: list[tuple[bytes, bytes]] = []
        self._body = b""
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def error(self) -> SwitchRefused:
        return SwitchRefused(self.status, tuple(self._fields), self._body)

    # httptools' callbacks.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        self._body = (self._body + data)[:_MOST_REFUSAL]
        self.complete = self.complete or len(self._body) == _MOST_REFUSAL

    def on_message_complete(self) -> None:
        self.complete = True
