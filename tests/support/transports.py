"""A connection in memory that behaves as TCP does in Twisted, whichever side a protocol is."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IHalfCloseableDescriptor,
    IProtocol,
    IPushProducer,
    ITCPTransport,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer


@implementer(ITCPTransport, IHalfCloseableDescriptor, IPushProducer, IConsumer)
class MemoryTransport:
    """
    One end of a connection.

    As in Twisted, closing takes effect in the reactor's next turn, C{loseConnection} waits until
    all that was written is sent, and nothing is sent any more after C{abortConnection}.

    @ivar sent: What the protocol wrote and the peer has received.
    @ivar reading: The protocol takes bytes.
    @ivar choked: The peer does not read: nothing that is written is sent.
    @ivar half_closed: The protocol said that it will write no more.
    @ivar aborted: The protocol cut the connection.
    @ivar disconnecting: The protocol closes the connection.
    @ivar closed: The connection is gone.
    """

    HIGH_WATER = 64 * 1024

    def __init__(
        self, clock: Clock, peer: IAddress | None = None, host: IAddress | None = None
    ) -> None:
        self.sent = bytearray()
        self.unsent = bytearray()
        self.reading = True
        self.choked = False
        self.half_closed = False
        self.aborted = False
        self.disconnecting = False
        self.closed = False
        self.no_delay = False
        self.producer: IPushProducer | None = None
        self._producer_paused = False
        self._clock = clock
        self._peer = peer or IPv4Address("TCP", "192.0.2.1", 31337)
        self._host = host or IPv4Address("TCP", "192.0.2.99", 4000)
        self._protocol: IProtocol | None = None

    def connect(self, protocol: IProtocol) -> None:
        """Have C{protocol} at this end."""
        self._protocol = protocol
        protocol.makeConnection(self)

    # The test's side.

    def receive(self, data: bytes) -> None:
        """The peer sent C{data}."""
        assert self.reading, "the protocol does not read"
        if not self.closed and not self.aborted:
            self._protocol.dataReceived(data)
        self._clock.advance(0)

    def choke(self) -> None:
        """The peer stops reading, and the buffer on the way is full."""
        self.choked = True
        self._have_enough()

    def throttle(self) -> None:
        """From now on the peer reads what the test has it L{take}, and no more."""
        self.choked = True

    def take(self, count: int) -> None:
        """The peer reads C{count} bytes."""
        self.sent += self.unsent[:count]
        del self.unsent[:count]
        if not self.unsent:
            if self._producer_paused:
                self._producer_paused = False
                if self.producer is not None:
                    self.producer.resumeProducing()
            elif self.disconnecting:
                self._close(ConnectionDone())
        self._clock.advance(0)

    def unchoke(self) -> None:
        """The peer reads on."""
        self.choked = False
        self.sent += self.unsent
        self.unsent.clear()
        if self._producer_paused:
            self._producer_paused = False
            if self.producer is not None:
                self.producer.resumeProducing()
        if self.disconnecting and not self.unsent:
            self._close(ConnectionDone())
        self._clock.advance(0)

    def lose(self, error: Exception | None = None) -> None:
        """The peer closed the connection, or, with C{error}, it broke."""
        self._closed(error or ConnectionDone())
        self._clock.advance(0)

    def reset(self) -> None:
        """The peer cut the connection."""
        self.lose(ConnectionLost("reset"))

    def _have_enough(self) -> None:
        if self.producer is not None and not self._producer_paused:
            self._producer_paused = True
            self.producer.pauseProducing()

    def _close(self, error: Exception) -> None:
        self._clock.callLater(0, self._closed, error)

    def _closed(self, error: Exception) -> None:
        if not self.closed:
            self.closed = True
            producer, self.producer = self.producer, None
            if producer is not None:
                producer.stopProducing()
            self._protocol.connectionLost(Failure(error))

    # ITransport.

    def write(self, data: bytes) -> None:
        """Send C{data}; dropped when the connection is closed, as in Twisted."""
        assert isinstance(data, bytes), f"only bytes are sent, not {data!r}"
        if self.closed or self.aborted or self.half_closed:
            return
        if self.choked:
            self.unsent += data
            if len(self.unsent) > self.HIGH_WATER:
                self._have_enough()
        else:
            self.sent += data

    def writeSequence(self, pieces: list[bytes]) -> None:
        """Send C{pieces}."""
        self.write(b"".join(pieces))

    def loseConnection(self) -> None:
        """Close when all is sent and no producer is left."""
        if not self.disconnecting:
            self.disconnecting = True
            if not self.unsent and self.producer is None:
                self._close(ConnectionDone())

    def abortConnection(self) -> None:
        """Cut the connection."""
        if not self.aborted and not self.closed:
            self.aborted = True
            self._close(ConnectionAborted())

    def loseWriteConnection(self) -> None:
        """Write no more."""
        self.half_closed = True

    def getPeer(self) -> IAddress:
        """The other end's address."""
        return self._peer

    def getHost(self) -> IAddress:
        """This end's address."""
        return self._host

    # IPushProducer, IConsumer.

    def pauseProducing(self) -> None:
        """Read no more for now."""
        self.reading = False

    def resumeProducing(self) -> None:
        """Read on."""
        assert not self.closed, "a closed connection is told to read on"
        self.reading = True

    def stopProducing(self) -> None:
        """Read no more."""
        self.loseConnection()

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """Have C{producer} paused while the peer does not read."""
        assert streaming, "only push producers are taken"
        assert self.producer is None, "there is a producer already"
        self.producer = producer
        self._producer_paused = False
        if self.choked:
            self._have_enough()

    def unregisterProducer(self) -> None:
        """There is no producer any more."""
        self.producer = None
        if self.disconnecting and not self.unsent:
            self._close(ConnectionDone())

    # ITCPTransport.

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Remember it."""
        self.no_delay = enabled

    def getTcpNoDelay(self) -> bool:
        """What was set."""
        return self.no_delay

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Nothing to do."""

    def getTcpKeepAlive(self) -> bool:
        """Not set."""
        return False
