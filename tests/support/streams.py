"""Producers and consumers that remember what was asked of them."""

from __future__ import annotations

import os

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer


@implementer(IConsumer)
class RecordingConsumer:
    """
    Takes what comes.

    @ivar parts: What came.
    @ivar producer: What is registered.
    @ivar pause_after: Pieces after which the producer is paused, each time.
    """

    def __init__(self, pause_after: int = 0) -> None:
        self.parts: list[bytes] = []
        self.producer: IPushProducer | None = None
        self.pause_after = pause_after

    @property
    def data(self) -> bytes:
        """All that came."""
        return b"".join(self.parts)

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """Remember it."""
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        """Forget it."""
        self.producer = None

    def write(self, data: bytes) -> None:
        """Take a piece."""
        self.parts.append(data)
        if self.pause_after and len(self.parts) % self.pause_after == 0:
            assert self.producer is not None
            self.producer.pauseProducing()


class FileTaker(RecordingConsumer):
    """
    Takes files too, as L{twisted_aigate.kernel.transports.FileConsumer} has it.

    @ivar sent: What it was sent out of files, piece by piece.
    @ivar willing: Whether it does now.
    @ivar waiting: The Deferreds of what it has not taken yet, when it C{holds}.
    @ivar cancelled: How many of them were cancelled.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.willing = True
        self.holds = False
        self.waiting: list[Deferred[None]] = []
        self.cancelled = 0

    def send_file(self, descriptor: int, offset: int, size: int) -> Deferred[None] | None:
        """Take bytes out of a file."""
        if not self.willing:
            return None
        piece = os.pread(descriptor, size, offset)
        self.sent.append(piece)
        self.parts.append(piece)
        done: Deferred[None] = Deferred(self._cancelled)
        if len(piece) < size:
            done.errback(OSError("the file is short"))
        elif self.holds:
            self.waiting.append(done)
        else:
            done.callback(None)
        return done

    def _cancelled(self, _: object) -> None:
        self.cancelled += 1


@implementer(IBodyProducer)
class HandFed:
    """
    A body whose pieces the test hands over.

    @ivar length: As for L{IBodyProducer}.
    @ivar consumer: Where it goes, once it was started.
    @ivar calls: What was asked of it: C{start}, C{pause}, C{resume}, C{stop}.
    @ivar done: Fires when the body is complete; the test fires it.
    """

    def __init__(self, length: int | str = UNKNOWN_LENGTH) -> None:
        self.length = length
        self.consumer: IConsumer | None = None
        self.calls: list[str] = []
        self.done: Deferred[None] = Deferred()

    def feed(self, data: bytes) -> None:
        """Hand over a piece."""
        assert self.consumer is not None, "it was not started"
        self.consumer.write(data)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """Begin."""
        self.calls.append("start")
        self.consumer = consumer
        return self.done

    def pauseProducing(self) -> None:
        """Remember it."""
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        """Remember it."""
        self.calls.append("resume")

    def stopProducing(self) -> None:
        """Remember it."""
        self.calls.append("stop")
