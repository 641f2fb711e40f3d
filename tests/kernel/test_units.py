"""Durations, sizes and rates as people write them."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.units import (
    DAY,
    GB,
    HOUR,
    KB,
    MB,
    MINUTE,
    Rate,
    parse_duration,
    parse_rate,
    parse_size,
)


class UnitCase(SynchronousTestCase):
    def check(self, parse: Callable[[str], object], expected: dict[str, object]) -> None:
        for text, value in expected.items():
            self.assertEqual(parse(text), value, text)

    def check_refused(self, parse: Callable[[str], object], *texts: str) -> None:
        for text in texts:
            with self.assertRaises(ValueError, msg=repr(text)):
                parse(text)


class DurationTests(UnitCase):
    def test_every_spelling_is_understood(self) -> None:
        self.check(
            parse_duration,
            {
                "30s": 30,
                "5m": 5 * MINUTE,
                "1h": HOUR,
                "2d": 2 * DAY,
                "2d12h": 2.5 * DAY,
                "1h30m15s": HOUR + 30 * MINUTE + 15,
                "600": 600,
                "0": 0,
                "0s": 0,
                "1.5h": 1.5 * HOUR,
                "0.5": 0.5,
                " 5m ": 5 * MINUTE,
            },
        )

    def test_anything_else_is_refused(self) -> None:
        self.check_refused(
            parse_duration,
            "",
            " ",
            "s",
            "m5",
            "-5s",
            "+5s",
            "5 m",
            "5M",
            "5min",
            "1h30",
            "30 1h",
            "five",
            "1,5h",
            "1.h",
            ".5h",
            "1e3",
            "inf",
            "nan",
            "5s!",
            "5ms",
            "1w",
        )


class SizeTests(UnitCase):
    def test_every_spelling_is_understood(self) -> None:
        self.check(
            parse_size,
            {
                "500B": 500,
                "50KB": 50 * KB,
                "10MB": 10 * MB,
                "1GB": GB,
                "123": 123,
                "0": 0,
                "1.5MB": MB + MB // 2,
                "10mb": 10 * MB,
                "10 Mb": 10 * MB,
                " 10MB ": 10 * MB,
            },
        )

    def test_a_size_is_a_whole_number_of_bytes(self) -> None:
        self.assertIs(type(parse_size("1.5KB")), int)
        self.assertEqual(parse_size("0.3B"), 0)

    def test_anything_else_is_refused(self) -> None:
        self.check_refused(
            parse_size,
            "",
            "MB",
            "-1",
            "+1",
            "10K",
            "10TB",
            "10MiB",
            "1MB1KB",
            "1,5MB",
            "ten",
            "inf",
            "0x10",
            "1e3",
            "10MB!",
            "10 M B",
        )


class RateTests(UnitCase):
    def test_every_spelling_is_understood(self) -> None:
        self.check(
            parse_rate,
            {
                "10r/s": Rate(10),
                "30r/m": Rate(0.5),
                "360r/h": Rate(0.1),
                "10R/S": Rate(10),
                " 10r/s ": Rate(10),
                "off": None,
                "OFF": None,
            },
        )

    def test_anything_else_is_refused(self) -> None:
        self.check_refused(
            parse_rate,
            "",
            "0r/s",
            "0",
            "10",
            "10r",
            "r/s",
            "-1r/s",
            "10r/d",
            "1.5r/s",
            "10/s",
            "10 r/s",
            "10r/sec",
            "on",
            "none",
            "10r/s burst=5",
        )

    def test_a_rate_is_shown_as_it_is_written(self) -> None:
        for text in ("30r/m", "500r/m", "100r/h", "1r/h", "7r/m"):
            self.assertEqual(str(parse_rate(text)), text)

    @given(st.integers(1, 5000), st.sampled_from("smh"))
    def test_what_is_shown_is_the_same_rate(self, count: int, period: str) -> None:
        rate = parse_rate(f"{count}r/{period}")
        self.assertEqual(parse_rate(str(rate)), rate)


class AnyTextTests(UnitCase):
    def test_numbers_beyond_all_measure_are_refused(self) -> None:
        self.check_refused(parse_duration, "9" * 400, "9" * 5000)
        self.check_refused(parse_size, "9" * 400, "9" * 400 + "GB")
        self.check_refused(parse_rate, "9" * 400 + "r/m", "9" * 5000 + "r/s")

    @given(st.text(max_size=20) | st.text("0123456789.smhdrKMGB/ of", max_size=12))
    def test_whatever_is_written_is_understood_or_refused(self, text: str) -> None:
        for parse in (parse_duration, parse_size, parse_rate):
            try:
                value = parse(text)
            except ValueError:
                continue
            if isinstance(value, (int, float)):
                self.assertGreaterEqual(value, 0)
