"""Fetching what an outsider names: real servers on loopback, which only these tests allow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.support.authority import Authority
from twisted_aigate.http_client.guarded import FetchFailed, GuardedFetch, name_resolver
from twisted_aigate.kernel.addresses import is_public

LOOPBACK = "127.0.0.1"


def ok(body: bytes, *lines: bytes) -> bytes:
    head = b"\r\n".join((b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *lines))
    return head + b"\r\n\r\n" + body


def redirect(location: str, status: int = 302) -> bytes:
    return (
        b"HTTP/1.1 %d Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n"
        % (status, location.encode())
    )  # fmt: skip


class Server(Protocol):
    """Answers a path as its factory has it; C{None}: not at all."""

    def connectionMade(self) -> None:
        self.lost: Deferred[None] = Deferred()
        self.heard = b""
        self.factory.connections.append(self)

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        if b"\r\n\r\n" in self.heard:
            asked, self.factory.asked = self.factory.asked, Deferred()
            answer = self.factory.answers[self.heard.split()[1].decode()]
            if answer is not None:
                self.transport.write(answer)
            asked.callback(self)

    def connectionLost(self, reason: object) -> None:
        self.lost.callback(None)


class Names:
    """
    A resolver.

    @ivar addresses: The answers, by host: one a lookup, the last for all further ones.
    @ivar asked: The hosts that were looked up.
    """

    def __init__(self) -> None:
        self.addresses: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Deferred[list[str]]:
        self.asked.append(host)
        answers = self.addresses.get(host, [[host]])
        return succeed(answers.pop(0) if len(answers) > 1 else answers[0])


class FetchCase(TestCase):
    timeout = 20

    async def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.names = Names()
        self.names.addresses["images.test"] = [[LOOPBACK]]
        self.server = Factory.forProtocol(Server)
        self.server.noisy = False
        self.server.connections = []
        self.server.answers = {}
        self.server.asked = Deferred()
        self.ports: list[IListeningPort] = []
        self.port = await self.listen(TCP4ServerEndpoint(reactor, 0, interface=LOOPBACK))

    async def listen(self, endpoint: Any) -> int:
        port = await endpoint.listen(self.server)
        self.ports.append(port)
        return port.getHost().port

    async def tearDown(self) -> None:
        for port in self.ports:
            await port.stopListening()
        for connection in self.server.connections:
            await connection.lost

    def url(self, path: str = "/", host: str = "images.test") -> str:
        return f"http://{host}:{self.port}{path}"

    async def fetch(
        self,
        url: str,
        *,
        most: int = 1000,
        timeout: float = 10,
        allowed: Callable[[str], bool] = LOOPBACK.__eq__,
    ) -> bytes:
        guarded = GuardedFetch(self.reactor, self.names, allowed)
        return await guarded.fetch(url, most, timeout)

    async def refused(self, url: str, reason: str, **options: Any) -> None:
        with self.assertRaisesRegex(FetchFailed, reason):
            await self.fetch(url, **options)

    @property
    def requests(self) -> list[bytes]:
        return [connection.heard.split(b"\r\n")[0] for connection in self.server.connections]


class FetchTests(FetchCase):
    async def test_a_body(self) -> None:
        self.server.answers["/a%20b?c=%C3%A9"] = ok(b"hello")
        self.assertEqual(await self.fetch(self.url("/a b?c=é#d")), b"hello")
        [connection] = self.server.connections
        head = connection.heard.split(b"\r\n")
        self.assertIn(b"Host: images.test:%d" % self.port, head)
        self.assertTrue(any(line.startswith(b"User-Agent: aigate/") for line in head), head)

    async def test_a_body_without_a_length(self) -> None:
        self.server.answers["/"] = (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        self.assertEqual(await self.fetch(self.url()), b"abcde")

    async def test_the_next_address_is_tried(self) -> None:
        self.server.answers["/"] = ok(b"hello")
        # Nobody listens on the first.
        self.names.addresses["images.test"] = [["127.0.0.2", LOOPBACK]]
        allowed = {"127.0.0.2", LOOPBACK}.__contains__
        self.assertEqual(await self.fetch(self.url(), allowed=allowed), b"hello")

    async def test_nobody_listens(self) -> None:
        await self.ports.pop().stopListening()
        await self.refused(self.url(), "cannot connect to images.test")

    async def test_statuses(self) -> None:
        for status in (204, 304, 404, 500):
            self.server.answers["/"] = b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status
            await self.refused(self.url(), f"answers {status}")

    async def test_what_is_no_http(self) -> None:
        self.server.answers["/"] = b"220 mail.test ESMTP\r\n"
        await self.refused(self.url(), "not valid HTTP")

    async def test_urls_that_are_refused(self) -> None:
        for url, reason in (
            ("", "no http or https"),
            ("images.test/a", "no http or https"),
            ("ftp://images.test/", "no http or https"),
            ("file:///etc/passwd", "no http or https"),
            ("gopher://images.test:70/_x", "no http or https"),
            ("data:image/png;base64,AAAA", "no http or https"),
            ("http://", "no http or https"),
            ("http://[::1", "no http or https"),
            ("http://images.test:99999/", "no http or https"),
            (f"http://{'a' * 64}/", "no http or https"),
            ("http://user:secret@images.test/", "credentials"),
            ("http://images.test\\@other.test/", "credentials"),
            ("http://images test/", "no valid host"),
            ("http://images.test%00/", "no valid host"),
            ("http://[fe80::1%25lo]/", "no valid host"),
        ):
            with self.subTest(url):
                await self.refused(url, reason)
        self.assertEqual(self.names.asked, [])

    async def test_a_url_cannot_smuggle_a_header(self) -> None:
        self.server.answers["/%0BX:a"] = ok(b"hello")
        self.assertEqual(await self.fetch(self.url("/\r\n\x0bX:a")), b"hello")


class LimitTests(FetchCase):
    async def test_exactly_as_much_as_may(self) -> None:
        self.server.answers["/"] = ok(b"x" * 1000)
        self.assertEqual(len(await self.fetch(self.url(), most=1000)), 1000)

    async def test_a_byte_more(self) -> None:
        self.server.answers["/"] = ok(b"x" * 1001)
        await self.refused(self.url(), "more than 1000 bytes")

    async def test_a_body_that_does_not_end_is_cut_off(self) -> None:
        self.server.answers["/"] = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 500
        asked = self.server.asked
        fetching = Deferred.fromCoroutine(self.fetch(self.url()))
        connection = await asked
        connection.transport.write(b"x" * 501)
        with self.assertRaisesRegex(FetchFailed, "more than 1000 bytes"):
            await fetching
        await connection.lost

    async def test_too_much_that_came_with_the_head(self) -> None:
        self.server.answers["/"] = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001
        await self.refused(self.url(), "more than 1000 bytes", timeout=1000)
        await self.server.connections[0].lost

    async def test_a_server_that_says_nothing(self) -> None:
        self.server.answers["/"] = None
        await self.refused(self.url(), "longer than 0.2 s", timeout=0.2)
        await self.server.connections[0].lost

    async def test_a_server_that_trickles(self) -> None:
        """The limit is for all of it: bytes that come do not win more time."""
        self.server.answers["/"] = b"HTTP/1.1 200 OK\r\n\r\n"
        asked = self.server.asked
        fetching = Deferred.fromCoroutine(self.fetch(self.url(), timeout=0.5))
        connection = await asked

        trickle = LoopingCall(connection.transport.write, b"x")
        trickling = trickle.start(0.05)
        with self.assertRaisesRegex(FetchFailed, r"longer than 0\.5 s"):
            await fetching
        await connection.lost
        trickle.stop()
        await trickling

    async def test_cancelling_cuts_the_connection(self) -> None:
        self.server.answers["/"] = b"HTTP/1.1 200 OK\r\n\r\nsome"
        asked = self.server.asked
        fetching = Deferred.fromCoroutine(self.fetch(self.url()))
        connection = await asked
        fetching.cancel()
        with self.assertRaises(CancelledError):
            await fetching
        await connection.lost


class GuardTests(FetchCase):
    async def test_this_machine_is_not_reached(self) -> None:
        hosts = ("127.0.0.1", "localhost", "[::1]", "127.1", "2130706433", "0x7f.1", "0.0.0.0",
                 "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1")  # fmt: skip
        resolve = name_resolver(self.reactor)
        guarded = GuardedFetch(self.reactor, resolve, is_public)
        for host in hosts:
            with self.subTest(host), self.assertRaisesRegex(FetchFailed, "no public address|known"):
                await guarded.fetch(self.url(host=host), 1000, 10)
        self.assertEqual(self.server.connections, [])

    async def test_a_name_of_a_private_address(self) -> None:
        await self.refused(self.url(), "no public address", allowed=is_public)
        self.assertEqual(self.server.connections, [])

    async def test_only_the_allowed_addresses_of_a_name_are_used(self) -> None:
        self.server.answers["/"] = ok(b"hello")
        self.names.addresses["images.test"] = [["10.0.0.1", LOOPBACK, "::1"]]
        self.assertEqual(await self.fetch(self.url()), b"hello")

    async def test_an_unknown_name(self) -> None:
        self.names.addresses["images.test"] = [[]]
        await self.refused(self.url(), "not known")

    async def test_a_name_that_changes_its_mind(self) -> None:
        """The address that was checked is the one that is used; a later lookup cannot differ."""
        self.server.answers["/"] = ok(b"hello")
        self.names.addresses["images.test"] = [[LOOPBACK], ["10.0.0.1"]]
        self.assertEqual(await self.fetch(self.url()), b"hello")
        self.assertEqual(self.names.asked, ["images.test"])

    async def test_a_name_that_changes_its_mind_at_a_redirect(self) -> None:
        self.server.answers["/"] = redirect("/again")
        self.server.answers["/again"] = ok(b"secret")
        self.names.addresses["images.test"] = [[LOOPBACK], ["127.0.0.2"]]
        await self.refused(self.url(), "no public address")
        self.assertEqual(self.requests, [b"GET / HTTP/1.1"])

    async def test_redirects(self) -> None:
        for status in (301, 302, 303, 307, 308):
            self.server.answers["/a/b"] = redirect("../c?d", status)
            self.server.answers["/c?d"] = redirect(self.url("/e", "other.test"))
            self.server.answers["/e"] = ok(b"hello")
            self.names.addresses["other.test"] = [[LOOPBACK]]
            with self.subTest(status):
                self.assertEqual(await self.fetch(self.url("/a/b")), b"hello")

    async def test_redirects_to_where_it_may_not_go(self) -> None:
        self.names.addresses["inside.test"] = [["10.0.0.1"]]
        self.server.answers["/secret"] = ok(b"secret")
        for location, reason in (
            (self.url("/secret", "inside.test"), "no public address"),
            (self.url("/secret", "127.0.0.2"), "no public address"),
            ("//169.254.169.254/latest/meta-data/", "no public address"),
            ("file:///etc/passwd", "no http or https"),
            ("http://a:b@images.test/", "credentials"),
            ("http://[", "no URL|no http"),
        ):
            self.server.answers["/"] = redirect(location)
            with self.subTest(location):
                await self.refused(self.url(), reason)
        self.assertEqual(set(self.requests), {b"GET / HTTP/1.1"})

    async def test_a_redirect_to_nowhere(self) -> None:
        self.server.answers["/"] = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"
        await self.refused(self.url(), "to nowhere")

    async def test_five_redirects_and_no_more(self) -> None:
        for number in range(6):
            self.server.answers[f"/{number}"] = redirect(f"/{number + 1}")
        self.server.answers["/6"] = ok(b"hello")
        self.assertEqual(await self.fetch(self.url("/1")), b"hello")
        await self.refused(self.url("/0"), "more than 5 times")


class TLSTests(FetchCase):
    async def test_the_name_and_not_the_address_is_verified(self) -> None:
        from twisted.internet import ssl

        authority = Authority()
        root = ssl.trustRootFromCertificates([authority.root])
        real = ssl.optionsForClientTLS
        self.patch(ssl, "optionsForClientTLS", lambda name: real(name, trustRoot=root))
        options = authority.issue("images.test").options()
        number = await self.listen(SSL4ServerEndpoint(self.reactor, 0, options, interface=LOOPBACK))
        self.names.addresses["other.test"] = [[LOOPBACK]]
        self.server.answers["/"] = ok(b"hello")
        self.assertEqual(await self.fetch(f"https://images.test:{number}/"), b"hello")
        await self.refused(f"https://other.test:{number}/", "")
        self.assertEqual(self.requests[1:], [b""])


class ConnectingTests(SynchronousTestCase):
    """What the reactor is asked to do."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.lookup: Deferred[list[str]] = Deferred()
        guarded = GuardedFetch(self.reactor, lambda host, port: self.lookup, is_public)
        self.fetching = Deferred.fromCoroutine(guarded.fetch("http://images.test/", 10, 30))

    def test_addresses_are_connected_to_and_not_names(self) -> None:
        self.lookup.callback(["10.0.0.1", "2606:4700::1111", "8.8.8.8"])
        for address in ("2606:4700::1111", "8.8.8.8"):
            host, port, factory, _, _ = self.reactor.tcpClients.pop()
            self.assertEqual((host, port), (address, 80))
            factory.clientConnectionFailed(None, Failure(ConnectionRefusedError("refused")))
        self.assertEqual(self.reactor.tcpClients, [])
        self.failureResultOf(self.fetching, FetchFailed)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_a_lookup_has_an_end(self) -> None:
        self.reactor.advance(30)
        self.failureResultOf(self.fetching, FetchFailed)
        self.lookup.callback(["8.8.8.8"])
        self.assertEqual(self.reactor.tcpClients, [])

    def test_a_lookup_can_be_cancelled(self) -> None:
        self.fetching.cancel()
        self.failureResultOf(self.fetching, CancelledError)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
