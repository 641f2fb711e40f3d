"""Requests on their way through the cluster, with browsers that do not run."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.browser.fakes import FakeLauncher, FakeSession
from twisted_aigate.browser.cookie_store import LocalCookies
from twisted_aigate.browser.cookies import CookieSync
from twisted_aigate.browser.errors import ActionFailed, BrowserDied, BrowserError, PageHung
from twisted_aigate.browser.parsing import parse_request
from twisted_aigate.browser.pool import Pool
from twisted_aigate.browser.service import Browsers, Outcome, Served


class FakePage:
    """A page that answers a script, or fails at it."""

    def __init__(self, failure: Exception | None = None) -> None:
        self._failure = failure

    def info(self) -> Any:
        if self._failure is not None:
            raise self._failure
        return type("Info", (), {"url": "http://x/", "title": "x", "state": "complete"})()

    def png(self) -> bytes:
        return b"png"


class FakeBrowser:
    def __init__(self, failure: Exception | None = None) -> None:
        self.page = FakePage(failure)


class ServiceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.launcher = FakeLauncher()
        self.pool = Pool(self.clock, self.launcher, 1, 60)
        sync = CookieSync(self.clock, LocalCookies(), self.pool.status())
        self.addCleanup(sync.stop)
        self.browsers = Browsers(self.pool, sync, None, self.clock)
        self.replica = self.pool.replicas["browser1"]

    def ask(self, pin: str | None = None, **fields: Any) -> Deferred[Served[Outcome]]:
        asked = parse_request(fields or {"action": "ping"})
        return Deferred.fromCoroutine(self.browsers.perform(asked, pin, "http://here"))

    def session(self) -> FakeSession:
        session: Any = self.replica.session
        assert isinstance(session, FakeSession)
        return session

    def started(self, **fields: Any) -> Deferred[Served[Outcome]]:
        """A request whose work waits in the browser's thread."""
        asking = self.ask(**fields)
        self.launcher.succeed()
        self.assertEqual(len(self.session().works), 1)
        return asking

    def do(self, failure: Exception | None = None) -> None:
        """Have the work done."""
        work, result = self.session().works.pop(0)
        try:
            found = work(FakeBrowser(failure))
        except Exception:
            result.errback()
        else:
            result.callback(found)

    def test_what_was_found_and_by_whom(self) -> None:
        asking = self.started()
        self.do()
        served = self.successResultOf(asking)
        assert served.value is not None
        self.assertEqual(
            (served.replica, served.recovered, served.error), ("browser1", False, None)
        )
        self.assertEqual(served.value.data["message"], "pong")
        self.assertEqual(self.replica.state, "idle")

    def test_a_fault_of_the_page_is_told_and_costs_nothing(self) -> None:
        asking = self.started()
        self.do(ActionFailed("no such element"))
        self.assertEqual(self.successResultOf(asking).error, "no such element")
        self.assertEqual(self.replica.state, "idle")

    def test_a_page_that_hangs_costs_the_browser(self) -> None:
        asking = self.started()
        self.do(PageHung("it does not answer"))
        self.assertEqual(self.successResultOf(asking).error, "it does not answer")
        self.assertEqual(self.replica.state, "healing")

    def test_in_a_script_too(self) -> None:
        steps = [{"action": "ping", "on_error": "continue"}, {"action": "ping"}]
        asking = self.started(action="run_script", steps=steps)
        self.do(PageHung("it does not answer"))
        served = self.successResultOf(asking)
        assert served.value is not None
        self.assertIn("it does not answer", served.value.error or "")
        self.assertEqual(len(served.value.data["steps"]), 1)
        self.assertEqual(self.replica.state, "healing")

    def test_a_browser_that_ends_is_the_servers_fault(self) -> None:
        asking = self.started()
        self.do(BrowserDied("signal 9"))
        error = self.failureResultOf(asking, BrowserError).value
        self.assertEqual((error.status, error.replica), (502, "browser1"))
        self.assertEqual(self.replica.state, "healing")

    def test_a_picture_that_nobody_keeps_is_an_error_of_that_browser(self) -> None:
        asking = self.started(action="screenshot", save=True)
        self.do()
        error = self.failureResultOf(asking, BrowserError).value
        self.assertEqual((error.status, error.replica), (409, "browser1"))
        self.assertEqual(self.replica.state, "idle")

    def test_a_request_that_is_given_up_costs_the_browser(self) -> None:
        asking = self.started()
        asking.cancel()
        self.failureResultOf(asking, CancelledError)
        self.assertEqual(self.replica.state, "healing")

    def test_who_comes_back_to_a_new_browser_is_told_once(self) -> None:
        asking = self.started()
        self.do()
        self.successResultOf(asking)
        session = self.session()
        session.broken.open("signal 9")
        session.ending.callback(None)
        self.launcher.succeed()
        for told in (True, False):
            asking = self.ask(pin="browser1")
            self.do()
            self.assertIs(self.successResultOf(asking).recovered, told)

    def test_who_was_never_there_is_not(self) -> None:
        asking = self.started()
        session = self.session()
        self.do()
        self.successResultOf(asking)
        session.broken.open("signal 9")
        session.ending.callback(None)
        self.launcher.succeed()
        asking = self.ask()
        self.do()
        self.assertFalse(self.successResultOf(asking).recovered)

    def test_the_status(self) -> None:
        self.assertEqual(self.browsers.status()["replicas"][0]["state"], "absent")
        asking = self.started()
        waiting = self.ask()
        status = self.browsers.status()
        self.assertEqual((status["busy"], status["queued"]), (1, 1))
        for request in (asking, waiting):
            self.do()
            self.successResultOf(request)
        self.clock.advance(0.5)
        self.assertEqual(self.browsers.status()["replicas"][0]["idle_seconds"], 0.5)
