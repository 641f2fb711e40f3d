"""A WebSocket's other end, by hand: frames as bytes, and a listener that remembers."""

from __future__ import annotations

import struct
from base64 import b64encode
from hashlib import sha1

from attrs import frozen
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from twisted_aigate.kernel.websocket import IWebSocket, IWebSocketListener, Message

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The pair of RFC 6455, 1.3."""

OFFER = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    f"Sec-WebSocket-Key: {KEY}",
)

_MASK = b"\x01\x02\x03\x04"


@frozen
class Frame:
    """A frame: its opcode and its payload."""

    opcode: int
    payload: bytes

    @property
    def code(self) -> int:
        """The code of a close."""
        return int(struct.unpack("!H", self.payload[:2])[0])


def accept_for(key: bytes) -> str:
    """What proves that a key was read."""
    magic = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return b64encode(sha1(key + magic).digest()).decode()


def frame(opcode: int, payload: bytes = b"", *, masked: bool = True, fin: bool = True) -> bytes:
    """A frame as bytes, as a client sends it or, not masked, a server."""
    size = len(payload)
    head = bytes([opcode | (0x80 if fin else 0)])
    bit = 0x80 if masked else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += bytes([bit | 126]) + struct.pack("!H", size)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", size)
    if not masked:
        return head + payload
    body = bytes(byte ^ _MASK[index % 4] for index, byte in enumerate(payload))
    return head + _MASK + body


def close_frame(code: int, reason: str = "", *, masked: bool = True) -> bytes:
    """A close as bytes."""
    return frame(CLOSE, struct.pack("!H", code) + reason.encode(), masked=masked)


def frames(data: bytes) -> list[Frame]:
    """The frames that bytes hold, masked or not."""
    found = []
    while data:
        opcode, size = data[0] & 0x0F, data[1] & 0x7F
        masked, start = data[1] & 0x80, 2
        if size == 126:
            size, start = struct.unpack("!H", data[2:4])[0], 4
        elif size == 127:
            size, start = struct.unpack("!Q", data[2:10])[0], 10
        mask = b"\0\0\0\0"
        if masked:
            mask, start = data[start : start + 4], start + 4
        payload = data[start : start + size]
        assert len(payload) == size, "a frame is cut off"
        found.append(
            Frame(opcode, bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload)))
        )
        data = data[start + size :]
    return found


@implementer(IWebSocketListener)
class Ears:
    """
    A listener.

    @ivar messages: What it heard.
    @ivar ends: (code, reason) of each time that it was told of the end.
    """

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.ends: list[tuple[int, str]] = []

    def received(self, message: Message) -> None:
        """Remember it."""
        self.messages.append(message)

    def closed(self, code: int, reason: str) -> None:
        """Remember it."""
        self.ends.append((code, reason))


@implementer(IWebSocket)
class FakeSocket:
    """
    A socket that the test speaks for.

    @ivar sent: What was sent on it.
    @ivar closes: (code, reason) of each close that was asked for.
    @ivar paused: Its messages are not wanted.
    @ivar producer: What is to be paused while its peer reads slowly.
    """

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.closes: list[tuple[int, str]] = []
        self.paused = False
        self.producer: IPushProducer | None = None
        self.listener: IWebSocketListener | None = None

    def heard(self, message: Message) -> None:
        """The peer said something."""
        assert self.listener is not None, "nobody listens"
        self.listener.received(message)

    def hung_up(self, code: int, reason: str) -> None:
        """The peer has closed."""
        assert self.listener is not None, "nobody listens"
        self.listener.closed(code, reason)

    def start(self, listener: IWebSocketListener) -> None:
        """Remember who listens."""
        self.listener = listener

    def send(self, message: Message) -> None:
        """Remember it."""
        self.sent.append(message)

    def close(self, code: int, reason: str) -> None:
        """Remember it."""
        self.closes.append((code, reason))

    def registerProducer(self, producer: IPushProducer) -> None:
        """Remember it."""
        self.producer = producer

    def pauseProducing(self) -> None:
        """Remember it."""
        self.paused = True

    def resumeProducing(self) -> None:
        """Remember it."""
        self.paused = False

    def stopProducing(self) -> None:
        """Nothing to do."""
