"""When calls are written down."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.accounting.holds import Freed
from twisted_aigate.gateway.accounting.ledger import Ledger
from twisted_aigate.gateway.accounting.records import Entry, Spent
from twisted_aigate.kernel.database import DatabaseUnavailable


def _spent(number: int) -> Entry:
    spent = Spent(
        f"r{number}", "c", "key", None, None, None, "x/m", "m", "id", 1, 2, 3, 0, False, 0.0, 1.0
    )
    return Entry("token", None, spent)


class SlowDatabase:
    """
    A database whose writes end when a test says so.

    @ivar batches: What it was given, not ended yet.
    @ivar sizes: How many entries each write had.
    """

    def __init__(self) -> None:
        self.batches: list[Deferred[None]] = []
        self.sizes: list[int] = []

    def write(self, work: Any) -> Deferred[None]:
        """See L{twisted_aigate.kernel.database.Database}."""
        self.sizes.append(len(work.keywords["entries"]))
        self.batches.append(Deferred())
        return self.batches[-1]


class LedgerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.database: Any = SlowDatabase()
        self.ledger = Ledger(self.database, self.clock)

    def add(self, count: int) -> None:
        for number in range(count):
            self.ledger.add(_spent(number))

    def written(self) -> None:
        """The write that is under way ends."""
        self.database.batches.pop(0).callback(None)

    def test_they_gather(self) -> None:
        self.add(3)
        self.clock.advance(0.2)
        self.add(2)
        self.assertEqual(self.database.sizes, [])
        self.clock.advance(0.05)
        self.assertEqual(self.database.sizes, [5])

    def test_what_comes_during_a_write_gathers_too(self) -> None:
        """However fast writes are, there are few."""
        self.add(1)
        self.clock.advance(0.25)
        self.add(7)
        self.written()
        self.clock.advance(0.2)
        self.assertEqual(self.database.sizes, [1])
        self.clock.advance(0.05)
        self.assertEqual(self.database.sizes, [1, 7])

    def test_full_batches_follow_at_once(self) -> None:
        self.add(2500)
        self.clock.advance(0.25)
        self.written()
        self.written()
        self.assertEqual(self.database.sizes, [1000, 1000])
        self.clock.advance(0.25)
        self.assertEqual(self.database.sizes, [1000, 1000, 500])

    def test_money_that_is_free_again_is_told_at_once(self) -> None:
        """Before a write, and during one."""
        self.add(1)
        self.ledger.add(Entry(None, Freed("lease"), None))
        self.clock.advance(0)
        self.assertEqual(self.database.sizes, [2])
        self.ledger.add(Entry(None, Freed("other"), None))
        self.written()
        self.assertEqual(self.database.sizes, [2, 1])

    def test_whoever_waits_for_all_waits_for_what_came_during_a_write(self) -> None:
        self.add(1)
        self.clock.advance(0.25)
        self.add(1500)
        flushed = Deferred.fromCoroutine(self.ledger.flush())
        for _ in range(2):
            self.assertNoResult(flushed)
            self.written()
        self.assertNoResult(flushed)
        self.written()
        self.successResultOf(flushed)
        self.assertEqual(self.database.sizes, [1, 1000, 500])
        self.successResultOf(Deferred.fromCoroutine(self.ledger.flush()))

    def test_a_database_that_is_down_is_not_hurried(self) -> None:
        self.add(1)
        self.clock.advance(0.25)
        self.database.batches.pop(0).errback(DatabaseUnavailable())
        self.ledger.add(Entry(None, Freed("lease"), None))
        self.clock.advance(0.9)
        self.assertEqual(self.database.sizes, [1])
        self.clock.advance(0.1)
        self.written()
        self.assertEqual(self.database.sizes, [1, 1, 1])

    def test_a_stop_keeps_all(self) -> None:
        self.add(1)
        self.clock.advance(0.25)
        self.add(1200)
        stopped = Deferred.fromCoroutine(self.ledger.stop())
        for _ in range(3):
            self.assertNoResult(stopped)
            self.written()
        self.successResultOf(stopped)
        self.assertEqual(sum(self.database.sizes), 1201)
