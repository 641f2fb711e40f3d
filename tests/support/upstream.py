"""A server in memory, for the HTTP client."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support.transports import MemoryTransport
from twisted_aigate.http_client import HTTPClient, Origin, OutgoingRequest, Response

ORIGIN = Origin("http", "upstream.test", 8080)
GET = OutgoingRequest(b"GET", b"/x")
POST = OutgoingRequest(b"POST", b"/x", (), b"hello")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"


@implementer(IStreamClientEndpoint)
class Upstream:
    """
    What the client connects to.

    @ivar connections: The client's ends, in order.
    @ivar origins: Where they were to go.
    @ivar error: How connecting fails, if it is to.
    @ivar pending: Connecting takes until the test fires these.
    @ivar slow: Connecting does not end by itself.
    """

    def __init__(self, clock: Clock) -> None:
        self.connections: list[MemoryTransport] = []
        self.origins: list[Origin] = []
        self.error: Exception | None = None
        self.slow = False
        self.pending: list[Deferred[IProtocol]] = []
        self._factories: list[IProtocolFactory] = []
        self._clock = clock

    def endpoint(self, origin: Origin) -> IStreamClientEndpoint:
        """What L{HTTPClient} is given."""
        self.origins.append(origin)
        return self

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect, fail, or neither."""
        if self.slow:
            self.pending.append(Deferred())
            self._factories.append(factory)
            return self.pending[-1]
        if self.error is not None:
            return fail(self.error)
        return succeed(self._connected(factory))

    def finish(self) -> None:
        """Have the oldest slow connection be there."""
        self.pending.pop(0).callback(self._connected(self._factories.pop(0)))

    def _connected(self, factory: IProtocolFactory) -> IProtocol:
        transport = MemoryTransport(self._clock)
        self.connections.append(transport)
        protocol = factory.buildProtocol(None)
        transport.connect(protocol)
        return protocol


class ClientCase(SynchronousTestCase):
    """Tests of a client against such a server."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.upstream = Upstream(self.clock)
        self.client = HTTPClient(self.clock, self.upstream.endpoint)

    def call(
        self, request: OutgoingRequest = GET, timeout: float = 30, origin: Origin = ORIGIN
    ) -> Deferred[Response]:
        """Begin a call."""
        return Deferred.fromCoroutine(self.client.request(origin, request, timeout))

    def respond(self, *pieces: bytes) -> None:
        """Have the newest connection's server send something."""
        for piece in pieces:
            self.upstream.connections[-1].receive(piece)

    def answered(self, *pieces: bytes, request: OutgoingRequest = GET) -> Response:
        """Make a call and have it answered."""
        answer = self.call(request)
        self.respond(*pieces)
        return self.successResultOf(answer)

    def body(self, response: Response) -> bytes:
        """The body of a response that is all there."""
        return self.successResultOf(Deferred.fromCoroutine(response.read(10_000_000)))
