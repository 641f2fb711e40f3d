"""Waits between tries."""

from __future__ import annotations

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.routing.backoff import LONGEST_BACKOFF, wait_before


def _waits(attempt: int, asked: float = 0, least: float = 0) -> list[float]:
    random = Random(7)
    return [wait_before(attempt, asked, least, random) for _ in range(200)]


class BackoffTests(SynchronousTestCase):
    """How long, and how spread."""

    def test_doubles(self) -> None:
        """Half a second, doubled each time up to a bound, never a second time the same."""
        for attempt, most in ((1, 0.5), (2, 1), (3, 2), (4, 4), (5, 8), (6, 8), (2000, 8)):
            waits = _waits(attempt)
            self.assertLessEqual(max(waits), most)
            self.assertGreaterEqual(min(waits), most * 0.75)
            self.assertGreater(len(set(waits)), 100)
        self.assertEqual(LONGEST_BACKOFF, 8)

    def test_what_the_provider_asks_for(self) -> None:
        """Never less than it asks for, little more, and spread."""
        for attempt in (1, 9):
            waits = _waits(attempt, asked=3)
            self.assertGreater(min(waits), 3)
            self.assertLessEqual(max(waits), 3.5)
            self.assertGreater(len(set(waits)), 100)

    def test_fewest_seconds(self) -> None:
        """The policy's fewest seconds hold for both."""
        self.assertEqual(set(_waits(1, least=2)), {2})
        self.assertGreaterEqual(min(_waits(1, asked=1, least=2)), 2)
        self.assertGreater(min(_waits(5, least=2)), 5)
