"""
One end of a WebSocket, over autobahn's framing.

autobahn's own timers live on the global reactor and judge a peer by its pongs alone, which come
late from one that is held back: none of them is used. Importing autobahn fetches that reactor, so
this module is to be imported where the first WebSocket is made, and not before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from autobahn.twisted.websocket import WebSocketAdapterProtocol
from autobahn.util import encode_truncate
from autobahn.websocket.protocol import WebSocketProtocol
from twisted.internet.interfaces import (
    IPushProducer,
    IReactorTime,
    ISSLTransport,
    ITCPTransport,
)
from twisted.logger import Logger
from txaio.tx import make_logger
from zope.interface import implementer

from twisted_aigate.kernel.backpressure import Backpressure
from twisted_aigate.kernel.transports import IStreamTransport
from twisted_aigate.kernel.units import MB, MINUTE, SECOND
from twisted_aigate.kernel.watchdog import Watchdog
from twisted_aigate.kernel.websocket.interfaces import (
    ABNORMAL,
    INTERNAL_ERROR,
    NO_CODE,
    IWebSocket,
    IWebSocketListener,
    Message,
)

MOST_MESSAGE = 16 * MB
PING_AFTER = 25 * SECOND
"""Without a byte from the peer."""
DEAD_AFTER = 45 * SECOND
"""Without a byte from a peer that was pinged."""
STUCK_AFTER = 5 * MINUTE
"""The same, of one that we do not read from, or that reads nothing: its pong stands in line."""
CLOSE_TIMEOUT = 5 * SECOND

_MOST_REASON = 123
"""Bytes (RFC 6455, 5.5)."""


class _Factory(Protocol):
    def setProtocolOptions(self, **options: object) -> None: ...


def configure(factory: _Factory) -> None:
    """Give one of autobahn's factories the options that both ends have."""
    factory.setProtocolOptions(
        maxFramePayloadSize=MOST_MESSAGE,
        maxMessagePayloadSize=MOST_MESSAGE,
        # A peer at fault is told so by its close code.
        failByDrop=False,
        echoCloseCodeReason=True,
        openHandshakeTimeout=0,
        closeHandshakeTimeout=0,
    )


@implementer(IWebSocket)
class End(WebSocketAdapterProtocol, WebSocketProtocol):  # type: ignore[misc]  # autobahn's bases disagree
    """
    What both ends share; each is this and autobahn's protocol for its side.

    @param clock: Where time-outs live.
    @param over: Called when the connection is gone.
    """

    transport: IStreamTransport
    log = make_logger("error")
    _log = Logger()

    def __init__(self, clock: IReactorTime, over: Callable[[], object]) -> None:
        super().__init__()
        self._clock = clock
        self._over = over
        self._watchdog = Watchdog(clock, self._expired)
        self._outflow = Backpressure(self._heard)
        self._listener: IWebSocketListener | None = None
        self._waiting: deque[Message] = deque()
        self._delivering = False
        self._paused = False
        self._lost = False
        self._pinged = False
        self._heard_at = 0.0
        self._ending: tuple[int, str] | None = None

    # IWebSocket.

    def start(self, listener: IWebSocketListener) -> None:
        """See L{IWebSocket}."""
        self._listener = listener
        self._deliver()

    def send(self, message: Message) -> None:
        """See L{IWebSocket}."""
        if self.state == self.STATE_OPEN:
            binary = not message.is_text
            # autobahn's has no types.
            self.sendMessage(message.data, isBinary=binary)  # type: ignore[no-untyped-call]

    def close(self, code: int, reason: str) -> None:
        """See L{IWebSocket}."""
        if self.state == self.STATE_OPEN:
            self._waiting.clear()
            self.sendCloseFrame(code, encode_truncate(reason, _MOST_REASON))
            self._closing()

    def registerProducer(self, producer: IPushProducer, streaming: bool = True) -> None:
        """See L{IWebSocket}."""
        self._outflow.bind(producer)

    def pauseProducing(self) -> None:
        """See L{IWebSocket}."""
        self._paused = True
        if not self._lost and self.state == self.STATE_OPEN:
            self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """See L{IWebSocket}."""
        self._paused = False
        self._deliver()
        if not self._paused and not self._lost:
            self._heard()
            self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """See L{IWebSocket}."""
        if not self._lost:
            self.transport.abortConnection()

    # What autobahn's protocol and the transport say.

    def connectionMade(self) -> None:
        """The transport is ours."""
        self.transport.registerProducer(self._outflow, True)
        super().connectionMade()

    def onOpen(self) -> None:
        """The handshake is done."""
        self._heard()

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        if self.failedByMe:
            # It is told by now; what it says is heard no more, until it hangs up.
            return
        self._heard()
        super().dataReceived(data)
        if self.failedByMe:
            reason = self.localCloseReason or b""
            self._ends(self.localCloseCode or ABNORMAL, reason.decode("utf-8"))
            self._closing()
            self._hang_up()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A message is whole."""
        if self.state == self.STATE_OPEN:
            self._waiting.append(Message(payload, not isBinary))
            self._deliver()

    def onCloseFrame(self, code: int, reasonRaw: bytes) -> bool | None:
        """The peer closes, or has heard that we do."""
        stop = super().onCloseFrame(code, reasonRaw)
        if self.wasClean and not self.failedByMe:
            told = self.remoteCloseCode
            self._ends(NO_CODE if told is None else told, self.remoteCloseReason or "")
            self._watchdog.set(CLOSE_TIMEOUT)
        return stop

    def dropConnection(self, abort: bool = False) -> None:
        """Close the connection, or cut it."""
        # When both have said that they close there is nothing to cut off.
        super().dropConnection(abort and not self.wasClean)
        if not self._lost:
            self._watchdog.set(CLOSE_TIMEOUT)

    def unregisterProducer(self) -> None:
        """The transport may close."""
        self.transport.unregisterProducer()

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The connection is gone."""
        self._lost = True
        self._watchdog.stop()
        self._ends(ABNORMAL, "")
        self._over()

    # To the listener.

    def _deliver(self) -> None:
        if self._delivering or self._listener is None:
            return
        self._delivering = True
        try:
            while self._waiting and not self._paused:
                self._tell(self._listener.received, self._waiting.popleft())
            if self._ending is not None and not self._waiting:
                listener, self._listener = self._listener, None
                self._tell(listener.closed, *self._ending)
        finally:
            self._delivering = False

    def _ends(self, code: int, reason: str) -> None:
        if self._ending is None:
            self._ending = (code, reason)
            self._deliver()

    def _tell(self, hear: Callable[..., None], *what: Any) -> None:
        try:
            hear(*what)
        except Exception:
            self._log.failure("who listens to a WebSocket failed")
            self.close(INTERNAL_ERROR, "internal error")

    # Whether the peer lives.

    def _heard(self) -> None:
        if self.state == self.STATE_OPEN and not self._lost:
            self._heard_at = self._clock.seconds()
            self._pinged = False
            self._watchdog.set(PING_AFTER)

    def _closing(self) -> None:
        # The peer's answer is wanted even where its messages were not.
        self._paused = False
        if not self._lost:
            self.transport.resumeProducing()
            self._watchdog.set(CLOSE_TIMEOUT)

    def _hang_up(self) -> None:
        # Closing at once would reset the connection under the peer's write, and lose our close.
        tcp = ITCPTransport(self.transport, None)
        if tcp is not None and not ISSLTransport.providedBy(self.transport):
            self.transport.unregisterProducer()
            tcp.loseWriteConnection()

    def _expired(self) -> None:
        if self.state != self.STATE_OPEN:
            self.transport.abortConnection()
            return
        stands_in_line = self._paused or self._outflow.full
        silent = self._clock.seconds() - self._heard_at
        if silent >= (STUCK_AFTER if stands_in_line else DEAD_AFTER):
            self.transport.abortConnection()
            return
        if not self._pinged:
            self._pinged = True
            self.sendPing()
        self._watchdog.set(DEAD_AFTER - PING_AFTER)
