"""The protocol, on a connection in memory."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.transports import MemoryTransport
from twisted_aigate.kernel.redis import RedisRefused, RedisUnavailable
from twisted_aigate.kernel.redis.connection import IDLE, REPLY_TIMEOUT, Connection

_PING = b"*1\r\n$4\r\nPING\r\n"


class ConnectionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.heard: list[tuple[bytes, bytes]] = []
        self.connection = Connection(self.clock, lambda *message: self.heard.append(message))
        self.transport = MemoryTransport(self.clock)
        self.transport.connect(self.connection)
        self.connection.makeConnection(self.transport)

    def lost(self) -> str:
        self.clock.advance(0)
        return self.successResultOf(self.connection.lost.wait())

    def test_binary_arguments(self) -> None:
        self.connection.command(b"SET", "k\u00e9y", b"\x00\r\n\xff", 7).addErrback(lambda _: None)
        self.assertEqual(
            self.transport.sent,
            b"*4\r\n$3\r\nSET\r\n$4\r\nk\xc3\xa9y\r\n$4\r\n\x00\r\n\xff\r\n$1\r\n7\r\n",
        )
        self.connection.close("over")
        self.lost()

    def test_replies_come_in_order(self) -> None:
        answers = [self.connection.command(b"X") for _ in range(4)]
        for piece in (b"+OK\r\n:", b"3\r\n$3\r\na\x00", b"b\r\n*2\r\n$-1\r\n*1\r\n:1\r\n"):
            self.connection.dataReceived(piece)
        self.assertEqual(
            [self.successResultOf(each) for each in answers], [b"OK", 3, b"a\x00b", [None, [1]]]
        )

    def test_an_error_is_one_commands_own(self) -> None:
        first, second = self.connection.command(b"X"), self.connection.command(b"Y")
        self.connection.dataReceived(b"-WRONGTYPE no list\r\n+OK\r\n")
        refused = self.failureResultOf(first, RedisRefused).value
        self.assertEqual((refused.code, str(refused)), ("WRONGTYPE", "WRONGTYPE no list"))
        self.assertEqual(self.successResultOf(second), b"OK")

    def test_a_cancelled_commands_reply_is_no_others(self) -> None:
        first, second = self.connection.command(b"X"), self.connection.command(b"Y")
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.connection.dataReceived(b":1\r\n:2\r\n")
        self.assertEqual(self.successResultOf(second), 2)

    def test_silence_ends_it(self) -> None:
        answers = [self.connection.command(b"X")]
        self.clock.advance(REPLY_TIMEOUT / 2)
        answers.append(self.connection.command(b"Y"))
        self.clock.advance(REPLY_TIMEOUT / 2)
        self.clock.advance(0)
        for answer in answers:
            unavailable = self.failureResultOf(answer, RedisUnavailable)
            self.assertEqual(str(unavailable.value), "no reply for 2 s")
        self.assertEqual(self.lost(), "no reply for 2 s")

    def test_a_long_reply_may_take_its_time(self) -> None:
        answer = self.connection.command(b"GET", b"k")
        self.connection.dataReceived(b"$4\r\n")
        for byte in (b"a", b"b", b"c", b"d\r\n"):
            self.clock.advance(REPLY_TIMEOUT * 0.9)
            self.connection.dataReceived(byte)
        self.assertEqual(self.successResultOf(answer), b"abcd")

    def test_an_idle_connection_is_looked_after(self) -> None:
        self.clock.advance(IDLE)
        self.assertEqual(self.transport.sent, _PING)
        self.connection.dataReceived(b"+PONG\r\n")
        self.clock.advance(IDLE)
        self.assertEqual(self.transport.sent, 2 * _PING)
        self.clock.advance(REPLY_TIMEOUT)
        self.assertEqual(self.lost(), "no reply for 2 s")

    def test_what_is_no_redis_is_left(self) -> None:
        for said in (b"HTTP/1.1 400 Bad Request\r\n", b"+unasked\r\n"):
            self.setUp()
            self.connection.dataReceived(said)
            self.assertEqual(self.lost(), "what it says is not Redis's protocol")

    def test_messages_are_no_replies(self) -> None:
        answer = self.connection.command(b"SUBSCRIBE", b"c")
        self.connection.dataReceived(b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")
        self.connection.dataReceived(b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n")
        self.assertEqual(self.successResultOf(answer), [b"subscribe", b"c", 1])
        self.assertEqual(self.heard, [(b"c", b"hi")])

    def test_nothing_is_left_of_a_lost_one(self) -> None:
        answers: list[Deferred[object]] = [self.connection.command(b"X")]
        answers[0].addErrback(lambda _: None)
        self.connection.close("over")
        self.lost()
        self.assertEqual(self.clock.getDelayedCalls(), [])
