"""WebSockets to a server in memory: the handshake, refusals, and an open one."""

from __future__ import annotations

import re

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.transports import MemoryTransport
from tests.support.upstream import ORIGIN, Upstream
from tests.support.websockets import (
    BINARY,
    CLOSE,
    PING,
    TEXT,
    Ears,
    Frame,
    accept_for,
    close_frame,
    frame,
    frames,
)
from twisted_aigate.http_client import (
    BadResponse,
    ConnectFailed,
    ConnectionBroken,
    Origin,
    OutgoingRequest,
    ResponseTimeout,
    SwitchRefused,
    WebSocketClient,
)
from twisted_aigate.http_client.websocket import HANDSHAKE_TIMEOUT
from twisted_aigate.kernel.websocket import IWebSocket, Message
from twisted_aigate.kernel.websocket.end import CLOSE_TIMEOUT, DEAD_AFTER, PING_AFTER

REQUEST = OutgoingRequest(
    b"GET", b"/v1/realtime?model=m%2F1&x=y", ((b"Authorization", b"Bearer k"),)
)
AGREED = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


class WebSocketCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.upstream = Upstream(self.clock)
        self.client = WebSocketClient(self.clock, self.upstream.endpoint)
        self.ears = Ears()

    def connect(self, timeout: float = 0, origin: Origin = ORIGIN) -> Deferred[IWebSocket]:
        return Deferred.fromCoroutine(self.client.connect(origin, REQUEST, timeout))

    @property
    def transport(self) -> MemoryTransport:
        return self.upstream.connections[-1]

    def asked(self) -> bytes:
        return bytes(self.transport.sent)

    def agreement(self, *lines: str) -> bytes:
        key = re.search(rb"Sec-WebSocket-Key: (\S+)", self.asked())
        assert key is not None
        accept = f"Sec-WebSocket-Accept: {accept_for(key[1])}"
        return "\r\n".join((AGREED + accept, *lines, "", "")).encode()

    def open(self) -> IWebSocket:
        opening = self.connect()
        self.transport.receive(self.agreement())
        self.transport.sent.clear()
        socket = self.successResultOf(opening)
        socket.start(self.ears)
        return socket

    def closing(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.client.close())

    def frames(self) -> list[Frame]:
        return frames(bytes(self.transport.sent))


class HandshakeTests(WebSocketCase):
    def test_the_request_asks_for_a_websocket(self) -> None:
        self.connect()
        first, *lines = self.asked().decode().split("\r\n")
        self.assertEqual(first, "GET /v1/realtime?model=m%2F1&x=y HTTP/1.1")
        for line in ("Host: upstream.test:8080", "Authorization: Bearer k", "Upgrade: WebSocket"):
            self.assertIn(line, lines)
        self.assertIn("Sec-WebSocket-Version: 13", lines)
        self.assertFalse([line for line in lines if line.lower().startswith("sec-websocket-ext")])

    def test_an_ipv6_host_is_in_brackets(self) -> None:
        self.connect(origin=Origin("http", "::1", 80))
        self.assertIn(b"\r\nHost: [::1]:80\r\n", self.asked())

    def test_what_comes_before_anybody_listens_waits(self) -> None:
        opening = self.connect()
        self.transport.receive(self.agreement() + frame(TEXT, b"created", masked=False))
        self.transport.receive(frame(BINARY, b"more", masked=False))
        socket = self.successResultOf(opening)
        socket.start(self.ears)
        expected = [Message(b"created"), Message(b"more", is_text=False)]
        self.assertEqual(self.ears.messages, expected)

    def test_an_end_before_anybody_listens_is_told(self) -> None:
        opening = self.connect()
        self.transport.receive(self.agreement() + close_frame(4000, "no", masked=False))
        self.transport.lose()
        self.successResultOf(opening).start(self.ears)
        self.assertEqual(self.ears.ends, [(4000, "no")])

    def test_an_agreement_in_single_bytes_opens(self) -> None:
        opening = self.connect()
        for byte in self.agreement():
            self.transport.receive(bytes([byte]))
        self.successResultOf(opening)


class RefusalTests(WebSocketCase):
    def refused(self, *pieces: bytes, lost: bool = False) -> SwitchRefused:
        opening = self.connect()
        for piece in pieces:
            self.transport.receive(piece)
        if lost:
            self.transport.lose()
        error = self.failureResultOf(opening, SwitchRefused).value
        self.assertTrue(self.transport.closed)
        assert isinstance(error, SwitchRefused)
        return error

    def test_a_refusal_is_read_whole(self) -> None:
        head = b"HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 10\r\n\r\n"
        error = self.refused(head, b"01234", b"56789")
        self.assertEqual((error.status, error.body), (429, b"0123456789"))
        self.assertIn((b"retry-after", b"7"), error.fields)

    def test_a_chunked_refusal_is_read_whole(self) -> None:
        head = b"HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.assertEqual(self.refused(head + b"2\r\nno\r\n0\r\n\r\n").body, b"no")

    def test_a_refusal_that_ends_with_the_connection_is_read(self) -> None:
        error = self.refused(b"HTTP/1.1 500 Oops\r\n\r\n", b"oo", b"ps", lost=True)
        self.assertEqual((error.status, error.body), (500, b"oops"))

    def test_no_more_of_a_refusal_is_kept_than_is_worth_it(self) -> None:
        error = self.refused(b"HTTP/1.1 500 Oops\r\n\r\n", *[b"x" * 50_000] * 2)
        self.assertEqual(len(error.body), 65536)

    def test_an_ordinary_answer_is_a_refusal(self) -> None:
        error = self.refused(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        self.assertEqual(error.status, 200)

    def test_a_wrong_agreement_is_no_answer(self) -> None:
        for answer in (
            AGREED.encode() + b"Sec-WebSocket-Accept: AAAA\r\n\r\n",
            AGREED.encode() + b"\r\n",
            b"SSH-2.0-OpenSSH\r\n\r\n",
            b"x" * 70_000,
        ):
            with self.subTest(answer=answer[:20]):
                opening = self.connect()
                self.transport.receive(answer)
                self.failureResultOf(opening, BadResponse)
                self.assertTrue(self.transport.closed)

    def test_a_subprotocol_that_nobody_asked_for_is_no_answer(self) -> None:
        opening = self.connect()
        self.transport.receive(self.agreement("Sec-WebSocket-Protocol: surprise"))
        self.failureResultOf(opening, BadResponse)

    def test_a_server_that_hangs_up_is_broken(self) -> None:
        opening = self.connect()
        self.transport.lose()
        self.failureResultOf(opening, ConnectionBroken)

    def test_a_server_that_cannot_be_reached(self) -> None:
        self.upstream.error = OSError("no route")
        self.failureResultOf(self.connect(), ConnectFailed)

    def test_a_server_that_says_nothing_is_given_up(self) -> None:
        for timeout, seconds in ((0, HANDSHAKE_TIMEOUT), (600, HANDSHAKE_TIMEOUT), (3, 3)):
            with self.subTest(timeout=timeout):
                opening = self.connect(timeout)
                self.clock.advance(seconds - 1)
                self.assertNoResult(opening)
                self.clock.advance(1)
                self.failureResultOf(opening, ResponseTimeout)
                self.assertTrue(self.transport.aborted)

    def test_cancelling_cuts_the_connection(self) -> None:
        opening = self.connect()
        opening.cancel()
        self.failureResultOf(opening, CancelledError)
        self.assertTrue(self.transport.aborted)
        self.clock.advance(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class OpenTests(WebSocketCase):
    def test_messages_come_and_go_masked(self) -> None:
        socket = self.open()
        socket.send(Message(b"hi"))
        self.assertEqual(self.transport.sent[1] & 0x80, 0x80)
        self.assertEqual(self.frames(), [Frame(TEXT, b"hi")])
        self.transport.receive(frame(TEXT, b"ho", masked=False))
        self.assertEqual(self.ears.messages, [Message(b"ho")])

    def test_the_servers_close_is_answered_and_the_server_hangs_up(self) -> None:
        self.open()
        self.transport.receive(close_frame(4001, "bye", masked=False))
        self.assertEqual(self.ears.ends, [(4001, "bye")])
        self.assertEqual(self.frames(), [Frame(CLOSE, b"\x0f\xa1bye")])
        self.assertFalse(self.transport.closed)
        self.transport.lose()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_server_that_does_not_hang_up_is_cut_off(self) -> None:
        self.open()
        self.transport.receive(close_frame(1000, masked=False))
        self.clock.advance(CLOSE_TIMEOUT)
        self.assertTrue(self.transport.aborted)

    def test_a_dead_server_is_noticed(self) -> None:
        self.open()
        self.clock.advance(PING_AFTER)
        self.assertEqual(self.frames(), [Frame(PING, b"")])
        self.clock.advance(DEAD_AFTER - PING_AFTER)
        self.assertEqual(self.ears.ends, [(1006, "")])

    def test_closing_the_client_waits_for_the_servers(self) -> None:
        self.open()
        closing = self.closing()
        self.assertEqual(self.frames(), [Frame(CLOSE, b"\x03\xe9")])
        self.transport.receive(close_frame(1001, masked=False))
        self.assertNoResult(closing)
        self.transport.lose()
        self.assertIsNone(self.successResultOf(closing))

    def test_closing_the_client_waits_no_longer_than_is_reasonable(self) -> None:
        self.open()
        closing = self.closing()
        self.clock.advance(CLOSE_TIMEOUT)
        self.clock.advance(0)
        self.assertIsNone(self.successResultOf(closing))

    def test_closing_the_client_gives_up_what_is_not_open_yet(self) -> None:
        opening = self.connect()
        self.assertIsNone(self.successResultOf(self.closing()))
        self.failureResultOf(opening, CancelledError)
        self.failureResultOf(self.connect(), ConnectFailed)

    def test_a_connection_that_comes_when_the_client_is_closed_is_cut(self) -> None:
        self.upstream.slow = True
        opening = self.connect()
        closing = self.closing()
        self.assertNoResult(closing)
        self.upstream.finish()
        self.failureResultOf(opening, ConnectFailed)
        self.assertTrue(self.transport.aborted)
        self.assertIsNone(self.successResultOf(closing))

    def test_nothing_is_kept_of_a_connection_that_is_over(self) -> None:
        socket = self.open()
        self.transport.lose()
        self.assertIsNone(self.successResultOf(self.closing()))
        socket.send(Message(b"into the void"))
        socket.pauseProducing()
        socket.resumeProducing()
        self.assertEqual(self.frames(), [])
