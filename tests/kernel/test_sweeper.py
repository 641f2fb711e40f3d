"""Work that is done from time to time."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.sweeper import Sweeper


class SweeperTests(SynchronousTestCase):
    """Every ten seconds."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.sweeps: list[Deferred[None]] = []
        self.sweeper = Sweeper(self.clock, 10, self.sweep, "it fails")
        self.sweeper.start()

    async def sweep(self) -> None:
        """A sweep that is over when the test says so."""
        self.sweeps.append(Deferred())
        await self.sweeps[-1]

    def test_again_and_again(self) -> None:
        """The pause is between the end of one and the beginning of the next."""
        self.clock.advance(100)
        self.assertEqual(len(self.sweeps), 1)
        self.sweeps[0].callback(None)
        self.clock.advance(9)
        self.assertEqual(len(self.sweeps), 1)
        self.clock.advance(1)
        self.assertEqual(len(self.sweeps), 2)

    def test_one_that_fails(self) -> None:
        """It is logged, and the next is made."""
        self.sweeps[0].errback(ValueError())
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.clock.advance(10)
        self.assertEqual(len(self.sweeps), 2)

    def test_stopped_in_a_pause(self) -> None:
        """There is no next."""
        self.sweeps[0].callback(None)
        self.successResultOf(Deferred.fromCoroutine(self.sweeper.stop()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopped_in_a_sweep(self) -> None:
        """It is waited for."""
        stopping = Deferred.fromCoroutine(self.sweeper.stop())
        self.assertNoResult(stopping)
        self.sweeps[0].callback(None)
        self.successResultOf(stopping)
        self.assertEqual(self.clock.getDelayedCalls(), [])
