"""
Browsers that are sessions of a Selenium Grid (https://www.selenium.dev/documentation/grid/).

Their displays, files and networks are out of reach: input is the driver's, and what their pages may
reach is for whoever runs the Grid to say.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime

from twisted_aigate.browser.browser import Browser
from twisted_aigate.browser.errors import ActionFailed, BrowserDied
from twisted_aigate.browser.pace import Pace
from twisted_aigate.browser.session import Footprint, Session
from twisted_aigate.kernel.latch import Latch
from twisted_aigate.kernel.threads import Threads

_T = TypeVar("_T")


class GridReactor(IReactorFromThreads, IReactorTime):
    """What delivers what threads did, and keeps time."""


class GridLauncher:
    """
    A L{twisted_aigate.browser.launching.Launcher} of sessions.

    @param reactor: Delivers what threads did.
    @param url: The Grid's.
    @param folder: Where files are put on their way to it.
    """

    def __init__(self, reactor: GridReactor, url: str, folder: Path) -> None:
        self._reactor = reactor
        self._url = url
        self._folder = folder

    async def prepare(self) -> None:
        """See L{twisted_aigate.browser.launching.Launcher}; they need nothing here."""

    async def launch(self, name: str) -> Session:
        """See L{twisted_aigate.browser.launching.Launcher}."""
        thread = Threads(self._reactor, 1, name)
        pace = Pace(self._reactor.seconds)
        uploads = (self._folder / name / "uploads").absolute()
        try:
            browser = await thread.run(_connect, self._url, uploads, pace)
        except BaseException as error:
            # A session that comes after all is ended by the Grid, which sees it idle.
            await thread.run(lambda: None)
            thread.stop()
            if isinstance(error, ActionFailed):
                raise BrowserDied(str(error)) from None
            raise
        return GridSession(browser, thread)


class GridSession:
    """
    A L{Session} of a Grid.

    @param browser: The browser, for its thread.
    @param thread: A pool of one thread.
    """

    display: int | None = None

    def __init__(self, browser: Browser, thread: Threads) -> None:
        # Only a command that fails tells that it has ended.
        self.broken: Latch[str] = Latch()
        self._browser = browser
        self._thread = thread
        self._works = 0

    def run(self, work: Callable[[Browser], _T]) -> Deferred[_T]:
        """See L{Session}."""
        self._works += 1
        working = self._thread.run(work, self._browser)
        return working.addBoth(self._done)

    def _done(self, result: _T) -> _T:
        self._works -= 1
        return result

    def footprint(self) -> Deferred[Footprint]:
        """See L{Session}: it is asked for something, so that the Grid does not take it for left."""
        nothing = Footprint(0, 0)
        if self._works:
            return succeed(nothing)
        return self.run(lambda browser: browser.page.tabs()).addCallback(lambda _: nothing)

    async def end(self, *, asked: bool) -> None:
        """See L{Session}."""
        self._browser.pace.give_up()
        quitting = self._thread.run(lambda: self._browser.page.quit())
        # It may have ended before; one that hangs is ended by the Grid.
        quitting.addErrback(lambda _: None)
        await quitting
        self._thread.stop()


def _connect(*arguments: Any) -> Browser:
    # Imported when it is first needed: selenium costs memory and a second.
    from twisted_aigate.browser.connecting import connect_grid

    return connect_grid(*arguments)
