"""A file into a socket, in the transport's own turns."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.descriptors import HandReactor, SocketTransport
from tests.support.streams import HandFed
from twisted_aigate.kernel.sendfile import FileSender

CONTENT = os.urandom(3_000_000)


class FileSenderTests(SynchronousTestCase):
    """All of it, in order, or an end that leaves the transport as it was."""

    def setUp(self) -> None:
        self.reactor = HandReactor()
        self.transport = SocketTransport(self.reactor)
        self.addCleanup(self.transport.end)
        path = self.mktemp()
        Path(path).write_bytes(CONTENT)
        self.file = os.open(path, os.O_RDONLY)
        self.addCleanup(os.close, self.file)
        self.counts: list[int] = []

    def send(self, offset: int, size: int) -> Deferred[None]:
        return FileSender(self.transport, self.file, offset, size, self.counts.append).start()

    def assert_free(self) -> None:
        """Nobody produces, and another may."""
        self.transport.registerProducer(HandFed(), True)

    def test_more_than_the_socket_takes(self) -> None:
        """What was written before, the file as the peer reads, what is written behind it."""
        self.transport.write(b"before ")
        sending = self.send(10, len(CONTENT) - 20)
        received = b""
        while sending.called is False:
            self.reactor.turn()
            received += self.transport.taken()
        self.successResultOf(sending)
        self.transport.write(b" behind")
        received += self.transport.exchange()
        self.assertEqual(received, b"before " + CONTENT[10:-10] + b" behind")
        self.assertEqual(sum(self.counts), len(CONTENT) - 20)
        self.assertGreater(len(self.counts), 1)
        self.assert_free()

    def test_peer_that_does_not_read(self) -> None:
        """Nothing goes on, and nothing is lost."""
        sending = self.send(0, len(CONTENT))
        for _ in range(5):
            self.reactor.turn()
        sent = sum(self.counts)
        self.assertLess(sent, len(CONTENT))
        self.assertNoResult(sending)
        received = self.transport.taken()
        self.assertEqual(received, CONTENT[:sent])
        self.assertEqual(received + self.transport.exchange(), CONTENT)
        self.successResultOf(sending)

    def test_cancelled(self) -> None:
        """Not a byte more."""
        sending = self.send(0, len(CONTENT))
        self.reactor.turn()
        sending.cancel()
        self.failureResultOf(sending, CancelledError)
        self.assertEqual(len(self.transport.exchange()), sum(self.counts))
        self.assert_free()

    def test_short_file(self) -> None:
        """It says so when it meets the end."""
        sending = self.send(len(CONTENT) - 10, 20)
        self.assertEqual(self.transport.exchange(), CONTENT[-10:])
        self.failureResultOf(sending, OSError)
        self.assert_free()

    def test_no_file(self) -> None:
        """What the kernel says is the failure."""
        reading, writing = os.pipe()
        os.close(writing)
        self.addCleanup(os.close, reading)
        sending = FileSender(self.transport, reading, 0, 10, self.counts.append).start()
        self.transport.exchange()
        self.failureResultOf(sending, OSError)
        self.assert_free()

    def test_connection_lost(self) -> None:
        """The transport finds it out; nobody is told twice."""
        lost: list[object] = []

        class Told:
            def makeConnection(self, transport: object) -> None:
                """Nothing to do."""

            def connectionLost(self, reason: object) -> None:
                lost.append(reason)

        self.transport.connect(Told())  # type: ignore[arg-type]
        sending = self.send(0, len(CONTENT))
        self.reactor.turn()
        self.transport.peer.close()
        self.reactor.turn()
        self.reactor.turn()
        self.assertEqual(len(lost), 1)
        self.assertNoResult(sending)
        sending.cancel()
        self.failureResultOf(sending, CancelledError)
        self.assertFalse(self.reactor.turn())
