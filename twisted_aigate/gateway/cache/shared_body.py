"""One body that several read, each at its own pace."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

Over = Callable[[bytes | None], object]


@implementer(IConsumer)
class SharedBody:
    """
    A body that is read while it is recorded.

    All of it is kept, for who joins later, up to C{most} bytes. Beyond, only what some have read
    and others have not: then who reads fast waits for who is that far behind.

    The source is paused while nobody reads, and stopped when the last reader leaves.

    @param source: The body.
    @param most: Bytes that are kept.
    @param over: Called once, when the body is over: with all of it, or with C{None} when it failed,
        was stopped or was too large.
    @ivar whole: All that has come is kept, so that one more can read it.
    @ivar failure: What it failed with.
    @ivar is_over: Nothing more comes.
    """

    def __init__(self, source: IBodyProducer, most: int, over: Over) -> None:
        self.length = source.length
        self.whole = True
        self.failure: Failure | None = None
        self.is_over = False
        self._source = source
        self._most = most
        self._tell_over = over
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._first = 0
        self._readers: list[Reader] = []
        self._started = False
        self._paused = False

    def reader(self) -> Reader:
        """Somebody who reads it from its beginning; to be started or stopped."""
        assert self.whole
        reader = Reader(self)
        self._readers.append(reader)
        return reader

    # For the source.

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """See L{IConsumer}."""

    def unregisterProducer(self) -> None:
        """See L{IConsumer}."""

    def write(self, data: bytes) -> None:
        """See L{IConsumer}."""
        if self.is_over or not data:
            return
        self._pieces.append(data)
        self._bytes += len(data)
        if self._bytes > self._most:
            self.whole = False
        for reader in list(self._readers):
            reader.pump()
        self.steer()

    def _ended(self, result: object) -> None:
        if self.is_over:
            return
        self.is_over = True
        if isinstance(result, Failure):
            self.failure = result
            self.whole = False
        self._tell_over(b"".join(self._pieces) if self.whole else None)
        for reader in list(self._readers):
            reader.pump()

    # For readers.

    def begin(self) -> None:
        """Have the source produce, once."""
        if not self._started:
            self._started = True
            self._source.startProducing(self).addBoth(self._ended)

    def piece(self, number: int) -> bytes | None:
        """A piece, unless it has not come."""
        index = number - self._first
        return self._pieces[index] if index < len(self._pieces) else None

    def steer(self) -> None:
        """Forget what nobody needs, and pause or resume the source."""
        if self.is_over or not self._readers:
            return
        if not self.whole:
            needed = min(reader.next for reader in self._readers)
            while self._first < needed:
                self._bytes -= len(self._pieces.popleft())
                self._first += 1
        behind = not self.whole and self._bytes > self._most
        paused = behind or all(reader.paused for reader in self._readers)
        if paused != self._paused:
            self._paused = paused
            (self._source.pauseProducing if paused else self._source.resumeProducing)()

    def leave(self, reader: Reader) -> None:
        """Have one reader less."""
        if reader not in self._readers:
            return
        self._readers.remove(reader)
        if self._readers or self.is_over:
            self.steer()
        else:
            self.is_over, self.whole = True, False
            self._source.stopProducing()
            self._tell_over(None)


@implementer(IBodyProducer)
class Reader:
    """
    One who reads a shared body.

    @ivar next: The number of the piece that comes next.
    @ivar paused: It wants none for now.
    """

    def __init__(self, body: SharedBody) -> None:
        self.length = body.length
        self.next = 0
        self.paused = False
        self._body = body
        self._consumer: IConsumer | None = None
        self._done: Deferred[None] | None = None
        self._pumping = False

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See L{IBodyProducer}."""
        self._consumer = consumer
        done: Deferred[None] = Deferred(lambda _: self.stopProducing())
        self._done = done
        self._body.begin()
        self.pump()
        return done

    def pump(self) -> None:
        """Pass on what has come."""
        if self._consumer is None or self._pumping:
            return
        self._pumping = True
        try:
            while not self.paused and self._done is not None:
                piece = self._body.piece(self.next)
                if piece is None:
                    break
                self.next += 1
                self._consumer.write(piece)
        finally:
            self._pumping = False
        if self._body.is_over and self._body.piece(self.next) is None:
            self._finish()

    def _finish(self) -> None:
        done, self._done = self._done, None
        self._body.leave(self)
        if done is not None:
            failure = self._body.failure
            done.callback(None if failure is None else Failure(failure.value))

    def pauseProducing(self) -> None:
        """See L{IBodyProducer}."""
        self.paused = True
        self._body.steer()

    def resumeProducing(self) -> None:
        """See L{IBodyProducer}."""
        self.paused = False
        self.pump()
        self._body.steer()

    def stopProducing(self) -> None:
        """See L{IBodyProducer}."""
        self._done = None
        self._body.leave(self)
