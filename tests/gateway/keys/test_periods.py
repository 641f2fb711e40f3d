"""Durations of keys and budgets."""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.keys.periods import end_of, next_end
from twisted_aigate.kernel.units import DAY, HOUR, MINUTE


def _at(year: int, month: int, day: int) -> float:
    return datetime(year, month, day, 12, tzinfo=UTC).timestamp()


class PeriodTests(SynchronousTestCase):
    def test_all_units(self) -> None:
        for period, seconds in (
            ("30s", 30),
            ("5m", 5 * MINUTE),
            ("2h", 2 * HOUR),
            ("30d", 30 * DAY),
            ("1w", 7 * DAY),
            ("daily", DAY),
        ):
            self.assertEqual(end_of(period, 1000.0), 1000.0 + seconds, period)

    def test_months_are_the_calendars(self) -> None:
        self.assertEqual(end_of("1mo", _at(2026, 1, 31)), _at(2026, 2, 28))
        self.assertEqual(end_of("2mo", _at(2026, 11, 15)), _at(2027, 1, 15))
        self.assertEqual(end_of("monthly", _at(2027, 12, 1)), _at(2028, 1, 1))

    def test_what_is_none(self) -> None:
        for wrong in ("", "30", "d", "0d", "-1d", "1y", "1 d", "1mo2d", "9999999d", "999999mo"):
            with self.assertRaises(ValueError, msg=wrong):
                end_of(wrong, _at(2026, 1, 1))

    def test_periods_follow_one_another(self) -> None:
        self.assertEqual(next_end("1h", 5000.0, 4000.0), 5000.0)
        self.assertEqual(next_end("1h", 5000.0, 5000.0), 8600.0)
        self.assertEqual(next_end("1s", 1000.0, 10.0**9), 10.0**9 + 1)
        self.assertEqual(next_end("1mo", _at(2026, 1, 1), _at(2026, 5, 20)), _at(2026, 6, 1))
