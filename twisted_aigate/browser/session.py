"""A browser that runs: what its replica can ask of it, and one on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from twisted_aigate.browser.browser import Browser
from twisted_aigate.browser.children import Announcing
from twisted_aigate.browser.proxy.server import ProxyFactory
from twisted_aigate.kernel.adopted import AdoptedProcess
from twisted_aigate.kernel.latch import Latch
from twisted_aigate.kernel.process_table import identify, memory_of_sessions
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import SECOND

_T = TypeVar("_T")
_QUIT_TIMEOUT = 4 * SECOND
_TERMINATE_GRACE = 2 * SECOND


@frozen
class Footprint:
    """
    What a browser takes.

    @ivar memory: Bytes of memory.
    @ivar downloaded: Bytes of its downloads.
    """

    memory: int
    downloaded: int


class Session(Protocol):
    """
    A browser that runs.

    @ivar broken: Opens, with how, when it ends by itself.
    @ivar display: The number of its display; C{None}: that is out of reach.
    """

    broken: Latch[str]
    display: int | None

    def run(self, work: Callable[[Browser], _T]) -> Deferred[_T]:
        """Do something with it in its thread, after what is done there already."""

    def footprint(self) -> Deferred[Footprint]:
        """What it takes; 0: that is not known."""

    async def end(self, *, asked: bool) -> None:
        """
        End it, until nothing of it is left.

        @param asked: It is asked first, and so keeps what it has not written yet; whatever goes on
            in its thread is waited for.
        """


class LocalSession:
    """
    A L{Session} on this machine.

    @param reactor: Watches its processes.
    @param browser: The browser, for its thread.
    @param thread: A pool of one thread.
    @param files: Where processes are looked at.
    @param children: Its driver, and its X server if it has one here.
    @param proxy: What its traffic goes through.
    @param port: Where that listens.
    @param pid: The browser's own process, if that is known.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        browser: Browser,
        thread: Threads,
        files: Threads,
        children: list[Announcing],
        proxy: ProxyFactory,
        port: IListeningPort,
        display: int,
        pid: int | None,
    ) -> None:
        self.broken: Latch[str] = Latch()
        self.display: int | None = display
        self._reactor = reactor
        self._browser = browser
        self._thread = thread
        self._files = files
        self._children = children
        self._proxy = proxy
        self._port = port
        self._process = self._watch(pid)
        for child in children:
            child.gone.wait().addCallback(self._child_ended, child)

    def _watch(self, pid: int | None) -> AdoptedProcess | None:
        identity = None if pid is None else identify(pid)
        if identity is None:
            return None
        try:
            process = AdoptedProcess(self._reactor, identity)
        except ProcessLookupError:
            self.broken.open("the browser ended")
            return None
        process.ended.addCallback(lambda _: self.broken.open("the browser ended"))
        return process

    def _child_ended(self, how: str, child: Announcing) -> None:
        self.broken.open(f"{child.name} ended ({how})")

    def run(self, work: Callable[[Browser], _T]) -> Deferred[_T]:
        """See L{Session}."""
        return self._thread.run(work, self._browser)

    def footprint(self) -> Deferred[Footprint]:
        """See L{Session}."""
        pids = [child.pid for child in self._children if child.pid is not None]
        return self._files.run(_measure, pids, self._browser.downloads)

    async def end(self, *, asked: bool) -> None:
        """See L{Session}."""
        if self._process is not None:
            self._process.let_go()
        if not asked:
            self._browser.pace.give_up()
        elif self.broken.value is None:
            quitting = self._thread.run(_quit, self._browser)
            quitting.addTimeout(_QUIT_TIMEOUT, self._reactor)
            # A browser that does not end when it is asked is ended all the same.
            quitting.addErrback(lambda _: None)
            await quitting
        await end_children(self._children)
        self._browser.pace.give_up()
        self._proxy.abort()
        await _closed(self._port)
        # With its processes gone, whatever the thread waited for has failed.
        await self._thread.run(lambda: None)
        self._thread.stop()


def _measure(sessions: list[int], downloads: Path | None) -> Footprint:
    sizes = 0
    for path in () if downloads is None else downloads.iterdir():
        with contextlib.suppress(FileNotFoundError):
            sizes += path.stat().st_size
    return Footprint(memory_of_sessions(sessions), sizes)


def _quit(browser: Browser) -> None:
    browser.page.quit()


async def end_children(children: list[Announcing]) -> None:
    """End processes, and wait until they are gone."""
    for child in children:
        child.end(_TERMINATE_GRACE)
    await DeferredList([child.gone.wait() for child in children])


async def _closed(port: IListeningPort) -> None:
    closing = port.stopListening()
    if isinstance(closing, Deferred):
        await closing
