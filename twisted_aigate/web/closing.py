"""
How a connection ends, so that its client has all that it was sent.

An answer that leaves something of the client's unread ends in *linger*: what still comes is
discarded for a few seconds, since closing at once would reset the connection under the client's
write and lose the answer (RFC 9112, 9.6).
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime, ISSLTransport, ITCPTransport

from twisted_aigate.kernel.transports import IStreamTransport
from twisted_aigate.kernel.units import SECOND
from twisted_aigate.kernel.watchdog import Watchdog

LINGER_QUIET = 5 * SECOND
LINGER_TOTAL = 30 * SECOND
GOODBYE = 1 * SECOND


def is_secure(transport: IStreamTransport) -> bool:
    """Whether a connection is TLS."""
    return bool(ISSLTransport.providedBy(transport))


class Closing:
    """
    A connection's end.

    @param transport: The connection.
    @param watchdog: What has to cut it when it expires, once its end has begun.
    @param clock: Tells the time.
    @ivar begun: What the client sends is of no interest any more.
    """

    def __init__(
        self, transport: IStreamTransport, watchdog: Watchdog, clock: IReactorTime
    ) -> None:
        self.begun = False
        self._transport = transport
        self._watchdog = watchdog
        self._clock = clock
        self._linger_until = 0.0
        self._lost = False

    def lost(self) -> None:
        """There is no connection any more."""
        self.begun = self._lost = True

    def close(self) -> None:
        """Close when all that was written is sent."""
        # For a client that never reads what it was sent.
        self._close(LINGER_TOTAL)

    def close_idle(self) -> None:
        """Close where nothing is on its way."""
        # TLS waits for the client's own goodbye, which an idle one may never say.
        self._close(GOODBYE)

    def _close(self, patience: float) -> None:
        self.begun = True
        self._transport.unregisterProducer()
        self._transport.loseConnection()
        if not self._lost:
            self._watchdog.set(patience)

    def linger(self) -> None:
        """Write no more, and let what the client still sends L{come<discard>} for a while."""
        self.begun = True
        self._linger_until = self._clock.seconds() + LINGER_TOTAL
        self._watchdog.set(LINGER_QUIET)
        self._transport.unregisterProducer()
        tcp = ITCPTransport(self._transport, None)
        if tcp is not None and not is_secure(self._transport):
            # TLS has no half-close: under it the client would see a truncated connection.
            tcp.loseWriteConnection()

    def discard(self) -> None:
        """The client sent something all the same."""
        if self._linger_until:
            if self._clock.seconds() > self._linger_until:
                self.cut()
            else:
                self._watchdog.set(LINGER_QUIET)

    def cut(self) -> None:
        """Cut the connection, so that the client sees that its answer is not whole."""
        self._transport.abortConnection()
