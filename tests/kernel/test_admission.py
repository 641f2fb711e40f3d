"""Turns in front of something that serves a few at once."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.admission import Admission, QueueFull


class AdmissionTests(SynchronousTestCase):
    def test_as_many_as_there_are_slots_enter_at_once(self) -> None:
        admission = Admission(2, 5)
        for _ in range(2):
            self.successResultOf(admission.enter())
        self.assertNoResult(admission.enter())
        self.assertEqual(admission.waiting, 1)

    def test_the_first_that_waits_is_the_next_to_enter(self) -> None:
        admission = Admission(1, 5)
        admission.enter()
        second, third = admission.enter(), admission.enter()
        admission.leave()
        self.successResultOf(second)
        self.assertNoResult(third)
        admission.leave()
        self.successResultOf(third)

    def test_no_more_wait_than_may(self) -> None:
        admission = Admission(1, 2)
        for _ in range(3):
            admission.enter()
        self.assertRaises(QueueFull, admission.enter)
        self.assertEqual(admission.waiting, 2)
        admission.leave()
        self.assertNoResult(admission.enter())

    def test_none_need_be_allowed_to_wait(self) -> None:
        admission = Admission(1, 0)
        self.successResultOf(admission.enter())
        self.assertRaises(QueueFull, admission.enter)
        admission.leave()
        self.successResultOf(admission.enter())

    def test_one_that_gives_up_leaves_the_queue(self) -> None:
        admission = Admission(1, 1)
        admission.enter()
        waiting = admission.enter()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(admission.waiting, 0)
        other = admission.enter()
        admission.leave()
        self.successResultOf(other)
