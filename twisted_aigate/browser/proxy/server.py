"""
A forward proxy that connects to allowed addresses alone.

It resolves names itself and connects to the address that it has checked: there is no second lookup
that could answer otherwise. Plain HTTP is passed on one request a connection, C{CONNECT} makes a
tunnel, through which TLS and WebSockets go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IAddress, ITCPTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.browser.proxy.heads import (
    BadHead,
    Destination,
    RequestHead,
    closing_response,
    is_interim,
    read_request,
)
from twisted_aigate.browser.proxy.traffic import Exchange, ProxyTraffic
from twisted_aigate.http_client.guarded import Resolve
from twisted_aigate.kernel.transports import IStreamTransport
from twisted_aigate.kernel.units import SECOND

_CONNECT_TIMEOUT = 15 * SECOND
_MOST_HEAD = 256 * 1024
_END = b"\r\n\r\n"
_TUNNEL = b"HTTP/1.1 200 Connection established\r\n\r\n"
_NO_TUNNEL = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_BAD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Refused(Exception):
    """A server cannot, or may not, be connected to; the text says why."""


class TCPTransport(ITCPTransport, IStreamTransport):
    """A TCP connection."""


class ProxyFactory(Factory):
    """
    The proxy of one browser.

    @param reactor: Connects.
    @param resolve: Finds a host's addresses.
    @param allowed: Whether an address may be connected to.
    @param own_machine: This machine's own addresses may be connected to.
    @param traffic: Is told what goes through.
    """

    noisy = False

    def __init__(
        self,
        reactor: Any,
        resolve: Resolve,
        allowed: Callable[[str], bool],
        own_machine: bool,
        traffic: ProxyTraffic,
    ) -> None:
        self._reactor = reactor
        self._resolve = resolve
        self._allowed = allowed
        self._own_machine = own_machine
        self.traffic = traffic
        self._open: set[Incoming] = set()

    def buildProtocol(self, addr: IAddress | None) -> Incoming:
        """A connection of the browser's came in."""
        return Incoming(self)

    def opened(self, connection: Incoming) -> None:
        """It is open."""
        self._open.add(connection)

    def closed(self, connection: Incoming) -> None:
        """It is closed."""
        self._open.discard(connection)

    def abort(self) -> None:
        """Cut all connections."""
        for connection in list(self._open):
            connection.cut()

    async def connect(self, to: Destination, protocol: Outgoing) -> None:
        """
        Connect to a server.

        @raise Refused: It cannot or may not be.
        """
        # A lookup takes a thread, also of what needs none.
        literal = isIPAddress(to.host) or isIPv6Address(to.host)
        found = [to.host] if literal else await self._resolve(to.host, to.port)
        if not found:
            raise Refused(f"the host {to.host!r} is not known")
        allowed = [address for address in found if self._allowed(address)]
        if not allowed:
            raise Refused(
                f"refused: {to.host!r} is not a public address (BROWSER_ALLOW_PRIVATE=1 opens it)"
            )
        why = ""
        for address in allowed:
            kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
            endpoint = kind(self._reactor, address, to.port, timeout=_CONNECT_TIMEOUT)
            try:
                await endpoint.connect(_OneProtocol(protocol))
            except CancelledError:
                raise
            except Exception as error:
                why = str(error) or type(error).__name__
                continue
            if self._own_machine or not protocol.is_at_home():
                return
            protocol.cut()
            why = "it is this machine"
        raise Refused(f"{to} cannot be connected to: {why}")


class _OneProtocol(Factory):
    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return self._protocol


class Incoming(Protocol):
    """
    A connection from the browser: one request, or one tunnel.

    @param proxy: What it came to.
    """

    _log = Logger()
    transport: TCPTransport

    def __init__(self, proxy: ProxyFactory) -> None:
        self._proxy = proxy
        self._buffer = b""
        self._outgoing: Outgoing | None = None
        self._connecting: Deferred[None] | None = None
        self._exchange: Exchange | None = None

    def connectionMade(self) -> None:
        """It is open."""
        self.transport.setTcpNoDelay(True)
        self._proxy.opened(self)

    def dataReceived(self, data: bytes) -> None:
        """The browser has sent something."""
        if self._outgoing is not None and self._exchange is not None:
            self._proxy.traffic.sent(self._exchange, len(data))
            self._outgoing.transport.write(data)
            return
        self._buffer += data
        if self._connecting is not None:
            if len(self._buffer) > _MOST_HEAD:
                self.transport.pauseProducing()
            return
        end = self._buffer.find(_END)
        if end < 0:
            if len(self._buffer) > _MOST_HEAD:
                self._answer(_BAD)
            return
        head = self._buffer[: end + len(_END)]
        self._buffer = self._buffer[end + len(_END) :]
        try:
            request = read_request(head)
        except BadHead:
            self._answer(_BAD)
            return
        self._connecting = Deferred.fromCoroutine(self._connect(request))
        self._connecting.addErrback(self._failed)

    async def _connect(self, request: RequestHead) -> None:
        self._exchange = exchange = Exchange(is_tunnel=request.forwarded is None)
        traffic = self._proxy.traffic
        traffic.began(exchange)
        outgoing = Outgoing(self, exchange, traffic)
        try:
            await self._proxy.connect(request.to, outgoing)
        except Refused as refusal:
            traffic.refused(request.to, str(refusal))
            # A page that the browser makes itself says that there was no answer: what is said
            # here would be a page of the server's.
            self._answer(_NO_TUNNEL if request.forwarded is None else b"")
            return
        traffic.reached(request.to)
        self._outgoing = outgoing
        outgoing.join(request.forwarded)
        if request.forwarded is None:
            self.transport.write(_TUNNEL)
        rest, self._buffer = self._buffer, b""
        if rest:
            outgoing.transport.write(rest)
        self.transport.registerProducer(outgoing.transport, True)
        outgoing.transport.registerProducer(self.transport, True)
        self.transport.resumeProducing()

    def _failed(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("the browsers' proxy failed", failure)
            self.cut()

    def _answer(self, response: bytes) -> None:
        if response:
            self.transport.write(response)
        self.transport.loseConnection()

    def cut(self) -> None:
        """Close it at once."""
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """It is closed."""
        self._proxy.closed(self)
        if self._exchange is not None:
            self._proxy.traffic.ended(self._exchange)
        if self._connecting is not None:
            self._connecting.cancel()
        if self._outgoing is not None:
            self._outgoing.transport.unregisterProducer()
            self._outgoing.transport.loseConnection()


class Outgoing(Protocol):
    """
    The connection to a server.

    @param incoming: Whose request it is for.
    @param exchange: What the traffic knows of it.
    @param traffic: Is told what comes.
    """

    transport: TCPTransport

    def __init__(self, incoming: Incoming, exchange: Exchange, traffic: ProxyTraffic) -> None:
        self._incoming = incoming
        self._exchange = exchange
        self._traffic = traffic
        self._joined = False
        self._head: bytes | None = None

    def is_at_home(self) -> bool:
        """Whether the server is this machine."""
        here: Any = self.transport.getHost()
        there: Any = self.transport.getPeer()
        return bool(here.host == there.host)

    def join(self, request: bytes | None) -> None:
        """
        Pass on what comes from now on.

        @param request: The request's head; C{None}: it is a tunnel.
        """
        self._joined = True
        self.transport.setTcpNoDelay(True)
        if request is not None:
            self._head = b""
            self.transport.write(request)

    def dataReceived(self, data: bytes) -> None:
        """The server has sent something."""
        if not self._joined:
            return
        self._traffic.received(self._exchange)
        if self._head is None:
            self._incoming.transport.write(data)
            return
        self._head += data
        while (end := self._head.find(_END)) >= 0:
            head, rest = self._head[: end + len(_END)], self._head[end + len(_END) :]
            if is_interim(head):
                self._incoming.transport.write(head)
                self._head = rest
                continue
            self._head = None
            self._incoming.transport.write(closing_response(head) + rest)
            return
        if len(self._head) > _MOST_HEAD:
            self._incoming.cut()

    def cut(self) -> None:
        """Close it at once."""
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """It is closed."""
        if self._joined:
            self._incoming.transport.unregisterProducer()
            self._incoming.transport.loseConnection()
