"""The client: a pool of connections for each origin."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.interfaces import (
    IReactorPluggableNameResolver,
    IReactorTCP,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from twisted_aigate.http_client.connection import Connection
from twisted_aigate.http_client.errors import ConnectFailed, ConnectionBroken, ResponseTimeout
from twisted_aigate.http_client.messages import Origin, OutgoingRequest
from twisted_aigate.http_client.response import Response
from twisted_aigate.kernel.units import SECOND

CONNECT_TIMEOUT = 10 * SECOND
MOST_IDLE = 128


class ClientReactor(IReactorTCP, IReactorTime, IReactorPluggableNameResolver):
    """What the client needs of a reactor."""


class HTTPClient:
    """
    Makes calls, over connections that it keeps.

    @param clock: Where time-outs live.
    @param endpoint: Makes the endpoint of an origin; see L{endpoints}.
    """

    def __init__(
        self, clock: IReactorTime, endpoint: Callable[[Origin], IStreamClientEndpoint]
    ) -> None:
        self._clock = clock
        self._endpoint = endpoint
        self._idle: dict[Origin, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._closed = False

    async def request(self, origin: Origin, request: OutgoingRequest, timeout: float) -> Response:
        """
        Make a call.

        A kept connection may turn out to be closed by the server just as it is used: when not a
        byte of an answer has come and the body can be sent again, a new one is tried, once.

        @param timeout: Seconds without progress after which the call fails; 0: no end.
        @raise UpstreamError: There is no response. Cancelling cuts the connection.
        """
        idle = self._idle.get(origin)
        if idle:
            connection = idle.pop()
            try:
                return await connection.send(request, timeout)
            except ConnectionBroken:
                again = connection.untouched and isinstance(request.body, bytes)
                if self._closed or not again:
                    raise
        connection = await self._connect(origin, timeout)
        return await connection.send(request, timeout)

    async def _connect(self, origin: Origin, timeout: float) -> Connection:
        factory = Factory.forProtocol(
            lambda: Connection(self._clock, origin, lambda kept: self._released(origin, kept))
        )
        factory.noisy = False
        connecting = self._endpoint(origin).connect(factory)
        if 0 < timeout < CONNECT_TIMEOUT:
            connecting.addTimeout(timeout, self._clock, _not_connected)
        try:
            connection = await connecting
        except (CancelledError, ConnectingCancelledError):
            raise CancelledError from None
        except ResponseTimeout:
            raise
        except Exception as error:
            raise ConnectFailed(
                f"cannot connect to {origin.host}:{origin.port}: {error or type(error).__name__}"
            ) from None
        assert isinstance(connection, Connection)
        self._open.add(connection)
        return connection

    def _released(self, origin: Origin, connection: Connection) -> None:
        idle = self._idle.setdefault(origin, [])
        if connection.lost:
            self._open.discard(connection)
            if connection in idle:
                idle.remove(connection)
            if not idle:
                del self._idle[origin]
        elif self._closed or len(idle) >= MOST_IDLE:
            connection.abandon()
        else:
            idle.append(connection)

    def close(self) -> None:
        """Cut every connection, and keep none from now on."""
        self._closed = True
        for connection in list(self._open):
            connection.abandon()


def _not_connected(result: object, timeout: float) -> object:
    if isinstance(result, Failure):
        raise ResponseTimeout(f"no connection for {timeout:g} s")
    return result


def endpoints(reactor: ClientReactor) -> Callable[[Origin], IStreamClientEndpoint]:
    """
    TCP endpoints by name, with verified TLS for C{https}.

    @param reactor: What connects.
    """

    def endpoint(origin: Origin) -> IStreamClientEndpoint:
        tcp = HostnameEndpoint(reactor, origin.host, origin.port, timeout=CONNECT_TIMEOUT)
        if origin.scheme == "http":
            return tcp
        # Imported when it is first needed: OpenSSL costs 15 MB and a tenth of a second.
        from twisted.internet.ssl import optionsForClientTLS

        return wrapClientTLS(optionsForClientTLS(origin.host), tcp)

    return endpoint
