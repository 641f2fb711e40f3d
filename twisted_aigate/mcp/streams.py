"""
Streams of server-sent events, which a client that lost its connection takes up again.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports and
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import UNKNOWN_LENGTH

from twisted_aigate.kernel.producers import CoroutineProducer
from twisted_aigate.kernel.units import KB, MB, SECOND
from twisted_aigate.mcp.wire import encode

HEARTBEAT = 15 * SECOND
"""Seconds; proxies close what is silent for a minute."""

MOST_KEPT = MB
"""Bytes that are kept, once they have been sent, for a client that asks for them again."""

_PIECE = 64 * KB
_RETRY = 1000
_MOST_BACKLOG = 1000
_KEEP_ALIVE = b": keep-alive\n\n"


@frozen
class _Event:
    number: int
    text: bytes


class EventStream:
    """
    Messages for a client, which takes them over one connection after another.

    @param number: Its number in its session, and so in its events' ids; C{None}: it cannot be taken
        up again, and its events have none.
    @param primed: It begins with an event that has an id and no data.
    @ivar is_finished: No further message will come.
    """

    def __init__(self, number: int | None, *, primed: bool) -> None:
        self.is_finished = False
        self._number = number
        self._primed = primed and number is not None
        self._events: deque[_Event] = deque()
        self._size = 0
        self._last = 0
        self._given = 0
        self._viewer: EventBody | None = None
        self._hung_up = False

    @property
    def kept(self) -> int:
        """Bytes that it keeps."""
        return self._size

    @property
    def is_watched(self) -> bool:
        """Whether a client has it open."""
        return self._viewer is not None

    @property
    def lasts(self) -> bool:
        """Whether a client that left may come back to it."""
        return self._number is not None

    def send(self, message: Mapping[str, Any], *, droppable: bool = False) -> None:
        """
        Send a message.

        @param droppable: It is dropped when the client is far behind.
        """
        if droppable and self._last - self._given >= _MOST_BACKLOG:
            return
        self._last += 1
        id_line = b"" if self._number is None else b"id: %d-%d\n" % (self._number, self._last)
        text = b"event: message\n%bdata: %b\n\n" % (id_line, encode(message))
        self._events.append(_Event(self._last, text))
        self._size += len(text)
        self._tell()

    def finish(self) -> None:
        """No further message will come."""
        self.is_finished = True
        self._tell()

    def hang_up(self) -> None:
        """End the connection that it is open on, or is about to be; the client may come back."""
        viewer, self._viewer = self._viewer, None
        if viewer is None:
            self._hung_up = True
        else:
            viewer.tell()

    def open(self, clock: IReactorTime, after: int | None, left: Callable[[], None]) -> EventBody:
        """
        Open it on a connection, which is then the only one.

        @param clock: Where the heartbeat lives.
        @param after: The number of the last event that the client has; C{None}: what has been sent
            until now is not for it.
        @param left: Called when the client leaves before its end.
        """
        if self._viewer is not None:
            self.hang_up()
        start = self._last if after is None else after
        prime = b""
        if self._primed and (after is None or after == 0):
            prime = b"id: %d-%d\nretry: %d\ndata: \n\n" % (self._number or 0, start, _RETRY)
        body = EventBody(self, clock, start, prime, left)
        self._viewer, self._hung_up = None if self._hung_up else body, False
        return body

    # For its viewer.

    def is_viewed_by(self, viewer: EventBody) -> bool:
        """Whether it is still open on that connection."""
        return self._viewer is viewer

    def close(self, viewer: EventBody) -> None:
        """It is not open on that connection any more."""
        if self._viewer is viewer:
            self._viewer = None

    def next(self, after: int) -> _Event | None:
        """The first event behind one."""
        self._given = max(self._given, after)
        while self._events and self._events[0].number <= self._given and self._is_full():
            self._size -= len(self._events.popleft().text)
        # From the end: a client is rarely far behind.
        found = None
        for event in reversed(self._events):
            if event.number <= after:
                break
            found = event
        return found

    def _is_full(self) -> bool:
        most = MOST_KEPT if self.lasts else 0
        return self._size > most or len(self._events) > _MOST_BACKLOG

    def _tell(self) -> None:
        if self._viewer is not None:
            self._viewer.tell()


class EventBody(CoroutineProducer):
    """A stream as a response's body; made by L{EventStream.open}."""

    def __init__(
        self,
        stream: EventStream,
        clock: IReactorTime,
        after: int,
        prime: bytes,
        left: Callable[[], None],
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._after = after
        self._prime = prime
        self._left: Callable[[], None] | None = left
        self._news: Deferred[None] | None = None
        super().__init__(UNKNOWN_LENGTH, self._give)

    def tell(self) -> None:
        """There is something new."""
        news, self._news = self._news, None
        if news is not None:
            news.callback(None)

    async def _give(self, producer: CoroutineProducer, write: Callable[[bytes], None]) -> None:
        stream = self._stream
        if self._prime:
            write(self._prime)
        while True:
            await producer.ready()
            event = stream.next(self._after)
            if event is not None:
                self._after = event.number
                for start in range(0, len(event.text), _PIECE):
                    # In one piece it would be out of our hands, however slow the client is.
                    await producer.ready()
                    write(event.text[start : start + _PIECE])
            elif stream.is_finished or not stream.is_viewed_by(self):
                break
            elif not await self._grows():
                write(_KEEP_ALIVE)
        stream.next(self._after)
        stream.close(self)
        self._left = None

    async def _grows(self) -> bool:
        self._news = news = Deferred[None]()
        news.addTimeout(HEARTBEAT, self._clock)
        try:
            await news
        except TimeoutError:
            return False
        finally:
            self._news = None
        return True

    def stopProducing(self) -> None:
        """The client has left."""
        super().stopProducing()
        self._stream.close(self)
        left, self._left = self._left, None
        if left is not None:
            left()
