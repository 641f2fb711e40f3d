"""What both ends of a stream ask of their transport."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer, ITransport


class IStreamTransport(ITransport, IConsumer, IPushProducer):
    """A transport with backpressure both ways, as TCP, TLS and Unix connections are."""

    def abortConnection() -> None:
        """Cut the connection at once."""


@runtime_checkable
class FileConsumer(Protocol):
    """A consumer that can take bytes straight out of a file."""

    def send_file(self, descriptor: int, offset: int, size: int) -> Deferred[None] | None:
        """
        Take bytes of a file in place of those that its producer would write.

        To be called when the producer is not paused; the next call, and the next write, come when
        this one is done.

        @param descriptor: The file, which stays open until then. What is wanted of it is in the
            kernel's memory, or the reactor waits for the disk.
        @return: Fires when they are sent; C{None}: this consumer takes no files, write them.
            Cancelling it ends the sending.
        """
