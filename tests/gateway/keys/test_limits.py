"""How often keys may call."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from tests.gateway.accounts import NOW
from tests.kernel.redis.case import RedisCase
from twisted_aigate.gateway.keys.limits import (
    ILimitCounters,
    LimitCounters,
    Standing,
    beyond,
    exceeded,
    limit_headers,
)
from twisted_aigate.gateway.keys.models import KeyLimits
from twisted_aigate.gateway.keys.shared_limits import SharedLimitCounters
from twisted_aigate.kernel.units import MINUTE


class LimitCountersContract:
    """What every implementation does; C{counters} and C{clock} are made by L{setUp}."""

    clock: Clock
    counters: ILimitCounters
    assertEqual: Callable[..., None]

    async def begin(self, limits: KeyLimits, token: str = "a") -> str | None:
        """Begin a call; the limit that it is beyond, if it is."""
        self.standing = await self.counters.begin(token, limits)
        return exceeded(limits, self.standing)

    def end(self, tokens: int = 0) -> None:
        """End the last call of the key a."""
        self.counters.end("a", self.standing, tokens)

    async def test_it_is_what_it_says(self) -> None:
        verifyObject(ILimitCounters, self.counters)

    async def test_calls_a_minute(self) -> None:
        limits = KeyLimits(rpm=2)
        self.assertEqual([await self.begin(limits) for _ in range(3)], [None, None, "rpm_limit"])
        self.assertEqual(await self.begin(limits, "b"), None)
        self.clock.advance(MINUTE)
        self.assertEqual(await self.begin(limits), None)

    async def test_refused_calls_do_not_count(self) -> None:
        limits = KeyLimits(rpm=1)
        for _ in range(5):
            await self.begin(limits)
        self.assertEqual(await self.begin(KeyLimits(rpm=2)), None)

    async def test_tokens_a_minute(self) -> None:
        limits = KeyLimits(tpm=100)
        self.assertEqual(await self.begin(limits), None)
        self.end(99)
        self.assertEqual(await self.begin(limits), None)
        self.end(1)
        self.assertEqual(await self.begin(limits), "tpm_limit")
        self.assertEqual((self.standing.tokens, self.standing.reset), (100, MINUTE))
        self.clock.advance(MINUTE)
        self.assertEqual(await self.begin(limits), None)

    async def test_calls_at_once(self) -> None:
        limits = KeyLimits(max_parallel=1)
        self.assertEqual(await self.begin(limits), None)
        first = self.standing
        self.assertEqual(await self.begin(limits), "max_parallel_requests")
        self.clock.advance(MINUTE)
        self.assertEqual(await self.begin(limits), "max_parallel_requests")
        self.counters.end("a", first, 0)
        self.assertEqual(await self.begin(limits), None)


class LimitCountersTests(LimitCountersContract, TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.counters = self.memory = LimitCounters(self.clock)

    async def test_keys_that_do_not_call_are_forgotten(self) -> None:
        for number in range(100):
            standing = await self.memory.begin(str(number), KeyLimits(rpm=1))
            self.memory.end(str(number), standing, 1)
        await self.begin(KeyLimits(rpm=1), "stays")
        self.clock.advance(MINUTE)
        await self.begin(KeyLimits(rpm=1), "new")
        self.assertEqual(len(self.memory), 2)


class SharedLimitCountersTests(LimitCountersContract, RedisCase):
    """In Redis, for two processes."""

    def setUp(self) -> Deferred[None]:  # type: ignore[override]
        super().setUp()
        self.clock = Clock()
        self.clock.advance(NOW)
        return Deferred.fromCoroutine(self.connect())

    async def connect(self) -> None:
        """Make the counters."""
        self.counters = SharedLimitCounters(await self.client(), self.clock)
        self.others = SharedLimitCounters(await self.client(), self.clock)

    async def test_processes_count_together(self) -> None:
        limits = KeyLimits(rpm=2, max_parallel=5)
        await self.others.begin("a", limits)
        await self.begin(limits)
        self.assertEqual((self.standing.calls, self.standing.parallel), (2, 2))
        self.assertEqual(await self.begin(limits), "rpm_limit")

    async def test_calls_of_a_crashed_process_are_in_hand_no_more(self) -> None:
        limits = KeyLimits(max_parallel=1)
        await self.others.begin("a", limits)
        self.clock.advance(11 * MINUTE)
        self.assertEqual(await self.begin(limits), None)

    async def test_who_leaves_is_in_hand_no_more(self) -> None:
        limits = KeyLimits(max_parallel=1)
        leaving = Deferred.fromCoroutine(self.counters.begin("a", limits))
        leaving.addErrback(lambda failure: failure.trap(CancelledError))
        leaving.cancel()
        while await self.begin(limits) is not None:
            pass

    async def test_while_redis_is_down_each_counts_its_own(self) -> None:
        limits = KeyLimits(rpm=1)
        await self.begin(limits)
        self.server.kill()
        self.end()
        self.assertEqual(await self.begin(limits), None)
        self.end()
        self.assertEqual(await self.begin(limits), "rpm_limit")


class TellingTests(SynchronousTestCase):
    def test_headers(self) -> None:
        fields = dict(limit_headers(KeyLimits(rpm=10, tpm=100), Standing(3, 120, 1, 30.5)))
        self.assertEqual(fields[b"x-ratelimit-limit-requests"], b"10")
        self.assertEqual(fields[b"x-ratelimit-remaining-requests"], b"7")
        self.assertEqual(fields[b"x-ratelimit-remaining-tokens"], b"0")
        self.assertEqual(fields[b"x-ratelimit-reset-tokens"], b"31s")
        self.assertEqual(limit_headers(KeyLimits(max_parallel=1), Standing(1, 1, 1, 1.0)), ())

    def test_refusals_say_when_to_come_back(self) -> None:
        limits, standing = KeyLimits(rpm=1, max_parallel=1), Standing(2, 0, 2, 41.2)
        self.assertEqual(beyond(limits, standing, "rpm_limit").retry_after, 42)
        self.assertEqual(beyond(limits, standing, "max_parallel_requests").retry_after, 1)
