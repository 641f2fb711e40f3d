"""Cookies on their way from one browser to the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.browser.fakes import FakeLauncher, FakeSession
from twisted_aigate.browser.cookie_store import (
    Change,
    CookiesUnavailable,
    LocalCookies,
    as_set,
    key_of,
)
from twisted_aigate.browser.cookies import CookieSync
from twisted_aigate.browser.errors import ActionFailed, BrowserDied
from twisted_aigate.browser.replica import Replica

REFUSED = "refused"
"""A cookie of this name is what no browser takes."""


def cookie(name: str, value: str, **more: Any) -> dict[str, Any]:
    told = {"name": name, "value": value, "domain": "example.com", "path": "/", "expires": -1}
    return {**told, "httpOnly": False, "secure": False, "session": True, "size": 9, **more}


@define
class FakePage:
    """A browser's cookies, behind the commands that read and change them."""

    cookies: dict[Any, dict[str, Any]]
    commands: list[str]

    def devtools(self, command: str, parameters: dict[str, Any] | None = None) -> Any:
        self.commands.append(command)
        given = parameters or {}
        sent = given.get("cookies", [given])
        if command.endswith(("setCookies", "setCookie")) and REFUSED in [c["name"] for c in sent]:
            raise ActionFailed("Sanitizing cookie failed")
        if command == "Storage.getCookies":
            return {"cookies": [dict(found) for found in self.cookies.values()]}
        if command == "Storage.setCookies":
            for wanted in given["cookies"]:
                host = wanted.get("domain") or wanted["url"].split("/")[2]
                fields = {key: wanted[key] for key in wanted if key not in ("url", "domain")}
                found = {**cookie("", ""), **fields, "domain": host}
                self.cookies[key_of(found)] = found
        elif command == "Network.setCookie":
            self.devtools("Storage.setCookies", {"cookies": [given]})
        elif command == "Network.deleteCookies":
            self.cookies.pop(key_of(given))
        return {}


@define
class FakeBrowser:
    page: FakePage


class DownStore(LocalCookies):
    """Keeps nothing while it is down."""

    is_down = True

    async def learn(self, changes: Sequence[Change]) -> None:
        if self.is_down:
            raise CookiesUnavailable
        await super().learn(changes)

    async def since(self, version: int) -> tuple[int, list[Change]]:
        if self.is_down:
            raise CookiesUnavailable
        return await super().since(version)


class SyncTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.launcher = FakeLauncher()
        self.replicas = [
            Replica(name, self.launcher, self.clock, lambda _: None) for name in ("one", "two")
        ]
        self.pages = [FakePage({}, []) for _ in self.replicas]
        self.sync = CookieSync(self.clock, LocalCookies(), self.replicas)
        for replica in self.replicas:
            replica.want()
            self.launcher.succeed()

    def work(self) -> None:
        """Have all that was asked of the browsers' threads done."""
        for replica, page in zip(self.replicas, self.pages, strict=True):
            session: Any = replica.session
            assert session is None or isinstance(session, FakeSession)
            while session is not None and session.works:
                work, result = session.works.pop(0)
                result.callback(work(FakeBrowser(page)))

    def use(self, index: int) -> None:
        """A request has a browser."""
        replica = self.replicas[index]
        replica.take()
        before = Deferred.fromCoroutine(self.sync.before(replica))
        # Asking one may lead to telling the other.
        self.work()
        self.work()
        self.successResultOf(before)

    def leave(self, index: int) -> None:
        """The request is over."""
        self.sync.after(self.replicas[index])
        self.replicas[index].events.freed()

    def change(self, index: int, *changes: dict[str, Any]) -> None:
        """A request gets cookies."""
        self.use(index)
        for change in changes:
            self.pages[index].cookies[key_of(change)] = change
        self.leave(index)

    def values(self, index: int) -> dict[str, str]:
        return {found["name"]: found["value"] for found in self.pages[index].cookies.values()}

    def test_what_one_has_got_the_other_has_when_it_is_used(self) -> None:
        self.change(0, cookie("login", "ada"))
        self.use(1)
        self.assertEqual(self.values(1), {"login": "ada"})

    def test_the_last_to_change_one_is_right(self) -> None:
        self.change(0, cookie("login", "ada"))
        self.change(1, cookie("login", "bob"))
        self.use(0)
        self.assertEqual(self.values(0), {"login": "bob"})

    def test_what_one_has_deleted_is_deleted(self) -> None:
        self.change(0, cookie("login", "ada"))
        self.use(1)
        self.pages[1].cookies.clear()
        self.leave(1)
        self.use(0)
        self.assertEqual(self.values(0), {})

    def test_a_browser_that_works_alone_is_asked_nothing(self) -> None:
        self.use(0)
        self.leave(0)
        self.pages[0].commands.clear()
        self.use(0)
        self.leave(0)
        self.assertEqual(self.pages[0].commands, [])

    def test_but_when_it_has_been_idle_for_a_moment(self) -> None:
        self.change(0, cookie("login", "ada"))
        self.pages[0].commands.clear()
        self.clock.advance(1)
        self.work()
        self.assertEqual(self.pages[0].commands, ["Storage.getCookies"])

    def test_so_it_has_them_when_it_was_started_anew(self) -> None:
        self.change(0, cookie("login", "ada"))
        self.clock.advance(1)
        self.work()
        session: Any = self.replicas[0].session
        session.broken.open("signal 9")
        session.ending.callback(None)
        self.launcher.succeed()
        self.pages[0].cookies.clear()
        self.use(0)
        self.assertEqual(self.values(0), {"login": "ada"})

    def test_one_that_a_browser_refuses_keeps_the_others_from_nobody(self) -> None:
        """Nor does the one that has it lose it."""
        got = {"a": "1", REFUSED: "2", "z": "3"}
        self.change(0, *(cookie(name, value) for name, value in got.items()))
        for _ in range(2):
            self.use(1)
            self.assertEqual(self.values(1), {"a": "1", "z": "3"})
            self.leave(1)
        self.use(0)
        self.assertEqual(self.values(0), got)

    def test_what_is_the_same_is_told_no_one(self) -> None:
        self.change(0, cookie("login", "ada"))
        self.use(1)
        self.leave(1)
        self.pages[0].commands.clear()
        self.use(0)
        self.assertEqual(self.pages[0].commands, [])

    def test_one_that_does_not_answer_holds_nobody_up(self) -> None:
        self.use(0)
        self.leave(0)
        self.replicas[1].take()
        before = Deferred.fromCoroutine(self.sync.before(self.replicas[1]))
        self.assertNoResult(before)
        self.clock.advance(2)
        self.successResultOf(before)

    def test_nor_one_that_dies(self) -> None:
        self.use(0)
        self.leave(0)
        session: Any = self.replicas[0].session
        self.replicas[1].take()
        before = Deferred.fromCoroutine(self.sync.before(self.replicas[1]))
        session.works[0][1].errback(BrowserDied("signal 9"))
        self.successResultOf(before)

    def test_when_nobody_keeps_them_browsers_work_all_the_same(self) -> None:
        store = DownStore()
        self.sync = CookieSync(self.clock, store, self.replicas)
        self.change(0, cookie("login", "ada"))
        self.use(1)
        self.leave(1)
        self.assertEqual(self.values(1), {})
        store.is_down = False
        self.use(1)
        self.assertEqual(self.values(1), {"login": "ada"})

    def tearDown(self) -> None:
        self.sync.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class SettingTests(SynchronousTestCase):
    def test_a_cookie_of_one_host_stays_that_hosts(self) -> None:
        wanted = as_set(cookie("a", "b", path="/x", secure=True))
        self.assertEqual(wanted["url"], "https://example.com/x")
        self.assertNotIn("domain", wanted)
        self.assertNotIn("expires", wanted)

    def test_a_cookie_of_a_domain_is_set_for_the_domain(self) -> None:
        wanted = as_set(cookie("a", "b", domain=".example.com", expires=99.5, sameSite="Lax"))
        self.assertEqual((wanted["domain"], wanted["expires"]), (".example.com", 99.5))
        self.assertEqual(wanted["sameSite"], "Lax")
        self.assertNotIn("url", wanted)
