"""WebSockets to providers, over the client's own endpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

from twisted_aigate.http_client.client import open_connection, timed
from twisted_aigate.http_client.errors import ConnectFailed
from twisted_aigate.http_client.messages import Origin, OutgoingRequest
from twisted_aigate.kernel.units import SECOND
from twisted_aigate.kernel.websocket import IWebSocket

if TYPE_CHECKING:
    from twisted_aigate.http_client.websocket_end import ClientEnd

HANDSHAKE_TIMEOUT = 30 * SECOND


class WebSocketClient:
    """
    Opens WebSockets.

    @param clock: Where time-outs live.
    @param endpoint: Makes the endpoint of an origin; see
        L{twisted_aigate.http_client.client.endpoints}.
    """

    def __init__(
        self, clock: IReactorTime, endpoint: Callable[[Origin], IStreamClientEndpoint]
    ) -> None:
        self._clock = clock
        self._endpoint = endpoint
        self._open: set[ClientEnd] = set()
        self._closed: Deferred[None] | None = None

    async def connect(self, origin: Origin, request: OutgoingRequest, timeout: float) -> IWebSocket:
        """
        Open a WebSocket.

        @param request: What asks for it: a target, and fields beside the protocol's own.
        @param timeout: Seconds that the server's answer may take; 0: as long as is usual.
        @raise SwitchRefused: The server answers with something else.
        @raise UpstreamError: It does not answer. Cancelling cuts the connection.
        """
        # Imported when it is first needed: it costs a third of a second, and fetches the reactor.
        from twisted_aigate.http_client.websocket_end import ClientEnd

        timeout = min(timeout or HANDSHAKE_TIMEOUT, HANDSHAKE_TIMEOUT)
        end = ClientEnd(self._clock, origin, request, self._over)
        self._open.add(end)
        try:
            await open_connection(self._clock, self._endpoint(origin), origin, end, timeout)
            if self._closed is not None:
                end.stopProducing()
                raise ConnectFailed("this server is stopping")
            return await timed(end.opened, timeout, self._clock)
        except BaseException:
            self._over(end)
            raise

    async def close(self) -> None:
        """Close every connection, and wait until they are closed; none is opened from now on."""
        self._closed = Deferred()
        for end in list(self._open):
            end.leave()
        self._settle()
        await self._closed

    def _over(self, end: ClientEnd) -> None:
        self._open.discard(end)
        self._settle()

    def _settle(self) -> None:
        if self._closed is not None and not self._open and not self._closed.called:
            self._closed.callback(None)
