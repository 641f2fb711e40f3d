"""Whether the database answers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.storage import FakeDatabase
from twisted_aigate.kernel.database import DatabaseUnavailable
from twisted_aigate.kernel.database.pulse import Pulse


class PulseTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.database: Any = FakeDatabase(MetaData())
        self.addCleanup(self.database.close)
        self.pulse = Pulse(self.database, self.clock)

    def ask(self) -> Deferred[bool]:
        """Whether it beats."""
        return Deferred.fromCoroutine(self.pulse.beats())

    def test_it_beats(self) -> None:
        self.assertTrue(self.successResultOf(self.ask()))

    def test_it_does_not(self) -> None:
        self.database.refuse = [DatabaseUnavailable("down")]
        self.assertFalse(self.successResultOf(self.ask()))
        self.clock.advance(1)
        self.assertTrue(self.successResultOf(self.ask()))

    def test_it_is_felt_once_a_second(self) -> None:
        self.successResultOf(self.ask())
        self.database.refuse = [DatabaseUnavailable("down")]
        self.assertTrue(self.successResultOf(self.ask()))
        self.clock.advance(1)
        self.assertFalse(self.successResultOf(self.ask()))

    def test_all_who_ask_at_once_are_told(self) -> None:
        self.database.threads.held = True
        asked = [self.ask() for _ in range(3)]
        self.assertEqual(len(self.database.threads), 1)
        self.database.threads.work_off()
        self.assertEqual([self.successResultOf(each) for each in asked], [True] * 3)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_one_that_takes_too_long_does_not(self) -> None:
        self.database.threads.held = True
        asked, left = self.ask(), self.ask()
        left.addErrback(lambda _: None)
        left.cancel()
        self.clock.advance(2)
        self.assertFalse(self.successResultOf(asked))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.database.threads.work_off()
        self.assertTrue(self.successResultOf(self.ask()))
