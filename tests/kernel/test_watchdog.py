"""A deadline that moves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.watchdog import Watchdog


class WatchdogTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.fired: list[float] = []
        self.watchdog = Watchdog(self.clock, lambda: self.fired.append(self.clock.seconds()))

    def test_it_fires_once_when_the_deadline_passes(self) -> None:
        self.watchdog.set(10)
        self.clock.advance(9.9)
        self.assertEqual(self.fired, [])
        self.clock.advance(0.1)
        self.clock.advance(100)
        self.assertEqual(self.fired, [10])

    def test_a_later_deadline_takes_the_earlier_ones_place(self) -> None:
        self.watchdog.set(10)
        self.clock.advance(5)
        self.watchdog.set(10)
        self.clock.pump([1] * 20)
        self.assertEqual(self.fired, [15])

    def test_an_earlier_deadline_takes_the_later_ones_place(self) -> None:
        self.watchdog.set(100)
        self.watchdog.set(10)
        self.clock.pump([1] * 200)
        self.assertEqual(self.fired, [10])

    def test_0_is_never(self) -> None:
        self.watchdog.set(10)
        self.watchdog.set(0)
        self.clock.advance(1000)
        self.assertEqual(self.fired, [])

    def test_a_cleared_deadline_does_not_fire_and_the_next_does(self) -> None:
        self.watchdog.set(10)
        self.watchdog.clear()
        self.clock.advance(5)
        self.watchdog.set(20)
        self.clock.pump([1] * 50)
        self.assertEqual(self.fired, [25])

    def test_moving_the_deadline_adds_no_timer(self) -> None:
        for seconds in range(1, 100):
            self.watchdog.set(seconds)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_stopping_leaves_no_timer(self) -> None:
        self.watchdog.set(10)
        self.watchdog.stop()
        self.watchdog.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_can_be_set_anew_by_what_it_calls(self) -> None:
        again = Watchdog(self.clock, lambda: (self.fired.append(0), again.set(10)))
        again.set(10)
        self.clock.pump([1] * 35)
        self.assertEqual(len(self.fired), 3)

    @given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 12)), max_size=30))
    def test_it_fires_when_a_plain_timer_would(self, steps: list[tuple[int, int]]) -> None:
        clock, fired, expected = Clock(), [], []
        watchdog = Watchdog(clock, lambda: fired.append(clock.seconds()))
        deadline: float | None = None
        for wait, seconds in steps:
            for _ in range(wait):
                clock.advance(1)
                if deadline is not None and clock.seconds() >= deadline:
                    expected.append(clock.seconds())
                    deadline = None
            watchdog.set(seconds)
            deadline = clock.seconds() + seconds if seconds else None
        self.assertEqual(fired, expected)
