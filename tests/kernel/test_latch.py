"""Something that happens once."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.latch import Latch


class LatchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.latch: Latch[str] = Latch()

    def test_all_who_wait_are_told_in_order(self) -> None:
        told: list[str] = []
        for name in "abc":
            self.latch.wait().addCallback(lambda value, name=name: told.append(name + value))
        self.assertEqual((told, self.latch.value), ([], None))
        self.latch.open("1")
        self.assertEqual((told, self.latch.value), (["a1", "b1", "c1"], "1"))

    def test_who_comes_later_is_told_at_once(self) -> None:
        self.latch.open("1")
        self.assertEqual(self.successResultOf(self.latch.wait()), "1")

    def test_it_opens_once(self) -> None:
        self.latch.open("1")
        self.latch.open("2")
        self.assertEqual(self.successResultOf(self.latch.wait()), "1")

    def test_a_value_that_is_false(self) -> None:
        latch: Latch[bool] = Latch()
        latch.open(False)
        latch.open(True)
        self.assertIs(self.successResultOf(latch.wait()), False)

    def test_cancelling_ends_one_waiting(self) -> None:
        first, second = self.latch.wait(), self.latch.wait()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertNoResult(second)
        self.latch.open("1")
        self.assertEqual(self.successResultOf(second), "1")

    def test_who_is_told_cancels_others_and_waits_again(self) -> None:
        again: list[Deferred[str]] = []

        def told(value: str) -> str:
            second.cancel()
            again.append(self.latch.wait())
            return value

        first = self.latch.wait().addCallback(told)
        second, third = self.latch.wait(), self.latch.wait()
        self.latch.open("1")
        self.assertEqual(self.successResultOf(first), "1")
        self.failureResultOf(second, CancelledError)
        self.assertEqual(self.successResultOf(third), "1")
        self.assertEqual(self.successResultOf(again[0]), "1")
