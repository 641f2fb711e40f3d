"""Commands and scripts."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from twisted.internet.defer import Deferred, fail

from twisted_aigate.kernel.redis.address import RedisAddress, RedisReactor
from twisted_aigate.kernel.redis.errors import RedisRefused, RedisUnavailable
from twisted_aigate.kernel.redis.link import Link
from twisted_aigate.kernel.redis.replies import Argument, Reply
from twisted_aigate.kernel.redis.script import Script


class Redis:
    """
    A Redis.

    While it is down commands fail at once; that it is, and that it is up again, is logged here.

    @param reactor: What connects.
    @param address: Where it is.
    @param random: Spreads the tries of many processes to connect again.
    """

    def __init__(self, reactor: RedisReactor, address: RedisAddress, random: Random) -> None:
        self._link = Link(reactor, address, random)

    @property
    def is_up(self) -> bool:
        """Whether there is a connection."""
        return self._link.connection is not None

    async def start(self) -> None:
        """Connect; that Redis is down is no error."""
        await self._link.start()

    async def stop(self) -> None:
        """End the connection: commands without a reply fail."""
        await self._link.stop()

    def command(self, *arguments: Argument) -> Deferred[Reply]:
        """
        Run a command. The commands of one turn of the reactor are sent together.

        @return: Its reply. Cancelling it leaves the command to Redis.
        @raise RedisUnavailable: It is down.
        @raise RedisRefused: It answers with an error.
        """
        connection = self._link.connection
        if connection is None:
            return fail(RedisUnavailable(self._link.reason))
        return connection.command(*arguments)

    async def run(
        self, script: Script, keys: Sequence[Argument], arguments: Sequence[Argument]
    ) -> Reply:
        """
        Run a script.

        @raise RedisError: See L{command}.
        """
        words = (len(keys), *keys, *arguments)
        try:
            return await self.command(b"EVALSHA", script.digest, *words)
        except RedisRefused as error:
            if error.code != "NOSCRIPT":
                raise
        return await self.command(b"EVAL", script.text, *words)
