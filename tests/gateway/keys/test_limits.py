"""How often keys may call."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.gateway.accounts import NOW
from twisted_aigate.gateway.keys.limits import (
    ILimitCounters,
    LimitCounters,
    Standing,
    beyond,
    exceeded,
    limit_headers,
)
from twisted_aigate.gateway.keys.models import KeyLimits
from twisted_aigate.kernel.units import MINUTE


class LimitCountersContract:
    """What every implementation does; C{counters} and C{clock} are made by L{setUp}."""

    clock: Clock
    counters: ILimitCounters

    def begin(self, limits: KeyLimits, token: str = "a") -> str | None:
        """Begin a call; the limit that it is beyond, if it is."""
        raise NotImplementedError

    def test_calls_a_minute(self) -> None:
        limits = KeyLimits(rpm=2)
        self.assertEqual([self.begin(limits) for _ in range(3)], [None, None, "rpm_limit"])
        self.assertIsNone(self.begin(limits, "b"))
        self.clock.advance(MINUTE)
        self.assertIsNone(self.begin(limits))

    def test_refused_calls_do_not_count(self) -> None:
        limits = KeyLimits(rpm=1)
        for _ in range(5):
            self.begin(limits)
        self.assertIsNone(self.begin(KeyLimits(rpm=2)))

    def test_tokens_a_minute(self) -> None:
        limits = KeyLimits(tpm=100)
        self.assertIsNone(self.begin(limits))
        self.counters.end("a", 99)
        self.assertIsNone(self.begin(limits))
        self.counters.end("a", 1)
        self.assertEqual(self.begin(limits), "tpm_limit")
        self.clock.advance(MINUTE)
        self.assertIsNone(self.begin(limits))

    def test_calls_at_once(self) -> None:
        limits = KeyLimits(max_parallel=1)
        self.assertIsNone(self.begin(limits))
        self.assertEqual(self.begin(limits), "max_parallel_requests")
        self.clock.advance(MINUTE)
        self.assertEqual(self.begin(limits), "max_parallel_requests")
        self.counters.end("a", 0)
        self.assertIsNone(self.begin(limits))


class LimitCountersTests(LimitCountersContract, SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.counters = self.memory = LimitCounters(self.clock)

    def begin(self, limits: KeyLimits, token: str = "a") -> str | None:
        return exceeded(limits, self.successResultOf(self.memory.begin(token, limits)))

    def test_it_is_what_it_says(self) -> None:
        verifyObject(ILimitCounters, self.counters)

    def test_keys_that_do_not_call_are_forgotten(self) -> None:
        for number in range(100):
            self.begin(KeyLimits(rpm=1), str(number))
            self.counters.end(str(number), 1)
        self.begin(KeyLimits(rpm=1), "stays")
        self.clock.advance(MINUTE)
        self.begin(KeyLimits(rpm=1), "new")
        self.assertEqual(len(self.memory), 2)


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
