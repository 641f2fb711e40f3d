"""
One login serves the fleet: cookies that one browser got are given to the others.

They are asked for when another browser is about to do something, or when theirs has been idle for
a moment: a browser that works alone does nothing for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from attrs import define, field
from twisted.internet.defer import Deferred, DeferredList, TimeoutError
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.browser.browser import Browser
from twisted_aigate.browser.cookie_store import (
    Change,
    Cookie,
    CookieStore,
    CookiesUnavailable,
    Key,
    as_set,
    key_of,
)
from twisted_aigate.browser.errors import ActionFailed, BrowserDied, PageHung
from twisted_aigate.browser.replica import Replica
from twisted_aigate.browser.session import Session
from twisted_aigate.kernel.units import SECOND

_PATIENCE = 2 * SECOND
_IDLE = SECOND


@define
class _Known:
    """What is known of a session: its cookies, and up to where it has been told of others'."""

    session: Session
    cookies: dict[Key, Cookie] = field(factory=dict)
    version: int = 0
    is_fresh: bool = False


class CookieSync:
    """
    Keeps the browsers' cookies alike.

    @param clock: Where the wait for an idle moment lives.
    @param store: All cookies.
    @param replicas: The browsers.
    """

    _log = Logger()

    def __init__(
        self, clock: IReactorTime, store: CookieStore, replicas: Iterable[Replica]
    ) -> None:
        self._clock = clock
        self._store = store
        self._replicas = replicas
        self._known: dict[str, _Known] = {}
        self._calls: dict[str, IDelayedCall] = {}

    async def before(self, replica: Replica) -> None:
        """
        A browser is about to do something: it gets what the others have.

        @raise BrowserDied: It ended.
        """
        others = [
            other
            for other in self._replicas
            if other is not replica and other.state == "idle" and not self._is_fresh(other)
        ]
        if others:
            await DeferredList([self._collecting(other) for other in others])
        known = self._known_of(replica)
        if known is None:
            return
        try:
            version, changes = await self._store.since(known.version)
        except CookiesUnavailable:
            # It goes without; that what keeps them is down is logged there.
            return
        wanted = [change for change in changes if not _is_same(known, change)]
        if wanted:
            for change in await replica.run(lambda browser: _apply(browser, wanted)):
                if change.cookie is None:
                    known.cookies.pop(change.key, None)
                else:
                    known.cookies[change.key] = change.cookie
        known.version = version

    def after(self, replica: Replica) -> None:
        """A browser has done something."""
        known = self._known_of(replica)
        if known is None:
            return
        known.is_fresh = False
        call = self._calls.get(replica.name)
        if call is not None and call.active():
            call.reset(_IDLE)
        else:
            self._calls[replica.name] = self._clock.callLater(_IDLE, self._idle, replica)

    def stop(self) -> None:
        """Ask no more."""
        for call in self._calls.values():
            if call.active():
                call.cancel()

    def _idle(self, replica: Replica) -> None:
        if replica.state == "idle" and not self._is_fresh(replica):
            self._collecting(replica)

    def _known_of(self, replica: Replica) -> _Known | None:
        session = replica.session
        if session is None:
            return None
        known = self._known.get(replica.name)
        if known is None or known.session is not session:
            known = self._known[replica.name] = _Known(session)
        return known

    def _is_fresh(self, replica: Replica) -> bool:
        known = self._known_of(replica)
        return known is None or known.is_fresh

    def _collecting(self, replica: Replica) -> Deferred[None]:
        collecting = Deferred.fromCoroutine(self._collect(replica))
        collecting.addErrback(self._not_collected, replica)
        return collecting

    async def _collect(self, replica: Replica) -> None:
        known = self._known_of(replica)
        assert known is not None
        known.is_fresh = True
        asked = replica.run(_cookies)
        asked.addTimeout(_PATIENCE, self._clock)
        found = {key_of(cookie): cookie for cookie in await asked}
        changes = [
            Change(key, cookie)
            for key, cookie in found.items()
            if key not in known.cookies or as_set(known.cookies[key]) != as_set(cookie)
        ]
        changes += [Change(key, None) for key in known.cookies if key not in found]
        if changes:
            try:
                await self._store.learn(changes)
            except CookiesUnavailable:
                # They are told when they are asked for again.
                known.is_fresh = False
                return
        known.cookies = found

    def _not_collected(self, failure: Failure, replica: Replica) -> None:
        if failure.check(TimeoutError, ActionFailed, BrowserDied) is None:
            self._log.failure("cookies were not collected", failure)
            return
        self._log.warn(
            "{name}: its cookies are not to be had: {why}",
            name=replica.name,
            why=str(failure.value) or "it does not answer",
        )


def _is_same(known: _Known, change: Change) -> bool:
    have = known.cookies.get(change.key)
    if have is None or change.cookie is None:
        return have is change.cookie
    return as_set(have) == as_set(change.cookie)


def _cookies(browser: Browser) -> list[Cookie]:
    found: list[Cookie] = browser.page.devtools("Storage.getCookies")["cookies"]
    return found


def _apply(browser: Browser, changes: list[Change]) -> list[Change]:
    """
    Tell a browser of changes.

    @return: Those that it has made its own.
    """
    for change in changes:
        if change.cookie is None:
            name, domain, path, partition = change.key
            same: dict[str, Any] = {"name": name, "domain": domain, "path": path}
            if partition != "null":
                same["partitionKey"] = msgspec.json.decode(partition)
            browser.page.devtools("Network.deleteCookies", same)
    wanted = [as_set(change.cookie) for change in changes if change.cookie is not None]
    if not wanted:
        return changes
    try:
        browser.page.devtools("Storage.setCookies", {"cookies": wanted})
    except ActionFailed:
        # One that is refused is no reason to go without the others.
        return [
            change for change in changes if change.cookie is None or _takes(browser, change.cookie)
        ]
    return changes


def _takes(browser: Browser, cookie: Cookie) -> bool:
    try:
        browser.page.devtools("Network.setCookie", as_set(cookie))
    except PageHung:
        raise
    except ActionFailed:
        return False
    return True
