"""A connection over a real socket whose turns are the test's."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IProtocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure


class HandReactor(Clock):
    """
    A reactor that calls nobody by itself.

    @ivar writers: Who waits to write.
    """

    def __init__(self) -> None:
        super().__init__()
        self.writers: set[Any] = set()

    def addReader(self, reader: Any) -> None:
        """Nothing is read here: tests hand over what comes."""

    removeReader = addReader

    def addWriter(self, writer: Any) -> None:
        """C{writer} waits."""
        self.writers.add(writer)

    def removeWriter(self, writer: Any) -> None:
        """It does not any more."""
        self.writers.discard(writer)

    def turn(self) -> bool:
        """Have everyone write once who waits, and say whether someone did."""
        waiting = list(self.writers)
        for writer in waiting:
            lost = writer.doWrite()
            if lost is not None:
                writer.connectionLost(Failure(lost))
        self.advance(0)
        return bool(waiting)


class SocketTransport(FileDescriptor):
    """
    One end of a socket, with Twisted's own writing and producers.

    @ivar peer: The other end, which the test reads from.
    """

    def __init__(self, reactor: HandReactor) -> None:
        super().__init__(reactor)
        self._hand = reactor
        self._socket, self.peer = socket.socketpair()
        self._socket.setblocking(False)
        self.peer.setblocking(False)
        self.connected = 1
        self._protocol: IProtocol | None = None
        self._address = IPv4Address("TCP", "192.0.2.1", 31337)

    def connect(self, protocol: IProtocol) -> None:
        """Have C{protocol} at this end."""
        self._protocol = protocol
        protocol.makeConnection(self)

    def taken(self) -> bytes:
        """What the peer can read now."""
        pieces = []
        try:
            while piece := self.peer.recv(1 << 20):
                pieces.append(piece)
        except BlockingIOError:
            pass
        return b"".join(pieces)

    def exchange(self) -> bytes:
        """Take turns until nothing is left to do; what the peer has read."""
        received = self.taken()
        while self._hand.turn():
            received += self.taken()
        return received

    def end(self) -> None:
        """Let go of both sockets."""
        self._socket.close()
        self.peer.close()

    # What Twisted's connections add to a descriptor.

    def fileno(self) -> int:
        """See L{FileDescriptor}."""
        return self._socket.fileno()

    def writeSomeData(self, data: bytes) -> int | BaseException:
        """See L{FileDescriptor}."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            return error

    def getPeer(self) -> IPv4Address:
        """See L{FileDescriptor}."""
        return self._address

    getHost = getPeer

    def abortConnection(self) -> None:
        """Cut the connection, in the next turn."""
        self.stopWriting()
        self._hand.callLater(0, self.connectionLost, Failure(ConnectionAborted()))

    def connectionLost(self, reason: Failure) -> None:
        """See L{FileDescriptor}."""
        if not self.disconnected:
            super().connectionLost(reason)
            self._socket.close()
            assert self._protocol is not None
            self._protocol.connectionLost(reason)
