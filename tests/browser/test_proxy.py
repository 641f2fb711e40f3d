"""A browser's proxy, over real connections on loopback."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from twisted_aigate.browser.proxy.heads import Destination
from twisted_aigate.browser.proxy.server import ProxyFactory
from twisted_aigate.browser.proxy.traffic import Exchange, ProxyTraffic
from twisted_aigate.kernel.addresses import is_public

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello"


class Recorder(Protocol):
    """Keeps what comes; C{lost} fires when the other side has closed."""

    def __init__(self) -> None:
        self.data = b""
        self.lost: Deferred[None] = Deferred()
        self.wanted: list[tuple[bytes, Deferred[None]]] = []

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        for entry in list(self.wanted):
            if entry[0] in self.data:
                self.wanted.remove(entry)
                entry[1].callback(None)

    def until(self, text: bytes) -> Deferred[None]:
        wanted: Deferred[None] = Deferred()
        self.wanted.append((text, wanted))
        self.dataReceived(b"")
        return wanted

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.lost.callback(None)


class Origin(Recorder):
    """A server that answers each request alike, and echoes what is no request."""

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        assert self.transport is not None
        self.transport.write(RESPONSE if data.startswith(b"GET ") else data)


class ProxyCase(TestCase):
    timeout = 20

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.names: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.origins: list[Origin] = []
        self.clients: list[Recorder] = []
        self.traffic = ProxyTraffic(self.reactor.seconds)
        self.origin = self.listen(Factory.forProtocol(self.make_origin))

    def make_origin(self) -> Origin:
        origin = Origin()
        self.origins.append(origin)
        return origin

    def listen(self, factory: Any) -> int:
        port = self.reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        number: int = port.getHost().port
        return number

    def resolve(self, host: str, port: int) -> Deferred[list[str]]:
        self.asked.append(host)
        return succeed(self.names.get(host, []))

    async def client(self, *, open_to_all: bool) -> Recorder:
        allowed = (lambda address: True) if open_to_all else is_public
        proxy = ProxyFactory(self.reactor, self.resolve, allowed, open_to_all, self.traffic)
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", self.listen(proxy))
        client: Recorder = await connectProtocol(endpoint, Recorder())
        self.clients.append(client)
        return client

    def send(self, client: Recorder, data: bytes) -> None:
        assert client.transport is not None
        client.transport.write(data)

    async def tearDown(self) -> None:  # type: ignore[override]
        for protocol in (*self.clients, *self.origins):
            if not protocol.lost.called:
                protocol.transport.loseConnection()  # type: ignore[union-attr]
                await protocol.lost


class PassingOnTests(ProxyCase):
    async def test_a_request_is_passed_on_and_its_response_back(self) -> None:
        self.names["site"] = ["127.0.0.1"]
        client = await self.client(open_to_all=True)
        self.send(
            client, f"GET http://site:{self.origin}/x HTTP/1.1\r\nHost: site\r\n\r\n".encode()
        )
        await client.until(b"hello")
        self.assertIn(b"Connection: close\r\n", client.data)
        self.assertTrue(self.origins[0].data.startswith(b"GET /x HTTP/1.1\r\n"))

    async def test_a_tunnel_passes_on_everything(self) -> None:
        self.names["site"] = ["127.0.0.1"]
        client = await self.client(open_to_all=True)
        self.send(client, f"CONNECT site:{self.origin} HTTP/1.1\r\n\r\nfirst ".encode())
        await client.until(b"first ")
        self.assertTrue(client.data.startswith(b"HTTP/1.1 200 "))
        self.send(client, b"\x16\x03second")
        await client.until(b"\x16\x03second")

    async def test_when_one_side_leaves_the_other_is_told(self) -> None:
        self.names["site"] = ["127.0.0.1"]
        client = await self.client(open_to_all=True)
        self.send(client, f"CONNECT site:{self.origin} HTTP/1.1\r\n\r\nx".encode())
        await client.until(b"x")
        self.origins[0].transport.loseConnection()  # type: ignore[union-attr]
        await client.lost
        other = await self.client(open_to_all=True)
        self.send(other, f"CONNECT site:{self.origin} HTTP/1.1\r\n\r\nx".encode())
        await other.until(b"x")
        other.transport.loseConnection()  # type: ignore[union-attr]
        await self.origins[1].lost

    async def test_another_address_is_tried_when_the_first_does_not_answer(self) -> None:
        # Nobody has the first, a loopback address that nothing listens on.
        self.names["site"] = ["127.0.0.77", "127.0.0.1"]
        client = await self.client(open_to_all=True)
        self.send(client, f"CONNECT site:{self.origin} HTTP/1.1\r\n\r\nx".encode())
        await client.until(b"x")

    async def test_what_is_no_request_is_refused(self) -> None:
        client = await self.client(open_to_all=True)
        self.send(client, b"hello\r\n\r\n")
        await client.lost
        self.assertTrue(client.data.startswith(b"HTTP/1.1 400 "))


class RefusalTests(ProxyCase):
    async def refused(self, host: str, *addresses: str) -> str:
        self.names[host] = list(addresses)
        shown = f"[{host}]" if ":" in host else host
        for request in (
            f"CONNECT {shown}:{self.origin} HTTP/1.1\r\n\r\n",
            f"GET http://{shown}:{self.origin}/ HTTP/1.1\r\n\r\n",
        ):
            client = await self.client(open_to_all=False)
            self.send(client, request.encode())
            await client.lost
            self.assertNotIn(b" 200 ", client.data)
        self.assertEqual(self.origins, [])
        why = self.traffic.refusal(f"http://{shown}:{self.origin}/")
        assert why is not None
        return why

    async def test_addresses_that_are_not_public(self) -> None:
        for address in ("127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "fd00::1"):
            self.assertIn("not a public address", await self.refused(address, address))

    async def test_names_that_lead_there(self) -> None:
        for address in ("127.0.0.1", "192.168.1.1", "::ffff:127.0.0.1"):
            self.assertIn("not a public address", await self.refused("rebound.example", address))

    async def test_a_name_that_there_is_not(self) -> None:
        self.assertIn("not known", await self.refused("nowhere.example"))

    async def test_this_machine_by_an_address_that_counts_as_public(self) -> None:
        self.names["site"] = ["127.0.0.1"]
        proxy = ProxyFactory(self.reactor, self.resolve, lambda _: True, False, self.traffic)
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", self.listen(proxy))
        client: Recorder = await connectProtocol(endpoint, Recorder())
        self.clients.append(client)
        self.send(client, f"CONNECT site:{self.origin} HTTP/1.1\r\n\r\n".encode())
        await client.lost
        self.assertTrue(client.data.startswith(b"HTTP/1.1 502 "))
        self.assertIn("this machine", self.traffic.refusal(f"http://site:{self.origin}") or "")

    async def test_each_connection_is_looked_up_once(self) -> None:
        self.names["site"] = ["127.0.0.1"]
        client = await self.client(open_to_all=True)
        self.send(client, f"CONNECT site:{self.origin} HTTP/1.1\r\n\r\nx".encode())
        await client.until(b"x")
        self.assertEqual(self.asked, ["site"])


class TrafficTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.traffic = ProxyTraffic(self.clock.seconds)

    def test_it_is_quiet_when_nothing_goes(self) -> None:
        self.clock.advance(5)
        self.assertEqual(self.traffic.quiet_for(), 5)

    def test_a_request_is_awaited_until_its_response_is_over(self) -> None:
        exchange = Exchange(is_tunnel=False)
        self.traffic.began(exchange)
        self.clock.advance(60)
        self.assertEqual(self.traffic.quiet_for(), 0)
        self.traffic.ended(exchange)
        self.clock.advance(1)
        self.assertEqual(self.traffic.quiet_for(), 1)

    def test_what_went_into_a_tunnel_is_awaited_for_a_while(self) -> None:
        exchange = Exchange(is_tunnel=True)
        self.traffic.began(exchange)
        self.clock.advance(1)
        self.assertEqual(self.traffic.quiet_for(), 1)
        self.traffic.sent(exchange, 500)
        self.clock.advance(2)
        self.assertEqual(self.traffic.quiet_for(), 0)
        self.traffic.received(exchange)
        self.clock.advance(0.5)
        self.assertEqual(self.traffic.quiet_for(), 0.5)
        self.traffic.sent(exchange, 500)
        self.clock.advance(4)
        self.assertEqual(self.traffic.quiet_for(), 4)

    def test_a_connections_upkeep_is_not(self) -> None:
        exchange = Exchange(is_tunnel=True)
        self.traffic.began(exchange)
        self.traffic.sent(exchange, 30)
        self.clock.advance(1)
        self.assertEqual(self.traffic.quiet_for(), 1)

    def test_refusals_are_forgotten_when_a_server_is_reached(self) -> None:
        to = Destination("site", 80)
        self.traffic.refused(to, "no")
        self.assertEqual(self.traffic.refusal("http://site/x"), "no")
        self.assertIsNone(self.traffic.refusal("https://site/x"))
        self.traffic.reached(to)
        self.assertIsNone(self.traffic.refusal("http://site/x"))
