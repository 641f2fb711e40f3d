"""Answers that come out of a file: framed, watched, counted and cut as all others."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IConsumer, ISSLTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import alsoProvides, implementer

from tests.support.answers import parse_answers
from tests.support.descriptors import HandReactor, SocketTransport
from tests.support.edge import TIMEOUT, Handlers, Wire, get, head, make_site
from tests.support.logs import record_log
from twisted_aigate.kernel.transports import FileConsumer
from twisted_aigate.web.auth import public
from twisted_aigate.web.reply import Reply
from twisted_aigate.web.request import Request

CONTENT = os.urandom(3_000_000)


@implementer(IBodyProducer)
class FileBody:
    """
    A body out of a file.

    @ivar sending: What C{send_file} returned.
    """

    def __init__(self, descriptor: int, length: int | str = len(CONTENT)) -> None:
        self.length = length
        self.descriptor = descriptor
        self.sending: Deferred[None] | None = None
        self.refused = False

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        assert isinstance(consumer, FileConsumer)
        self.sending = consumer.send_file(self.descriptor, 0, len(CONTENT))
        if self.sending is not None:
            return self.sending
        self.refused = True
        consumer.write(CONTENT)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Nothing to do."""

    resumeProducing = stopProducing = pauseProducing


class FileAnswerTests(SynchronousTestCase):
    """On a connection whose socket takes files."""

    def setUp(self) -> None:
        self.reactor = HandReactor()
        self.path = self.mktemp()
        Path(self.path).write_bytes(CONTENT)
        self.file = os.open(self.path, os.O_RDONLY)
        self.addCleanup(os.close, self.file)
        self.bodies: list[FileBody] = []
        self.handlers = Handlers()
        for route, length in (("/file", len(CONTENT)), ("/chunked", UNKNOWN_LENGTH)):
            self.add(route, length)
        self.events = record_log(self)
        self.site = make_site(self.reactor, self.handlers.router)
        self.transport = self.connection()

    def add(self, path: str, length: int | str) -> None:
        async def answer(request: Request, caller: None) -> Reply:
            self.bodies.append(FileBody(self.file, length))
            return Reply(self.bodies[-1], b"audio/wav")

        self.handlers.router.add("GET", path, answer, public)

    def connection(self) -> SocketTransport:
        transport = SocketTransport(self.reactor)
        self.addCleanup(transport.end)
        self.addCleanup(self.reactor.advance, 10_000)
        transport.connect(self.site.buildProtocol(transport.getPeer()))
        return transport

    def send(self, data: bytes) -> None:
        assert self.transport._protocol is not None
        self.transport._protocol.dataReceived(data)

    def logged(self) -> list[tuple[int, int]]:
        """Status and bytes of each answer that was logged."""
        return [(event["status"], event["bytes"]) for event in self.events if "bytes" in event]

    def test_whole(self) -> None:
        """Head and file, and the next answers on the same connection behind them."""
        self.send(get("/file") + get() + get("/file") + get())
        answers = parse_answers(self.transport.exchange())
        self.assertEqual([answer.status for answer in answers], [200] * 4)
        self.assertEqual([answers[0].body, answers[2].body], [CONTENT] * 2)
        self.assertEqual(answers[1].body, answers[3].body)
        self.assertFalse(any(body.refused for body in self.bodies))
        self.assertEqual(self.logged()[0], (200, len(CONTENT)))

    def test_last(self) -> None:
        """The connection is closed when all is sent, and not before."""
        self.send(get("/file", "Connection: close"))
        (answer,) = parse_answers(self.transport.exchange())
        self.assertEqual(answer.body, CONTENT)
        self.assertTrue(self.transport.disconnected)

    def test_while_draining(self) -> None:
        """What has begun is ended."""
        self.send(get("/file"))
        self.reactor.turn()
        drained = self.site.drain()
        (answer,) = parse_answers(self.transport.exchange())
        self.assertEqual(answer.body, CONTENT)
        self.successResultOf(drained)

    def test_bytes_are_still_held_back_behind_it(self) -> None:
        """The transport asks the connection again, as before."""
        before = self.transport.producer
        self.send(get("/file"))
        self.transport.exchange()
        self.assertIsNotNone(before)
        self.assertIs(self.transport.producer, before)
        self.assertTrue(self.transport.streamingProducer)

    def test_slow_client(self) -> None:
        """It has as long as it takes, as long as it takes something."""
        self.send(get("/file"))
        received = b""
        while not received.endswith(CONTENT[-100:]):
            self.reactor.advance(TIMEOUT - 1)
            self.reactor.turn()
            received += self.transport.peer.recv(400_000)
            self.assertFalse(self.transport.disconnected)
        (answer,) = parse_answers(received)
        self.assertEqual(answer.body, CONTENT)

    def test_client_that_stops_reading(self) -> None:
        """It is cut in the end, and what was sent is in the log."""
        self.send(get("/file"))
        self.reactor.turn()
        self.reactor.turn()
        self.reactor.advance(TIMEOUT + 1)
        self.reactor.turn()
        self.assertTrue(self.transport.disconnected)
        ((status, count),) = self.logged()
        self.assertEqual(status, 499)
        received = self.transport.taken().partition(b"\r\n\r\n")[2]
        self.assertEqual(len(received), count)
        self.assertLess(0, count)
        self.assertLess(count, len(CONTENT))

    def test_client_that_leaves(self) -> None:
        """Whoever sends is told so."""
        self.send(get("/file"))
        self.reactor.turn()
        self.transport.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(self.logged()[0][0], 499)
        self.assertIsNone(self.transport.producer)
        self.assertFalse(self.reactor.turn())

    def test_file_that_is_too_short(self) -> None:
        """The connection is cut: the client must not take what it has for all."""
        os.truncate(self.path, 1000)
        self.send(get("/file"))
        received = self.transport.exchange().partition(b"\r\n\r\n")[2]
        self.assertEqual(received, CONTENT[:1000])
        self.assertTrue(self.transport.disconnected)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_where_no_file_is_taken(self) -> None:
        """In chunks, or under TLS, or in memory: it is written."""
        self.send(get("/chunked"))
        (answer,) = parse_answers(self.transport.exchange())
        self.assertEqual((answer.body, answer.chunked), (CONTENT, True))
        wire = Wire(self.site, self.reactor)
        wire.send(get("/file"))
        self.assertEqual(wire.answer().body, CONTENT)
        self.transport = self.connection()
        alsoProvides(self.transport, ISSLTransport)
        self.send(get("/file"))
        (answer,) = parse_answers(self.transport.exchange())
        self.assertEqual(answer.body, CONTENT)
        self.assertEqual([body.refused for body in self.bodies], [True] * 3)

    def test_head(self) -> None:
        """The head alone."""
        self.send(head("HEAD", "/file"))
        (answer,) = parse_answers(self.transport.exchange(), to_head=True)
        self.assertEqual(answer.field("content-length"), str(len(CONTENT)))
        self.assertTrue(self.bodies[0].refused)
