"""A replica's states."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.browser.fakes import FakeLauncher
from twisted_aigate.browser.replica import Replica


class ReplicaCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.launcher = FakeLauncher()
        self.states: list[str] = []
        self.replica = Replica(
            "browser1", self.launcher, self.clock, lambda replica: self.states.append(replica.state)
        )
        self.events = self.replica.events


class StartTests(ReplicaCase):
    def test_nothing_runs_before_it_is_wanted(self) -> None:
        self.assertEqual((self.replica.state, self.launcher.names), ("absent", []))

    def test_it_starts_once_however_often_it_is_wanted(self) -> None:
        self.events.wanted()
        self.events.wanted()
        self.assertEqual(self.launcher.names, ["browser1"])
        self.launcher.succeed()
        self.events.wanted()
        self.assertEqual(self.launcher.names, ["browser1"])
        self.assertEqual(self.states, ["starting", "idle"])

    def test_a_start_that_fails_leaves_it_absent_with_the_reason(self) -> None:
        self.events.wanted()
        self.launcher.fail("no display")
        self.assertEqual((self.replica.state, self.replica.failure), ("absent", "no display"))

    def test_it_can_be_tried_again(self) -> None:
        self.events.wanted()
        self.launcher.fail("no display")
        self.events.wanted()
        self.launcher.succeed()
        self.assertEqual((self.replica.state, self.replica.failure), ("idle", None))

    def test_what_starts_again_and_again_is_given_time(self) -> None:
        for _ in range(6):
            self.events.wanted()
            self.launcher.fail("no display")
        self.events.wanted()
        self.assertEqual(len(self.launcher.names), 6)
        self.clock.advance(10)
        self.assertEqual(len(self.launcher.names), 7)


class HealTests(ReplicaCase):
    def setUp(self) -> None:
        super().setUp()
        self.events.wanted()
        self.session = self.launcher.succeed()

    def test_the_old_browser_is_gone_before_the_new_one_starts(self) -> None:
        self.session.broken.open("signal 9")
        self.assertEqual((self.replica.state, len(self.launcher.names)), ("healing", 1))
        self.session.ending.callback(None)
        self.assertEqual((self.replica.state, len(self.launcher.names)), ("starting", 2))
        self.launcher.succeed()
        self.assertEqual(self.replica.state, "idle")

    def test_a_dead_browser_is_not_asked_to_end(self) -> None:
        self.session.broken.open("signal 9")
        self.assertIs(self.session.asked, False)

    def test_it_remembers_that_it_was_started_anew(self) -> None:
        self.assertFalse(self.replica.recovered)
        self.session.broken.open("signal 9")
        self.assertTrue(self.replica.recovered)

    def test_one_that_breaks_in_a_request_is_not_idle_when_that_is_over(self) -> None:
        self.events.taken()
        self.events.broken("given up")
        self.events.freed()
        self.assertEqual(self.replica.state, "healing")

    def test_the_end_of_an_earlier_browser_means_nothing_to_the_next(self) -> None:
        self.events.taken()
        self.events.broken("given up")
        self.session.ending.callback(None)
        self.launcher.succeed()
        self.session.broken.open("signal 9")
        self.assertEqual(self.replica.state, "idle")


class StopTests(ReplicaCase):
    def over(self) -> bool:
        return self.replica.state == "stopped" and self.replica.over.wait().called

    def test_one_that_never_ran_is_over_at_once(self) -> None:
        self.events.stop()
        self.assertTrue(self.over())

    def test_one_that_is_idle_is_asked_to_end_and_waited_for(self) -> None:
        self.events.wanted()
        session = self.launcher.succeed()
        self.events.stop()
        self.assertEqual((session.asked, self.over()), (True, False))
        session.ending.callback(None)
        self.assertTrue(self.over())

    def test_a_start_is_given_up(self) -> None:
        self.events.wanted()
        self.events.stop()
        self.assertTrue(self.over())

    def test_one_that_heals_is_not_started_again(self) -> None:
        self.events.wanted()
        session = self.launcher.succeed()
        session.broken.open("signal 9")
        self.events.stop()
        self.assertFalse(self.over())
        session.ending.callback(None)
        self.assertEqual((self.over(), len(self.launcher.names)), (True, 1))
