"""What is kept of deployments."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.deployments import Deployment, Limits
from twisted_aigate.gateway.routing.policy import Policy
from twisted_aigate.gateway.routing.states import States

_A = Deployment("m", "openai", "a")
_B = Deployment("m", "openai", "b")
_POLICY = Policy(allowed_fails=2, cooldown_time=5)


class StatesTests(SynchronousTestCase):
    """Against a clock."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000 * 60)
        self.states = States(self.clock)

    def fail(self, deployment: Deployment = _A, retry_after: float | None = None) -> None:  # type: ignore[override]
        """Have a deployment fail."""
        self.states.failed(deployment, _POLICY, retry_after, kind="RateLimitError", lasting=False)

    def test_cooling_down(self) -> None:
        """One failure more than may be, and it is left alone, and then known anew."""
        for _ in range(2):
            for _ in range(2):
                self.fail()
                self.assertTrue(self.states.available([_A]))
            self.fail()
            self.assertFalse(self.states.available([_A]))
            self.assertTrue(self.states.available([_B]))
            self.assertEqual(self.states.wait([_A]), 5)
            self.assertEqual(self.states.wait([_A, _B]), 0)
            self.clock.advance(4.9)
            self.assertFalse(self.states.available([_A]))
            self.clock.advance(0.2)
            self.assertTrue(self.states.available([_A]))

    def test_failures_of_the_last_minute(self) -> None:
        """Older ones do not count."""
        for _ in range(5):
            self.fail()
            self.clock.advance(31)
        self.assertTrue(self.states.available([_A]))

    def test_lasting_failure(self) -> None:
        """It cools down at once."""
        self.states.failed(_A, _POLICY, None, kind="NotFoundError", lasting=True)
        self.assertEqual(self.states.wait([_A]), 5)

    def test_allowed_by_the_failure(self) -> None:
        """The policy says how many of a kind there may be, of lasting ones too."""
        policy = Policy(allowed_fails=9, cooldown_time=5, allowed={"NotFoundError": 1, "T": 0})
        self.states.failed(_A, policy, None, kind="NotFoundError", lasting=True)
        self.assertTrue(self.states.available([_A]))
        self.states.failed(_A, policy, None, kind="NotFoundError", lasting=True)
        self.assertFalse(self.states.available([_A]))
        self.states.failed(_B, policy, None, kind="T", lasting=False)
        self.assertFalse(self.states.available([_B]))

    def test_never(self) -> None:
        """With no cooldown none is left alone, save as its provider asks."""
        policy = Policy(allowed_fails=0, cooldown_time=0)
        for lasting in (False, True):
            self.states.failed(_A, policy, None, kind="RateLimitError", lasting=lasting)
        self.assertTrue(self.states.available([_A]))
        self.states.failed(_A, policy, 3, kind="RateLimitError", lasting=False)
        self.assertEqual(self.states.wait([_A]), 3)

    def test_resting(self) -> None:
        """As long as its provider asks for, and no longer; a day is too much."""
        self.fail(retry_after=2)
        self.assertEqual(self.states.wait([_A]), 2)
        self.assertEqual(self.states.rest([_A]), 2)
        self.fail(retry_after=1)
        self.assertEqual(self.states.wait([_A]), 2)
        self.fail(_B, retry_after=86_400)
        self.assertEqual(self.states.wait([_B]), 300)
        self.assertEqual(self.states.rest([_A, _B]), 2)
        self.clock.advance(2)
        self.assertTrue(self.states.available([_A]))

    def test_rest_is_not_for_what_cools_down_or_is_full(self) -> None:
        """Only what a provider asks for is a rest."""
        full = Deployment("m", "openai", "full", limits=Limits(rpm=0))
        self.states.failed(_A, _POLICY, 2, kind="NotFoundError", lasting=True)
        self.assertIsNone(self.states.rest([_A, full]))
        self.assertEqual(self.states.rest([_A, full, _B]), 0)
        self.assertEqual(self.states.wait([_A]), 5)

    def test_calls_a_minute(self) -> None:
        """The limit, and the minute's end."""
        limited = Deployment("m", "openai", "a", limits=Limits(rpm=2))
        self.clock.advance(45)
        for _ in range(2):
            self.assertTrue(self.states.available([limited]))
            self.states.end(self.states.begin(limited))
        self.assertEqual(self.states.wait([limited]), 15)
        self.clock.advance(15)
        self.assertTrue(self.states.available([limited]))

    def test_tokens_a_minute(self) -> None:
        """They count in the minute in which the answer ends."""
        limited = Deployment("m", "openai", "a", limits=Limits(tpm=100))
        state = self.states.begin(limited)
        self.clock.advance(59)
        self.states.end(self.states.begin(limited), 99)
        self.assertTrue(self.states.available([limited]))
        self.clock.advance(2)
        self.states.end(state, 100)
        self.assertFalse(self.states.available([limited]))
        self.assertEqual(self.states.wait([limited]), 59)
        self.clock.advance(60)
        self.assertTrue(self.states.available([limited]))

    def test_calls_at_once(self) -> None:
        """The limit, until one is over; nobody knows when."""
        limited = Deployment("m", "openai", "a", limits=Limits(max_parallel=2))
        held = [self.states.begin(limited) for _ in range(2)]
        self.assertEqual(self.states.wait([limited]), 1)
        self.states.end(held[0])
        self.assertTrue(self.states.available([limited]))

    def test_latency(self) -> None:
        """The mean of the last ten; it is forgotten when there was none for an hour."""
        self.assertIsNone(self.states.of(_A).latency)
        for seconds in (100, *[1] * 5, *[3] * 5):
            self.states.of(_A).answered(self.clock.seconds(), seconds)
        self.assertEqual(self.states.of(_A).latency, 2)
        self.clock.advance(3600)
        self.assertEqual(self.states.of(_A).latency, 2)
        self.clock.advance(60)
        self.assertIsNone(self.states.of(_A).latency)

    def test_another_catalogue(self) -> None:
        """Those who stay keep their state; a call in hand ends where it began."""
        a, b = self.states.begin(_A), self.states.begin(_B)
        self.states.keep([_A])
        self.assertEqual(self.states.of(_A).in_flight, 1)
        self.states.end(a)
        self.states.end(b)
        self.assertEqual(self.states.of(_A).in_flight, 0)
        self.assertEqual(self.states.of(_B).in_flight, 0)
