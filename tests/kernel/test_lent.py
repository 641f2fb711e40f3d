"""Things that are not closed under the thread that works on them."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.threads import HeldThreads
from twisted_aigate.kernel.lent import Lent


class LentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.threads: Any = HeldThreads(held=True)
        self.closed: list[bool] = []
        self.lent = Lent(self.threads, lambda: self.closed.append(True))

    def test_what_is_done_with_it_is_told(self) -> None:
        made = self.lent.run(divmod, 7, 2)
        self.threads.work()
        failed = self.lent.run(divmod, 7, 0)
        self.threads.work()
        self.assertEqual(self.successResultOf(made), (3, 1))
        self.failureResultOf(failed, ZeroDivisionError)
        self.assertEqual(self.closed, [])

    def test_it_is_closed_at_once_when_nobody_works_on_it(self) -> None:
        self.lent.close()
        self.assertEqual(self.closed, [True])

    def test_it_is_closed_behind_the_work_in_hand(self) -> None:
        for divisor in (2, 0):
            with self.subTest(divisor):
                self.closed.clear()
                outcome = self.lent.run(divmod, 7, divisor)
                self.lent.close()
                self.assertEqual(self.closed, [])
                self.threads.work_off()
                self.assertEqual(self.closed, [True])
                self.assertNoResult(outcome)
