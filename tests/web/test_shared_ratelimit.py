"""Limits of one process and of several that share a Redis, by the same tests."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.kernel.redis.case import RedisCase
from twisted_aigate.kernel.redis import Redis
from twisted_aigate.kernel.units import Rate
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.ratelimit import Limiter, RateLimiter
from twisted_aigate.web.shared_ratelimit import SharedRateLimiter

_HOURLY = Rate(1 / 3600)


async def wait_of(limiter: Limiter, address: str = "a") -> int:
    """0: the request was taken; otherwise the seconds of its C{Retry-After}."""
    try:
        taken = limiter.take(address)
        if taken is not None:
            await taken
    except HTTPError as error:
        return int(dict(error.headers)[b"Retry-After"])
    return 0


class LimiterContract:
    """What holds wherever a limit is kept."""

    async def test_burst_and_one_more_are_taken_at_once(self: Any) -> None:
        limiter = self.limiter(_HOURLY, 5)
        taken = [await wait_of(limiter) == 0 for _ in range(8)]
        self.assertEqual(taken, [True] * 6 + [False] * 2)

    async def test_what_is_refused_adds_nothing(self: Any) -> None:
        limiter = self.limiter(_HOURLY, 0)
        self.assertEqual(await wait_of(limiter), 0)
        waits = [await wait_of(limiter) for _ in range(20)]
        self.assertTrue(all(3590 <= wait <= 3600 for wait in waits), waits)

    async def test_addresses_do_not_count_for_each_other(self: Any) -> None:
        limiter = self.limiter(_HOURLY, 0)
        waits = [await wait_of(limiter, address) for address in ("a", "::1", "a")]
        self.assertEqual([wait == 0 for wait in waits], [True, True, False])

    async def test_a_bucket_drains(self: Any) -> None:
        limiter = self.limiter(Rate(1 / 60), 5)
        for _ in range(6):
            self.assertEqual(await wait_of(limiter), 0)
        await self.pass_time(3 * 60 + 1)
        waits = [await wait_of(limiter) for _ in range(4)]
        self.assertEqual([wait == 0 for wait in waits], [True] * 3 + [False])

    async def test_no_more_than_the_burst_is_saved_up(self: Any) -> None:
        limiter = self.limiter(_HOURLY, 2)
        await wait_of(limiter)
        await self.pass_time(1_000_000)
        waits = [await wait_of(limiter) for _ in range(4)]
        self.assertEqual([wait == 0 for wait in waits], [True] * 3 + [False])

    async def test_the_steady_rate_is_taken(self: Any) -> None:
        limiter = self.limiter(_HOURLY, 0)
        for _ in range(20):
            self.assertEqual(await wait_of(limiter), 0)
            await self.pass_time(3601)


class LocalTests(LimiterContract, TestCase):
    def setUp(self) -> None:
        self.clock = Clock()

    def limiter(self, rate: Rate, burst: int) -> Limiter:
        return RateLimiter(rate, burst, self.clock)

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)


class SharedTests(LimiterContract, RedisCase):
    def setUp(self) -> Deferred[None]:  # type: ignore[override]
        super().setUp()
        return Deferred.fromCoroutine(self.connect())

    async def connect(self) -> None:
        self.redis = await self.client()

    def limiter(
        self, rate: Rate, burst: int, zone: str = "api", redis: Redis | None = None
    ) -> Limiter:
        alone = RateLimiter(rate, burst, Clock())
        return SharedRateLimiter(zone, rate, burst, redis or self.redis, alone)

    async def pass_time(self, seconds: float) -> None:
        # Redis has its own clock: what it has noted was longer ago.
        key = b"aigate:limit:api:a"
        bucket = await self.redis.command(b"GET", key)
        assert isinstance(bucket, bytes)
        excess, at = bucket.split()
        earlier = b"%b %.17g" % (excess, float(at) - seconds)
        await self.redis.command(b"SET", key, earlier, b"KEEPTTL")

    async def test_processes_count_together(self) -> None:
        other = await self.client()
        limiters = [self.limiter(_HOURLY, 1), self.limiter(_HOURLY, 1, redis=other)]
        waits = [await wait_of(limiters[number % 2]) for number in range(4)]
        self.assertEqual([wait == 0 for wait in waits], [True, True, False, False])

    async def test_zones_do_not_count_for_each_other(self) -> None:
        for zone in ("api", "storage"):
            self.assertEqual(await wait_of(self.limiter(_HOURLY, 0, zone)), 0)

    async def test_redis_forgets_a_bucket_that_is_empty(self) -> None:
        for _ in range(2):
            await wait_of(self.limiter(_HOURLY, 5))
        left = await self.redis.command(b"TTL", b"aigate:limit:api:a")
        assert isinstance(left, int)
        # One hour's worth is in it, and one more is what a new one could take.
        self.assertTrue(3600 < left <= 7200, left)

    async def test_while_redis_is_down_each_counts_alone(self) -> None:
        limiter = self.limiter(_HOURLY, 1)
        self.server.pause()
        waiting = Deferred.fromCoroutine(wait_of(limiter))
        self.server.kill()
        self.assertEqual(await waiting, 0)
        waits = [await wait_of(limiter) for _ in range(2)]
        self.assertEqual([wait == 0 for wait in waits], [True, False])

    async def test_who_leaves_is_not_kept(self) -> None:
        self.server.pause()
        taken = self.limiter(_HOURLY, 1).take("a")
        assert taken is not None
        taken.addErrback(lambda _: None)
        taken.cancel()
        await taken
        self.server.resume()
