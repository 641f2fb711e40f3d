"""Which request has which replica."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.browser.fakes import FakeLauncher
from twisted_aigate.browser.errors import BrowserError
from twisted_aigate.browser.pool import Pool
from twisted_aigate.browser.replica import Replica

QUEUE_TIMEOUT = 300.0


class PoolCase(SynchronousTestCase):
    count = 2

    def setUp(self) -> None:
        self.clock = Clock()
        self.launcher = FakeLauncher()
        self.pool = Pool(self.clock, self.launcher, self.count, QUEUE_TIMEOUT)

    def take(self, pin: str | None = None) -> Deferred[Replica]:
        return Deferred.fromCoroutine(self.pool.take(pin))

    def got(self, taking: Deferred[Replica]) -> Replica:
        return self.successResultOf(taking)

    def refused(self, taking: Deferred[Replica]) -> BrowserError:
        error: BrowserError = self.failureResultOf(taking, BrowserError).value
        return error

    def all_run(self) -> list[Replica]:
        """Have all replicas run, each of them taken."""
        taking = [self.take() for _ in range(self.count)]
        for index in range(self.count):
            self.launcher.succeed(index)
        return [self.got(one) for one in taking]


class DemandTests(PoolCase):
    def test_browsers_start_when_they_are_wanted(self) -> None:
        self.assertEqual(self.launcher.names, [])
        taking = self.take()
        self.assertEqual(self.launcher.names, ["browser1"])
        self.launcher.succeed()
        self.assertEqual(self.got(taking).name, "browser1")

    def test_a_browser_that_is_idle_is_used_before_another_one_starts(self) -> None:
        taking = self.take()
        self.launcher.succeed()
        self.pool.release(self.got(taking))
        self.assertEqual(self.got(self.take()).name, "browser1")
        self.assertEqual(self.launcher.names, ["browser1"])

    def test_two_requests_at_once_start_two(self) -> None:
        self.all_run()
        self.assertEqual(self.launcher.names, ["browser1", "browser2"])

    def test_there_are_no_more_than_that(self) -> None:
        self.all_run()
        waiting = self.take()
        self.assertNoResult(waiting)
        self.assertEqual(len(self.launcher.names), self.count)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)

    def test_one_that_does_not_start_is_told_and_the_next_tries_again(self) -> None:
        first, second = self.take("browser1"), self.take("browser1")
        self.launcher.fail("no display")
        error = self.refused(first)
        self.assertEqual(error.status, 503)
        self.assertIn("no display", error.message)
        self.launcher.succeed()
        self.assertEqual(self.got(second).name, "browser1")


class LineTests(PoolCase):
    def test_first_come_first_served(self) -> None:
        replicas = self.all_run()
        waiting = [self.take() for _ in range(4)]
        served = []
        for _ in range(2):
            for replica in replicas:
                self.pool.release(replica)
                served.append([taking.called for taking in waiting])
        self.assertEqual(
            served,
            [[True] * count + [False] * (4 - count) for count in range(1, 5)],
        )

    def test_never_two_on_one(self) -> None:
        replicas = self.all_run()
        waiting = [self.take() for _ in range(3)]
        self.pool.release(replicas[0])
        self.assertEqual([taking.called for taking in waiting], [True, False, False])
        self.assertEqual([replica.state for replica in replicas], ["busy", "busy"])

    def test_who_leaves_the_line_frees_it(self) -> None:
        replicas = self.all_run()
        first, second = self.take(), self.take()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertEqual(self.pool.queued, 1)
        self.pool.release(replicas[0])
        self.assertIs(self.got(second), replicas[0])

    def test_who_waits_too_long_is_told(self) -> None:
        self.all_run()
        waiting = self.take()
        self.clock.advance(QUEUE_TIMEOUT - 1)
        self.assertNoResult(waiting)
        self.clock.advance(1)
        self.assertEqual(self.refused(waiting).status, 503)
        self.assertEqual(self.pool.queued, 0)

    def test_who_was_served_in_time_has_it_as_long_as_it_takes(self) -> None:
        replicas = self.all_run()
        waiting = self.take()
        self.pool.release(replicas[0])
        self.clock.advance(2 * QUEUE_TIMEOUT)
        self.assertIs(self.got(waiting), replicas[0])

    def test_the_line_waits_for_a_browser_that_is_started_anew(self) -> None:
        replicas = self.all_run()
        session = replicas[0].session
        waiting = self.take()
        replicas[0].events.broken("signal 9")
        self.assertNoResult(waiting)
        session.ending.callback(None)
        self.launcher.succeed()
        self.assertIs(self.got(waiting), replicas[0])


class IdleTests(PoolCase):
    count = 3

    def test_the_one_that_has_been_idle_longest_is_next(self) -> None:
        for replica in (replicas := self.all_run())[::-1]:
            self.clock.advance(1)
            self.pool.release(replica)
        order = [self.got(self.take()).name for _ in replicas]
        self.assertEqual(order, ["browser3", "browser2", "browser1"])


class CrowdTests(PoolCase):
    count = 5

    def test_forty_at_once_on_five(self) -> None:
        """Each is served once, in the order in which they came, never two on one."""
        crowd = [self.take() for _ in range(40)]
        for index in range(self.count):
            self.launcher.succeed(index)
        served: list[int] = []
        while len(served) < len(crowd):
            ready = [n for n, taking in enumerate(crowd) if taking.called and n not in served]
            having = [self.got(crowd[number]) for number in ready]
            self.assertEqual(len(set(map(id, having))), len(having))
            self.assertEqual(sum(r.state == "busy" for r in self.pool.status()), len(having))
            served += ready
            for replica in having:
                self.pool.release(replica)
        self.assertEqual(served, list(range(40)))
        self.assertEqual(self.pool.queued, 0)


class PinTests(PoolCase):
    def test_a_pinned_request_gets_its_own_although_another_is_idle(self) -> None:
        first, second = self.all_run()
        self.pool.release(first)
        waiting = self.take("browser2")
        self.assertNoResult(waiting)
        self.pool.release(second)
        self.assertIs(self.got(waiting), second)

    def test_who_waits_for_another_is_passed_by(self) -> None:
        first, second = self.all_run()
        pinned, free = self.take("browser2"), self.take()
        self.pool.release(first)
        self.assertIs(self.got(free), first)
        self.assertNoResult(pinned)
        self.pool.release(second)
        self.assertIs(self.got(pinned), second)

    def test_a_pinned_one_that_does_not_run_is_started(self) -> None:
        taking = self.take("browser2")
        self.assertEqual(self.launcher.names, ["browser2"])
        self.launcher.succeed()
        self.assertEqual(self.got(taking).name, "browser2")

    def test_a_name_that_there_is_not_means_nothing(self) -> None:
        taking = self.take("browser99")
        self.launcher.succeed()
        self.assertEqual(self.got(taking).name, "browser1")

    def test_one_that_a_client_comes_back_to_is_left_to_that_client(self) -> None:
        taking = self.take("browser1")
        self.launcher.succeed()
        self.pool.release(self.got(taking))
        other = self.take()
        self.assertEqual(self.launcher.names, ["browser1", "browser2"])
        self.launcher.succeed()
        self.assertEqual(self.got(other).name, "browser2")

    def test_but_not_when_there_is_no_other(self) -> None:
        pinned = self.take("browser1")
        self.launcher.succeed()
        other = self.take()
        self.launcher.succeed()
        self.got(other)
        self.pool.release(self.got(pinned))
        self.assertEqual(self.got(self.take()).name, "browser1")

    def test_and_not_for_ever(self) -> None:
        taking = self.take("browser1")
        self.launcher.succeed()
        self.pool.release(self.got(taking))
        self.clock.advance(3600)
        self.assertEqual(self.got(self.take()).name, "browser1")


class StopTests(PoolCase):
    def test_all_browsers_end_and_all_who_wait_are_told(self) -> None:
        replicas = self.all_run()
        waiting = self.take()
        for replica in replicas:
            self.pool.release(replica)
        self.got(waiting)
        last = self.take("browser1")
        sessions = [replica.session for replica in replicas]
        stopping = Deferred.fromCoroutine(self.pool.stop())
        self.assertEqual(self.refused(last).status, 503)
        self.assertNoResult(stopping)
        for session in sessions:
            session.ending.callback(None)
        self.successResultOf(stopping)
        self.assertEqual(self.refused(self.take()).status, 503)
