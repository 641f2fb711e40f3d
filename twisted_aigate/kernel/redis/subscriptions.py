"""Messages of Redis's channels, on a connection of their own."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from twisted.internet.defer import gatherResults
from twisted.logger import Logger

from twisted_aigate.kernel.redis.address import RedisAddress, RedisReactor
from twisted_aigate.kernel.redis.connection import Connection
from twisted_aigate.kernel.redis.link import Link

Listener = Callable[[bytes], object]


class Subscriptions:
    """
    Hears what is published.

    Redis keeps no message: what is published while the connection is down is not heard.

    Source: https://redis.io/docs/latest/develop/pubsub/

    @param reactor: What connects.
    @param address: Where Redis is.
    @param random: Spreads the tries of many processes to connect again.
    @param listeners: Channel to what is called with each of its messages.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: RedisReactor,
        address: RedisAddress,
        random: Random,
        listeners: dict[bytes, Listener],
    ) -> None:
        self._listeners = listeners
        self._link = Link(reactor, address, random, self._heard, self._subscribe)

    async def start(self) -> None:
        """Subscribe; that Redis is down is no error."""
        await self._link.start()

    async def stop(self) -> None:
        """End the connection."""
        await self._link.stop()

    async def _subscribe(self, connection: Connection) -> None:
        await gatherResults(
            [connection.command(b"SUBSCRIBE", channel) for channel in self._listeners],
            consumeErrors=True,
        )

    def _heard(self, channel: bytes, text: bytes) -> None:
        try:
            self._listeners[channel](text)
        except Exception:
            self._log.failure("a listener of {channel} failed", channel=channel)
