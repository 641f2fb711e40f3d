"""The figures of the last minutes."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.admin.figures import SECONDS, Figures


class FiguresTests(SynchronousTestCase):
    """Second by second."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000.5)
        self.figures = Figures(self.clock)

    def test_a_second_is_told_when_it_is_over(self) -> None:
        self.figures.answered(200, 0.01)
        self.figures.answered(503, 0.01)
        self.figures.spent(12, 0.25)
        (before,) = self.figures.rows(1)
        self.assertEqual((before.time, before.requests), (999, 0))
        self.clock.advance(1)
        (row,) = self.figures.rows(1)
        self.assertEqual((row.time, row.requests, row.errors), (1000, 2, 1))
        self.assertEqual((row.tokens, row.cost), (12, 0.25))

    def test_what_the_caller_did_wrong_is_no_error_of_ours(self) -> None:
        for status in (400, 404, 429, 499):
            self.figures.answered(status, 0.01)
        self.clock.advance(1)
        self.assertEqual(self.figures.rows(1)[0].errors, 0)

    def test_seconds_in_which_nothing_was_are_told_too(self) -> None:
        self.figures.answered(200, 0.01)
        self.clock.advance(3)
        rows = self.figures.rows(4)
        self.assertEqual([row.time for row in rows], [999, 1000, 1001, 1002])
        self.assertEqual([row.requests for row in rows], [0, 1, 0, 0])
        self.assertEqual([row.p50 for row in rows][2:], [None, None])

    def test_what_the_client_ends_has_no_latency(self) -> None:
        self.figures.answered(101, 3600)
        self.figures.answered(499, 60)
        self.clock.advance(1)
        minute = self.figures.minute()
        self.assertEqual((minute.requests, minute.p99), (2, None))

    def test_percentiles_are_near(self) -> None:
        for milliseconds in range(1, 101):
            self.figures.answered(200, milliseconds / 1000)
        self.clock.advance(1)
        minute = self.figures.minute()
        for told, meant in ((minute.p50, 0.05), (minute.p95, 0.095), (minute.p99, 0.099)):
            assert told is not None
            self.assertLess(abs(told - meant) / meant, 0.1)

    def test_the_quickest_and_the_slowest_have_a_place(self) -> None:
        self.figures.answered(200, 0.0)
        self.clock.advance(1)
        self.assertEqual(self.figures.minute().p50, 0.000104)
        self.figures.answered(200, 86_400.0)
        self.clock.advance(1)
        slowest = self.figures.minute().p99 or 0
        self.assertLess(abs(slowest - 86_400) / 86_400, 0.1)

    def test_a_minute_is_sixty_seconds(self) -> None:
        self.figures.answered(200, 0.01)
        self.clock.advance(60)
        self.assertEqual(self.figures.minute().requests, 1)
        self.clock.advance(1)
        self.assertEqual(self.figures.minute().requests, 0)

    def test_no_more_is_kept_than_is_shown(self) -> None:
        for _ in range(SECONDS * 2):
            self.figures.answered(200, 0.01)
            self.clock.advance(1)
        self.assertEqual(sum(row.requests for row in self.figures.rows(SECONDS * 2)), SECONDS + 1)
