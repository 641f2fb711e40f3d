"""What tests on a real Redis share."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.support.reactor import turn_until
from tests.support.redis import RedisServer
from twisted_aigate.kernel.redis import Redis, RedisAddress


class RedisCase(TestCase):
    """
    @cvar settings: The server's.
    """

    timeout = 60
    settings: dict[str, str] = {}

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.server = RedisServer(**self.settings)
        self.addCleanup(self.server.close)

    async def client(self, **changes: Any) -> Redis:
        """A client that has started and is stopped with the test."""
        address: RedisAddress = evolve(self.server.address, **changes)
        redis = Redis(self.reactor, address, Random(1))
        self.addCleanup(lambda: Deferred.fromCoroutine(redis.stop()))
        await redis.start()
        return redis

    async def until(self, true: Callable[[], object]) -> None:
        """Let the reactor turn until something is true."""
        await turn_until(self.reactor, true, "it does not come")
