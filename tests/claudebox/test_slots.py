"""How many runs there may be."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.claudebox.slots import Slots


class SlotsTests(SynchronousTestCase):
    def test_no_more_than_there_are(self) -> None:
        slots = Slots(2)
        self.assertEqual([slots.take() for _ in range(4)], [True, True, False, False])
        slots.give_back()
        self.assertEqual([slots.take() for _ in range(2)], [True, False])

    def test_runs_that_are_there_already_count(self) -> None:
        slots = Slots(1)
        for _ in range(2):
            slots.take_anyway()
        slots.give_back()
        self.assertFalse(slots.take())
        slots.give_back()
        self.assertTrue(slots.take())
