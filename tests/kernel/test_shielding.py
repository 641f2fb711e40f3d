"""Work that goes on without the one who waits for it."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.shielding import shielded


class ShieldedTests(SynchronousTestCase):
    """Waiting, and leaving."""

    def setUp(self) -> None:
        self.cancelled: list[object] = []
        self.work: Deferred[int] = Deferred(self.cancelled.append)

    def test_result(self) -> None:
        """Who waits has the result, or the error."""
        waiting = shielded(self.work, unwanted=self.fail)
        self.work.callback(3)
        self.assertEqual(self.successResultOf(waiting), 3)
        failing: Deferred[int] = Deferred()
        waiting = shielded(failing)
        failing.errback(ValueError())
        self.failureResultOf(waiting, ValueError)

    def test_left(self) -> None:
        """The work is not cancelled, who asked is told, and its result goes where it is to go."""
        told: list[object] = []
        waiting = shielded(self.work, left=lambda: told.append("left"), unwanted=told.append)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual((self.cancelled, told), ([], ["left"]))
        self.work.callback(3)
        self.assertEqual(told, ["left", 3])

    def test_fails_later(self) -> None:
        """An error that nobody waits for is logged; that it was cancelled is none."""
        for error, logged in ((ValueError(), 1), (CancelledError(), 0)):
            work: Deferred[int] = Deferred()
            waiting = shielded(work)
            waiting.cancel()
            self.failureResultOf(waiting, CancelledError)
            work.errback(error)
            self.assertEqual(len(self.flushLoggedErrors()), logged)
