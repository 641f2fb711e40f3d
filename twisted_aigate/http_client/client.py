"""The client: a pool of connections for each origin."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import (
    IAddress,
    IReactorPluggableNameResolver,
    IReactorTCP,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from twisted_aigate.http_client.connection import Connection
from twisted_aigate.http_client.errors import ConnectFailed, ConnectionBroken, ResponseTimeout
from twisted_aigate.http_client.messages import Origin, OutgoingRequest
from twisted_aigate.http_client.response import Response
from twisted_aigate.kernel.connecting import connect
from twisted_aigate.kernel.units import SECOND

CONNECT_TIMEOUT = 10 * SECOND
MOST_IDLE = 128

_T = TypeVar("_T")


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
        connection = Connection(self._clock, origin, lambda kept: self._released(origin, kept))
        await open_connection(self._clock, self._endpoint(origin), origin, connection, timeout)
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


class _Single(Factory):
    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return self._protocol


async def open_connection(
    clock: IReactorTime,
    endpoint: IStreamClientEndpoint,
    origin: Origin,
    protocol: Protocol,
    timeout: float,
) -> None:
    """
    Connect a protocol.

    @param timeout: Seconds that it may take, if they are less than L{CONNECT_TIMEOUT}; 0: no less.
    @raise ConnectFailed: There is no connection.
    @raise ResponseTimeout: There is none in time.
    """
    connecting = connect(endpoint, _Single(protocol))
    if 0 < timeout < CONNECT_TIMEOUT:
        connecting = timed(connecting, timeout, clock)
    try:
        await connecting
    except (CancelledError, ResponseTimeout):
        raise
    except Exception as error:
        raise ConnectFailed(
            f"cannot connect to {origin.host}:{origin.port}: {error or type(error).__name__}"
        ) from None


def timed(waiting: Deferred[_T], timeout: float, clock: IReactorTime) -> Deferred[_T]:
    """
    Cancel what takes too long.

    @param timeout: Seconds.
    @return: C{waiting}, which fails then with L{ResponseTimeout}.
    """

    def too_late(result: _T | Failure, timeout: float) -> _T:
        if isinstance(result, Failure):
            raise ResponseTimeout(f"no connection for {timeout:g} s")
        return result

    return waiting.addTimeout(timeout, clock, too_late)


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
