"""An open WebSocket: messages, backpressure, closing, and whether the other end lives."""

from __future__ import annotations

from tests.support.streams import HandFed
from tests.support.websockets import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Frame,
    close_frame,
    frame,
)
from tests.web.websocket.case import WebSocketCase
from twisted_aigate.kernel.websocket import IWebSocket, Message
from twisted_aigate.kernel.websocket.end import (
    CLOSE_TIMEOUT,
    DEAD_AFTER,
    MOST_MESSAGE,
    PING_AFTER,
    STUCK_AFTER,
)

BIG = b"x" * 100_000
"""More than a transport takes at once."""


class OpenCase(WebSocketCase):
    socket: IWebSocket

    def setUp(self) -> None:
        super().setUp()
        self.socket = self.open()
        self.transport = self.wire.transport

    def peer_is_silent_for(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.clock.advance(1)


class MessageTests(OpenCase):
    def test_text_and_bytes_come_and_go(self) -> None:
        self.wire.send(frame(TEXT, "né".encode()), frame(BINARY, b"\xff\x00"))
        heard = [Message("né".encode()), Message(b"\xff\x00", is_text=False)]
        self.assertEqual(self.ears.messages, heard)
        for message in heard:
            self.socket.send(message)
        expected = [Frame(TEXT, "né".encode()), Frame(BINARY, b"\xff\x00")]
        self.assertEqual(self.frames(), expected)

    def test_a_message_in_fragments_is_one(self) -> None:
        self.wire.send(frame(TEXT, b"one ", fin=False))
        self.wire.send(frame(PING, b"still there?"), frame(0, b"message"))
        self.assertEqual(self.ears.messages, [Message(b"one message")])
        self.assertEqual(self.frames(), [Frame(PONG, b"still there?")])

    def test_nothing_is_sent_and_nothing_heard_behind_a_close(self) -> None:
        self.socket.close(1000, "enough")
        self.socket.send(Message(b"too late"))
        self.wire.send(frame(TEXT, b"too late"))
        self.assertEqual(self.ears.messages, [])
        self.assertEqual([each.opcode for each in self.frames()], [CLOSE])

    def test_a_listener_that_fails_closes_with_1011(self) -> None:
        def fail(message: Message) -> None:
            raise RuntimeError("oops")

        self.ears.received = fail  # type: ignore[method-assign]
        self.wire.send(frame(TEXT, b"hi"))
        self.assertEqual(self.frames()[0].code, 1011)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class BackpressureTests(OpenCase):
    def test_a_peer_that_reads_slowly_pauses_who_sends(self) -> None:
        producer = HandFed()
        self.socket.registerProducer(producer)
        self.transport.choke()
        self.assertEqual(producer.calls, ["pause"])
        self.socket.send(Message(b"in line"))
        self.transport.unchoke()
        self.assertEqual(producer.calls, ["pause", "resume"])
        self.assertEqual(self.frames(), [Frame(TEXT, b"in line")])

    def test_a_message_that_fills_the_transport_pauses_who_sends(self) -> None:
        producer = HandFed()
        self.socket.registerProducer(producer)
        self.transport.throttle()
        self.socket.send(Message(BIG))
        self.assertEqual(producer.calls, ["pause"])

    def test_a_pause_holds_the_peer_back(self) -> None:
        self.socket.pauseProducing()
        self.assertFalse(self.transport.reading)
        self.socket.resumeProducing()
        self.assertTrue(self.transport.reading)

    def test_messages_of_the_same_segment_wait_for_the_end_of_a_pause(self) -> None:
        def pause(message: Message) -> None:
            self.ears.messages.append(message)
            self.socket.pauseProducing()

        self.ears.received = pause  # type: ignore[method-assign]
        self.wire.send(b"".join(frame(TEXT, each) for each in (b"1", b"2", b"3")))
        self.assertEqual(self.ears.messages, [Message(b"1")])
        self.socket.resumeProducing()
        self.assertEqual(self.ears.messages, [Message(b"1"), Message(b"2")])
        self.assertFalse(self.transport.reading)
        self.socket.resumeProducing()
        self.socket.resumeProducing()
        self.assertEqual(len(self.ears.messages), 3)
        self.assertTrue(self.transport.reading)

    def test_the_end_is_told_behind_messages_that_wait(self) -> None:
        self.socket.pauseProducing()
        self.transport.reading = True
        self.wire.send(frame(TEXT, b"last words") + close_frame(1000))
        self.assertEqual((self.ears.messages, self.ears.ends), ([], []))
        self.socket.resumeProducing()
        self.assertEqual(self.ears.messages, [Message(b"last words")])
        self.assertEqual(self.ears.ends, [(1000, "")])


class ClosingTests(OpenCase):
    def test_the_peers_close_is_answered_and_told(self) -> None:
        self.wire.send(close_frame(4001, "as I like"))
        self.assertEqual(self.ears.ends, [(4001, "as I like")])
        self.assertEqual(self.frames(), [Frame(CLOSE, b"\x0f\xa1as I like")])
        self.assertTrue(self.transport.closed)
        self.assertFalse(self.transport.aborted)
        self.assertIsNone(self.successResultOf(self.site.drain()))

    def test_a_close_without_a_code_is_1005(self) -> None:
        self.wire.send(frame(CLOSE))
        self.assertEqual(self.ears.ends, [(1005, "")])

    def test_a_peer_that_is_gone_without_a_word_is_1006(self) -> None:
        self.transport.lose()
        self.assertEqual(self.ears.ends, [(1006, "")])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_our_close_ends_when_the_peer_has_answered(self) -> None:
        self.socket.close(4002, "because")
        self.assertEqual(self.frames(), [Frame(CLOSE, b"\x0f\xa2because")])
        self.wire.send(close_frame(4002))
        self.assertTrue(self.transport.closed)
        self.assertFalse(self.transport.aborted)
        self.assertEqual(self.ears.ends, [(4002, "")])

    def test_a_peer_that_does_not_answer_our_close_is_cut_off(self) -> None:
        self.socket.close(1000, "")
        self.clock.advance(CLOSE_TIMEOUT)
        self.assertTrue(self.transport.aborted)

    def test_a_peer_that_does_not_read_our_close_is_cut_off(self) -> None:
        self.transport.choke()
        self.socket.send(Message(BIG))
        self.wire.send(close_frame(1000))
        self.assertFalse(self.transport.closed)
        self.clock.advance(CLOSE_TIMEOUT)
        self.assertTrue(self.transport.aborted)

    def test_a_close_is_heard_though_messages_were_not_wanted(self) -> None:
        self.socket.pauseProducing()
        self.socket.close(1000, "")
        self.assertTrue(self.transport.reading)

    def test_a_long_reason_is_cut(self) -> None:
        self.socket.close(1000, "é" * 100)
        self.assertEqual(self.frames()[0].payload[2:].decode(), "é" * 61)

    def test_a_peer_at_fault_is_told_why(self) -> None:
        huge = bytes([0x80 | BINARY, 0xFF]) + (MOST_MESSAGE + 1).to_bytes(8, "big") + b"abcd"
        for sent, code in (
            (frame(TEXT, b"\xff\xfe"), 1007),
            (frame(TEXT, b"hi", masked=False), 1002),
            (frame(0, b"of nothing"), 1002),
            (close_frame(1006), 1002),
            (huge, 1009),
        ):
            with self.subTest(sent=sent[:20]):
                self.setUp()
                self.wire.send(sent)
                self.assertEqual(self.frames()[0].code, code)
                self.assertEqual([end[0] for end in self.ears.ends], [code])
                self.wire.send(frame(TEXT, b"x" * 1000))
                self.assertEqual(self.ears.messages, [])
                self.assertTrue(self.transport.half_closed)
                self.clock.advance(CLOSE_TIMEOUT)
                self.assertTrue(self.transport.closed)

    def test_fragments_do_not_add_up_to_more_than_a_message_may_have(self) -> None:
        half = (
            (MOST_MESSAGE // 2 + 1).to_bytes(8, "big") + b"\0\0\0\0" + bytes(MOST_MESSAGE // 2 + 1)
        )
        self.wire.send(bytes([BINARY, 0xFF]) + half, bytes([0x80, 0xFF]) + half)
        self.assertEqual(self.frames()[0].code, 1009)
        self.assertEqual(self.ears.messages, [])


class LivingTests(OpenCase):
    def test_a_silent_peer_is_pinged(self) -> None:
        self.peer_is_silent_for(PING_AFTER - 1)
        self.assertEqual(self.frames(), [])
        self.peer_is_silent_for(1)
        self.assertEqual(self.frames(), [Frame(PING, b"")])

    def test_a_peer_that_answers_lives_on(self) -> None:
        for _ in range(10):
            self.transport.sent.clear()
            self.peer_is_silent_for(PING_AFTER)
            self.assertEqual(self.frames(), [Frame(PING, b"")])
            self.wire.send(frame(PONG))
        self.assertFalse(self.transport.aborted)

    def test_a_peer_that_does_not_answer_is_dropped(self) -> None:
        self.peer_is_silent_for(DEAD_AFTER - 1)
        self.assertFalse(self.transport.aborted)
        self.peer_is_silent_for(1)
        self.assertTrue(self.transport.aborted)
        self.assertEqual(self.ears.ends, [(1006, "")])

    def test_a_peer_that_talks_is_not_pinged(self) -> None:
        for _ in range(10):
            self.peer_is_silent_for(PING_AFTER - 1)
            self.wire.send(frame(TEXT, b"hi"))
        self.assertEqual(self.frames(), [])

    def test_a_peer_whose_pong_is_not_read_is_not_dropped_for_it(self) -> None:
        self.socket.pauseProducing()
        self.peer_is_silent_for(DEAD_AFTER * 2)
        self.assertFalse(self.transport.aborted)
        self.socket.resumeProducing()
        self.peer_is_silent_for(DEAD_AFTER)
        self.assertTrue(self.transport.aborted)

    def test_a_peer_that_reads_slowly_is_not_dropped_for_it(self) -> None:
        self.transport.throttle()
        for _ in range(4):
            self.socket.send(Message(BIG))
            self.peer_is_silent_for(DEAD_AFTER * 2)
            self.transport.take(len(self.transport.unsent))
        self.assertFalse(self.transport.aborted)

    def test_a_peer_that_reads_nothing_is_dropped_in_the_end(self) -> None:
        self.transport.choke()
        self.peer_is_silent_for(STUCK_AFTER + DEAD_AFTER)
        self.assertTrue(self.transport.aborted)

    def test_http_time_outs_are_no_more(self) -> None:
        for _ in range(100):
            self.peer_is_silent_for(20)
            self.wire.send(frame(TEXT, b"hi"))
        self.assertEqual(len(self.ears.messages), 100)
        self.assertEqual(self.frames(), [])


class DrainingTests(OpenCase):
    def test_a_server_that_stops_is_going_away(self) -> None:
        drained = self.site.drain()
        self.assertEqual(self.frames(), [Frame(CLOSE, b"\x03\xe9the server is stopping")])
        self.assertNoResult(drained)
        self.wire.send(close_frame(1001))
        self.assertIsNone(self.successResultOf(drained))

    def test_an_end_that_does_not_close_is_cut_off(self) -> None:
        drained = self.site.drain()
        self.clock.advance(CLOSE_TIMEOUT)
        self.assertIsNone(self.successResultOf(drained))

    def test_an_offer_that_is_taken_up_by_a_server_that_stops_is_ended_at_once(self) -> None:
        self.wire.transport.lose()
        self.setUp_later()
        drained = self.site.drain()
        self.gate.callback(None)
        self.assertIn(b"\x03\xe9the server is stopping", bytes(self.wire.transport.sent))
        self.wire.send(close_frame(1001))
        self.assertIsNone(self.successResultOf(drained))

    def setUp_later(self) -> None:
        WebSocketCase.setUp(self)
        self.wire.send(self.offer("/later"))

    def test_a_server_that_cuts_ends_it(self) -> None:
        self.site.abort()
        self.clock.advance(0)
        self.assertEqual(self.ears.ends, [(1006, "")])
