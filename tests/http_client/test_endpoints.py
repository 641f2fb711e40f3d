"""Real sockets on loopback, and TLS that is verified."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint
from twisted.internet.error import TimeoutError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import trustRootFromCertificates
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.support.authority import Authority
from tests.support.upstream import GET, OK
from twisted_aigate.http_client import ConnectFailed, HTTPClient, Origin, UpstreamError
from twisted_aigate.http_client.client import CONNECT_TIMEOUT, endpoints


class Server(Protocol):
    """Answers whatever comes, or says nothing."""

    silent = False

    def connectionMade(self) -> None:
        self.lost: Deferred[None] = Deferred()
        self.heard: Deferred[None] = Deferred()
        self.factory.connections.append(self)
        if self.factory.connected is not None:
            connected, self.factory.connected = self.factory.connected, None
            connected.callback(self)

    def dataReceived(self, data: bytes) -> None:
        if not self.heard.called:
            self.heard.callback(None)
        if not self.factory.silent:
            self.transport.write(OK)

    def connectionLost(self, reason: object) -> None:
        self.lost.callback(None)


class SocketCase(TestCase):
    timeout = 20

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.server = Factory.forProtocol(Server)
        self.server.noisy = False
        self.server.silent = False
        self.server.connections = []
        self.server.connected = Deferred()
        self.ports: list[IListeningPort] = []
        self.client = HTTPClient(reactor, endpoints(reactor))

    async def tearDown(self) -> None:
        self.client.close()
        for port in self.ports:
            await port.stopListening()
        for connection in self.server.connections:
            await connection.lost

    async def listen(self, endpoint: Any) -> int:
        port = await endpoint.listen(self.server)
        self.ports.append(port)
        return port.getHost().port


class TCPTests(SocketCase):
    async def test_calls_are_answered_over_one_connection(self) -> None:
        number = await self.listen(TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1"))
        origin = Origin("http", "127.0.0.1", number)
        for _ in range(3):
            response = await self.client.request(origin, GET, 10)
            self.assertEqual(response.whole(), b"ok")
        self.assertEqual(len(self.server.connections), 1)

    async def test_a_port_that_nobody_listens_on_is_told(self) -> None:
        number = await self.listen(TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1"))
        await self.ports.pop().stopListening()
        with self.assertRaises(ConnectFailed):
            await self.client.request(Origin("http", "127.0.0.1", number), GET, 10)

    async def test_cancelling_while_a_name_is_looked_up(self) -> None:
        """It is no failure of the server, after which another would be asked."""
        for timeout in (0, 5):
            calling = self.client.request(Origin("http", "localhost", 1), GET, timeout)
            answer = Deferred.fromCoroutine(calling)
            answer.cancel()
            with self.assertRaises(CancelledError):
                await answer

    async def test_cancelling_a_call_cuts_its_connection(self) -> None:
        self.server.silent = True
        number = await self.listen(TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1"))
        connected = self.server.connected
        answer = Deferred.fromCoroutine(
            self.client.request(Origin("http", "127.0.0.1", number), GET, 10)
        )
        connection = await connected
        await connection.heard
        answer.cancel()
        with self.assertRaises(CancelledError):
            await answer
        await connection.lost
        self.assertEqual(self.flushLoggedErrors(), [])


class TLSTests(SocketCase):
    def setUp(self) -> None:
        super().setUp()
        self.authority = Authority()

    async def serve(self, name: str) -> Origin:
        options = self.authority.issue(name).options()
        endpoint = SSL4ServerEndpoint(self.reactor, 0, options, interface="127.0.0.1")
        return Origin("https", "localhost", await self.listen(endpoint))

    def trust(self) -> None:
        """Have the authority of this test among those that are trusted."""
        from twisted.internet import ssl

        root = trustRootFromCertificates([self.authority.root])
        real = ssl.optionsForClientTLS
        self.patch(ssl, "optionsForClientTLS", lambda name: real(name, trustRoot=root))

    async def test_a_certificate_of_a_trusted_authority_is_taken(self) -> None:
        self.trust()
        response = await self.client.request(await self.serve("localhost"), GET, 10)
        self.assertEqual(response.whole(), b"ok")

    async def refused(self, origin: Origin) -> None:
        with self.assertRaises(UpstreamError):
            await self.client.request(origin, GET, 10)
        for connection in self.server.connections:
            self.assertFalse(connection.heard.called, "the request was sent all the same")

    async def test_a_certificate_of_an_unknown_authority_is_refused(self) -> None:
        await self.refused(await self.serve("localhost"))

    async def test_a_certificate_for_another_name_is_refused(self) -> None:
        self.trust()
        await self.refused(await self.serve("example.org"))


class ConnectingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.client = HTTPClient(self.reactor, endpoints(self.reactor))
        self.answer = Deferred.fromCoroutine(
            self.client.request(Origin("http", "192.0.2.1", 80), GET, 0)
        )
        self.reactor.advance(0)

    def test_connecting_has_an_end(self) -> None:
        [(_, port, factory, timeout, _)] = self.reactor.tcpClients
        self.assertEqual((port, timeout), (80, CONNECT_TIMEOUT))
        factory.clientConnectionFailed(None, Failure(TimeoutError()))
        self.reactor.advance(1)  # until it sees that there is no other address to try
        self.failureResultOf(self.answer, ConnectFailed)

    def test_cancelling_while_connecting_is_no_failure_of_the_server(self) -> None:
        self.answer.cancel()
        self.failureResultOf(self.answer, CancelledError)
