"""Browsers that take too much."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.browser.fakes import FakeLauncher
from twisted_aigate.browser.replica import Replica
from twisted_aigate.browser.session import Footprint
from twisted_aigate.browser.watch import MOST_DOWNLOADED, PERIOD, Watch

LIMIT = 1000


class WatchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        launcher = FakeLauncher()
        self.replica = Replica("one", launcher, self.clock, lambda _: None)
        self.replica.want()
        self.session: Any = launcher.succeed()
        self.watch = Watch(self.clock, [self.replica], LIMIT)
        self.watch.start()

    def look(self, memory: int, downloaded: int = 0) -> str:
        self.session.taken = Footprint(memory, downloaded)
        self.clock.advance(PERIOD)
        return self.replica.state

    def test_one_that_takes_no_more_than_it_may_is_left_alone(self) -> None:
        self.assertEqual(self.look(LIMIT, MOST_DOWNLOADED), "idle")

    def test_one_that_takes_more_is_started_anew(self) -> None:
        self.assertEqual(self.look(LIMIT + 1), "healing")

    def test_but_not_in_mid_request(self) -> None:
        self.replica.take()
        self.assertEqual(self.look(2 * LIMIT), "busy")
        self.replica.events.freed()
        self.assertEqual(self.look(2 * LIMIT), "healing")

    def test_unless_it_takes_far_too_much(self) -> None:
        self.replica.take()
        self.assertEqual(self.look(2 * LIMIT + 1), "healing")

    def test_one_that_downloads_for_ever_is_started_anew(self) -> None:
        self.assertEqual(self.look(0, MOST_DOWNLOADED + 1), "healing")

    def test_it_looks_again_and_again(self) -> None:
        for _ in range(3):
            self.assertEqual(self.look(LIMIT), "idle")
        self.assertEqual(self.look(LIMIT + 1), "healing")
        self.clock.advance(PERIOD)

    def test_when_it_is_stopped_it_leaves_nothing(self) -> None:
        self.look(LIMIT)
        self.watch.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_without_a_limit_memory_is_no_reason(self) -> None:
        self.watch.stop()
        Watch(self.clock, [self.replica], 0).start()
        self.assertEqual(self.look(10**12), "idle")
