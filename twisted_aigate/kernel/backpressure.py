"""What a transport tells of how fast its peer reads, for whoever makes what is sent."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer


@implementer(IPushProducer)
class Backpressure:
    """
    A transport's producer, standing for the one that there is at the moment, if there is one.

    A transport takes one producer, to be registered while nothing is written; what makes the bytes
    changes with every response, and what is not made by a producer wants to know all the same.

    @param relieved: Called when the transport takes more again.
    @ivar full: The transport has enough to send.
    """

    def __init__(self, relieved: Callable[[], object]) -> None:
        self.full = False
        self._relieved = relieved
        self._producer: IPushProducer | None = None

    def bind(self, producer: IPushProducer) -> None:
        """Have a producer paused while the peer reads slowly, from now on."""
        self._producer = producer
        if self.full:
            producer.pauseProducing()

    def release(self) -> None:
        """There is no producer any more."""
        self._producer = None

    def pauseProducing(self) -> None:
        """The transport has enough to send."""
        self.full = True
        if self._producer is not None:
            self._producer.pauseProducing()

    def resumeProducing(self) -> None:
        """The transport takes more."""
        self.full = False
        if self._producer is not None:
            self._producer.resumeProducing()
        self._relieved()

    def stopProducing(self) -> None:
        """The transport is closing: its protocol hears of that by itself."""
