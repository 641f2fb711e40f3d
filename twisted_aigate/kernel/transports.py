"""What both ends of a stream ask of their transport."""

from __future__ import annotations

from twisted.internet.interfaces import IConsumer, IPushProducer, ITransport


class IStreamTransport(ITransport, IConsumer, IPushProducer):
    """A transport with backpressure both ways, as TCP, TLS and Unix connections are."""

    def abortConnection() -> None:
        """Cut the connection at once."""
