"""Histograms, and how late the reactor is."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.figures import Distribution, Histogram
from twisted_aigate.kernel.lag import ReactorLag


class HistogramTests(SynchronousTestCase):
    def test_nothing_was_counted(self) -> None:
        self.assertEqual(
            Histogram((1.0, 2.0)).distribution(), Distribution(((1.0, 0), (2.0, 0)), 0, 0.0)
        )

    def test_a_bound_belongs_to_its_bucket(self) -> None:
        histogram = Histogram((1.0, 2.0))
        for value in (0.5, 1.0, 1.5, 2.0, 2.5, 100.0):
            histogram.observe(value)
        self.assertEqual(histogram.distribution(), Distribution(((1.0, 2), (2.0, 4)), 6, 107.5))


class _SlowClock(Clock):
    """Calls come late by as much as the test says."""

    def late_by(self, seconds: float) -> None:
        [call] = self.getDelayedCalls()
        self.rightNow = call.getTime() + seconds
        self.advance(0)


class LagTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = _SlowClock()
        self.lag = ReactorLag(self.clock)
        self.lag.start()

    def distribution(self) -> Distribution:
        [(_, value)] = self.lag.family().samples
        assert isinstance(value, Distribution)
        return value

    def test_each_second_is_looked_at(self) -> None:
        self.clock.pump([1.0] * 5)
        self.assertEqual((self.distribution().count, self.distribution().total), (5, 0.0))

    def test_what_blocked_the_reactor_is_seen(self) -> None:
        for late in (0.0, 0.3, 7.0):
            self.clock.late_by(late)
        counted = self.distribution()
        self.assertAlmostEqual(counted.total, 7.3)
        self.assertEqual(counted.count, 3)
        self.assertEqual(dict(counted.buckets)[0.25], 1)
        self.assertEqual(dict(counted.buckets)[5.0], 2)

    def test_it_leaves_nothing_behind(self) -> None:
        self.lag.stop()
        self.lag.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
