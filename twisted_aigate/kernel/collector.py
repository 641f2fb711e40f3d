"""A consumer that keeps what it is given."""

from __future__ import annotations

from twisted.internet.interfaces import IConsumer
from zope.interface import implementer


@implementer(IConsumer)
class Collector:
    """
    Keeps everything, and never has enough: for what is known to be small.

    @ivar parts: What was written, in order.
    """

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """See L{IConsumer}."""

    def unregisterProducer(self) -> None:
        """See L{IConsumer}."""

    def write(self, data: bytes) -> None:
        """See L{IConsumer}."""
        self.parts.append(data)
