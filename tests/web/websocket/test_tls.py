"""Both ends on real sockets under TLS, each other's peer."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ServerEndpoint
from twisted.internet.ssl import trustRootFromCertificates
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from tests.support.authority import Authority
from tests.support.edge import make_site
from twisted_aigate.http_client import ConnectionBroken, Origin, OutgoingRequest, WebSocketClient
from twisted_aigate.http_client.client import endpoints
from twisted_aigate.kernel.websocket import IWebSocket, IWebSocketListener, Message
from twisted_aigate.web.auth import public
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router
from twisted_aigate.web.websocket.answer import WebSocketAnswer

BIG = Message(b"x" * 3_000_000, is_text=False)


@implementer(IWebSocketListener)
class Echo:
    """Sends back what it hears."""

    def __init__(self, socket: IWebSocket) -> None:
        self._socket = socket
        socket.registerProducer(socket)
        socket.start(self)

    def received(self, message: Message) -> None:
        self._socket.send(message)

    def closed(self, code: int, reason: str) -> None:
        pass


@implementer(IWebSocketListener)
class Waiter:
    """Fires with the next message, and with the end."""

    def __init__(self) -> None:
        self.message: Deferred[Message] = Deferred()
        self.end: Deferred[tuple[int, str]] = Deferred()

    def received(self, message: Message) -> None:
        waited, self.message = self.message, Deferred()
        waited.callback(message)

    def closed(self, code: int, reason: str) -> None:
        self.end.callback((code, reason))


class TLSTests(TestCase):
    timeout = 30

    async def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.authority = Authority()
        router = Router()
        router.add_websocket("/echo", self.echo, public)
        self.site = make_site(self.reactor, router)
        options = self.authority.issue("localhost").options()
        endpoint = SSL4ServerEndpoint(self.reactor, 0, options, interface="127.0.0.1")
        self.port = await endpoint.listen(self.site)
        self.client = WebSocketClient(self.reactor, endpoints(self.reactor))

    async def tearDown(self) -> None:
        await self.client.close()
        await self.port.stopListening()
        await self.site.drain()

    async def echo(self, request: Request, caller: None) -> WebSocketAnswer:
        return WebSocketAnswer(Echo)

    def trust(self) -> None:
        """Have the authority of this test among those that are trusted."""
        from twisted.internet import ssl

        root = trustRootFromCertificates([self.authority.root])
        real = ssl.optionsForClientTLS
        self.patch(ssl, "optionsForClientTLS", lambda name: real(name, trustRoot=root))

    async def connect(self) -> IWebSocket:
        origin = Origin("https", "localhost", self.port.getHost().port)
        return await self.client.connect(origin, OutgoingRequest(b"GET", b"/echo"), 10)

    async def test_messages_of_any_size_go_both_ways(self) -> None:
        self.trust()
        socket = await self.connect()
        waiter = Waiter()
        socket.start(waiter)
        for message in (Message(b"hello"), BIG):
            waiting = waiter.message
            socket.send(message)
            self.assertEqual(await waiting, message)
        socket.close(4000, "enough")
        self.assertEqual(await waiter.end, (4000, "enough"))

    async def test_a_server_that_stops_says_so(self) -> None:
        self.trust()
        socket = await self.connect()
        waiter = Waiter()
        socket.start(waiter)
        drained = self.site.drain()
        self.assertEqual(await waiter.end, (1001, "the server is stopping"))
        await drained

    async def test_a_peer_at_fault_hears_why(self) -> None:
        self.trust()
        socket = await self.connect()
        waiter = Waiter()
        socket.start(waiter)
        socket.send(Message(b"\xff\xfe"))
        code, _ = await waiter.end
        self.assertEqual(code, 1007)

    async def test_a_server_that_nobody_vouches_for_is_told_nothing(self) -> None:
        with self.assertRaises(ConnectionBroken):
            await self.connect()
