"""nginx's limit_req with nodelay."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.units import MINUTE, Rate
from twisted_aigate.web import ratelimit
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.ratelimit import RateLimiter


def taken(limiter: RateLimiter, address: str = "a") -> bool:
    try:
        limiter.take(address)
    except HTTPError:
        return False
    return True


def retry_after(limiter: RateLimiter, address: str = "a") -> int:
    try:
        limiter.take(address)
    except HTTPError as error:
        return int(dict(error.headers)[b"Retry-After"])
    raise AssertionError("it was taken")


class NginxModel:
    """C{ngx_http_limit_req_lookup} as it is written, in thousandths of a request."""

    def __init__(self, per_minute: int, burst: int) -> None:
        self.per_minute = per_minute
        self.burst = burst * 60_000
        self.excess: dict[str, int] = {}
        self.last: dict[str, int] = {}

    def take(self, address: str, second: int) -> bool:
        if address not in self.last:
            self.excess[address], self.last[address] = 0, second
            return True
        drained = self.per_minute * (second - self.last[address]) * 1000
        excess = max(0, self.excess[address] - drained + 60_000)
        if excess > self.burst:
            return False
        self.excess[address], self.last[address] = excess, second
        return True


class RateLimiterTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()

    def limiter(self, per_second: float, burst: int) -> RateLimiter:
        return RateLimiter(Rate(per_second), burst, self.clock)

    def test_burst_and_one_more_are_taken_at_once(self) -> None:
        limiter = self.limiter(1, 5)
        self.assertEqual([taken(limiter) for _ in range(8)], [True] * 6 + [False] * 2)

    def test_without_a_burst_one_is_taken_at_a_time(self) -> None:
        limiter = self.limiter(2, 0)
        self.assertEqual([taken(limiter) for _ in range(2)], [True, False])
        self.clock.advance(0.5)
        self.assertEqual([taken(limiter) for _ in range(2)], [True, False])

    def test_the_steady_rate_is_taken_for_ever(self) -> None:
        limiter = self.limiter(4, 0)
        for _ in range(1000):
            self.assertTrue(taken(limiter))
            self.clock.advance(0.25)

    def test_what_is_refused_adds_nothing(self) -> None:
        limiter = self.limiter(1, 1)
        for _ in range(100):
            taken(limiter)
        self.clock.advance(1)
        self.assertEqual([taken(limiter) for _ in range(2)], [True, False])

    def test_a_full_bucket_drains_at_the_rate(self) -> None:
        limiter = self.limiter(1, 5)
        for _ in range(6):
            taken(limiter)
        self.clock.advance(3)
        self.assertEqual([taken(limiter) for _ in range(4)], [True] * 3 + [False])

    def test_no_more_than_the_burst_is_saved_up(self) -> None:
        limiter = self.limiter(1, 2)
        taken(limiter)
        self.clock.advance(1000)
        self.assertEqual([taken(limiter) for _ in range(4)], [True] * 3 + [False])

    def test_retry_after_is_when_the_next_is_taken_and_no_later(self) -> None:
        hourly = (1 / 3600, 0, 3600)
        for per_second, burst, waits in ((1 / 60, 0, 60), (0.5, 3, 2), (10, 0, 1), hourly):
            limiter = self.limiter(per_second, burst)
            for _ in range(burst + 1):
                limiter.take("a")
            self.assertEqual(retry_after(limiter), waits)
            self.clock.advance(waits - 1)
            if waits > 1:
                self.assertIn(retry_after(limiter), (1, 2))  # rounding may add one
            self.clock.advance(1)
            self.assertTrue(taken(limiter))

    def test_addresses_do_not_count_for_each_other(self) -> None:
        limiter = self.limiter(1, 0)
        self.assertTrue(taken(limiter, "a"))
        self.assertTrue(taken(limiter, "b"))
        self.assertFalse(taken(limiter, "a"))

    @given(
        per_minute=st.sampled_from([15, 30, 60, 120, 480]),
        burst=st.integers(0, 4),
        steps=st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ab")), max_size=60),
    )
    def test_it_decides_as_nginx_does(
        self, per_minute: int, burst: int, steps: list[tuple[int, str]]
    ) -> None:
        # Rates and times that floats hold exactly, so that the two can be compared at the edge.
        clock = Clock()
        limiter = RateLimiter(Rate(per_minute / 60), burst, clock)
        model = NginxModel(per_minute, burst)
        for wait, address in steps:
            clock.advance(wait)
            expected = model.take(address, int(clock.seconds()))
            self.assertEqual(taken(limiter, address), expected)

    @given(
        per_minute=st.integers(1, 600),
        burst=st.integers(0, 5),
        waits=st.lists(st.floats(0, 5), max_size=30),
    )
    def test_waiting_for_retry_after_is_always_enough(
        self, per_minute: int, burst: int, waits: list[float]
    ) -> None:
        clock = Clock()
        limiter = RateLimiter(Rate(per_minute / 60), burst, clock)
        for wait in waits:
            clock.advance(wait)
            if not taken(limiter):
                clock.advance(retry_after(limiter) + 1e-6)
                self.assertTrue(taken(limiter))


class MemoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()

    def test_addresses_that_say_nothing_more_are_forgotten(self) -> None:
        limiter = RateLimiter(Rate(1), 5, self.clock)
        for number in range(1000):
            limiter.take(str(number))
        self.assertEqual(len(limiter), 1000)
        self.clock.advance(2 * MINUTE)
        limiter.take("new")
        self.assertEqual(len(limiter), 1)

    def test_addresses_that_still_count_are_remembered(self) -> None:
        limiter = RateLimiter(Rate(1 / 3600), 1, self.clock)
        limiter.take("busy")
        limiter.take("busy")
        self.clock.advance(2 * MINUTE)
        limiter.take("new")
        self.assertFalse(taken(limiter, "busy"))

    def test_there_is_a_most_that_are_remembered(self) -> None:
        self.patch(ratelimit, "_MOST_ADDRESSES", 100)
        limiter = RateLimiter(Rate(1), 5, self.clock)
        for number in range(1000):
            limiter.take(str(number))
        self.assertLessEqual(len(limiter), 100)
