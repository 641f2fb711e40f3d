"""One connection: RESP2, whose parser and encoder are hiredis's."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import cast

from hiredis import ProtocolError, Reader, pack_command
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_aigate.kernel.latch import Latch
from twisted_aigate.kernel.redis.errors import RedisRefused, RedisUnavailable
from twisted_aigate.kernel.redis.replies import Argument, Reply
from twisted_aigate.kernel.transports import IStreamTransport
from twisted_aigate.kernel.units import SECOND
from twisted_aigate.kernel.watchdog import Watchdog

REPLY_TIMEOUT = 2 * SECOND
"""Seconds in which nothing is heard, after which Redis is taken to be down."""

IDLE = 30 * SECOND
"""Seconds of silence after which Redis is asked whether it is there."""

_MESSAGE = b"message"
# Its stub has a tuple of one word.
_pack = cast("Callable[[tuple[Argument, ...]], bytes]", pack_command)


class Connection(Protocol):
    """
    A connection.

    Replies come in the order of commands, which are sent without waiting for those before: the
    commands of one turn of the reactor leave together.

    Source: https://redis.io/docs/latest/develop/reference/protocol-spec/

    @param clock: Where time-outs live.
    @param message: Called with the channel and text of each message, where channels are subscribed.
    @ivar lost: Opens with the reason when the connection is gone.
    """

    transport: IStreamTransport

    def __init__(
        self, clock: IReactorTime, message: Callable[[bytes, bytes], object] | None = None
    ) -> None:
        self._message = message
        self._reader = Reader(replyError=RedisRefused)
        self._asked: deque[Deferred[Reply]] = deque()
        self._watchdog = Watchdog(clock, self._expired)
        self._why: str | None = None
        self.lost: Latch[str] = Latch()

    def command(self, *arguments: Argument) -> Deferred[Reply]:
        """
        Run a command.

        @return: Its reply. Cancelling it leaves the command to Redis and drops the reply.
        """
        answer: Deferred[Reply] = Deferred()
        if not self._asked:
            self._watchdog.set(REPLY_TIMEOUT)
        self._asked.append(answer)
        self.transport.write(_pack(arguments))
        return answer

    def close(self, why: str) -> None:
        """Cut the connection; who waits for a reply is told why."""
        self._why = self._why or why
        self.transport.abortConnection()

    # What the transport calls.

    def connectionMade(self) -> None:
        """See L{Protocol}."""
        self._watchdog.set(IDLE)

    def dataReceived(self, data: bytes) -> None:
        """See L{Protocol}."""
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                self._received(reply)
        except (ProtocolError, IndexError):
            self.close("what it says is not Redis's protocol")
        else:
            self._watchdog.set(REPLY_TIMEOUT if self._asked else IDLE)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See L{Protocol}."""
        self._watchdog.stop()
        why = self._why or reason.getErrorMessage()
        # First: who fails now must not ask us again.
        self.lost.open(why)
        while self._asked:
            self._fire(self._asked.popleft(), RedisUnavailable(why))

    # Replies.

    def _received(self, reply: Reply | RedisRefused) -> None:
        if self._message is not None and isinstance(reply, list) and reply[0] == _MESSAGE:
            _, channel, text = cast("list[bytes]", reply)
            self._message(channel, text)
        else:
            self._fire(self._asked.popleft(), reply)

    def _fire(self, answer: Deferred[Reply], reply: Reply | Exception) -> None:
        if answer.called:
            # Cancelled.
            return
        if isinstance(reply, Exception):
            answer.errback(reply)
        else:
            answer.callback(reply)

    def _expired(self) -> None:
        if self._asked:
            self.close(f"no reply for {REPLY_TIMEOUT:g} s")
        else:
            self.command(b"PING").addErrback(lambda _: None)
