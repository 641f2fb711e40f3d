"""Starting a browser on this machine, with all that it needs around it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred, TimeoutError

from twisted_aigate.browser.authority import write_authority
from twisted_aigate.browser.browser import Browser
from twisted_aigate.browser.children import Announcing, start_driver, start_x_server
from twisted_aigate.browser.errors import BrowserDied
from twisted_aigate.browser.leftovers import MARK
from twisted_aigate.browser.pace import Pace
from twisted_aigate.browser.programs import Programs
from twisted_aigate.browser.proxy.server import ProxyFactory
from twisted_aigate.browser.proxy.traffic import ProxyTraffic
from twisted_aigate.browser.session import LocalSession, Session, end_children
from twisted_aigate.http_client.guarded import Resolve
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import SECOND

_T = TypeVar("_T")
_START_TIMEOUT = 20 * SECOND
_DRIVER_ATTEMPTS = 3
_LOOPBACK = "127.0.0.1"
_FOLDERS = ("profile", "downloads", "uploads", "home", "tmp")
_FRESH = ("uploads", "tmp")
_AUTHORITY = "XAUTHORITY"
_SINGLETON = ("SingletonLock", "SingletonCookie", "SingletonSocket")


class Launcher(Protocol):
    """Starts browsers."""

    async def prepare(self) -> None:
        """Have what all browsers need; once, before any is launched."""

    async def launch(self, name: str) -> Session:
        """
        Start a browser.

        @param name: Whose; its files are kept under it.
        @raise BrowserDied: It does not start; nothing of it is left.
        """


class LocalLauncher:
    """
    Starts browsers on this machine.

    @param reactor: Starts processes, listens, connects.
    @param programs: What is started.
    @param folder: Where all browsers' files are.
    @param environment: What their processes are given of our environment.
    @param files: Where files are written, and processes looked at.
    @param resolve: Finds a host's addresses.
    @param allowed: Whether a page may reach an address.
    @param own_machine: Whether it may reach this machine's own.
    @param random: Makes input uneven.
    """

    def __init__(
        self,
        reactor: Any,
        programs: Programs,
        folder: Path,
        environment: Mapping[str, str],
        files: Threads,
        resolve: Resolve,
        allowed: Callable[[str], bool],
        own_machine: bool,
        random: Random,
    ) -> None:
        self._reactor = reactor
        self._programs = programs
        self._folder = folder
        self._authority = (folder / "Xauthority").absolute()
        self._environment = environment
        self._files = files
        self._resolve = resolve
        self._allowed = allowed
        self._own_machine = own_machine
        self._random = random

    async def prepare(self) -> None:
        """Have what all browsers need; once, before any is launched."""
        await self._files.run(write_authority, self._authority)
        # The X clients in this process have no other way to be told.
        os.environ[_AUTHORITY] = str(self._authority)

    async def launch(self, name: str) -> Session:
        """See L{Launcher}."""
        folder = (self._folder / name).absolute()
        await self._files.run(_prepare, folder)
        traffic = ProxyTraffic(self._reactor.seconds)
        proxy = ProxyFactory(
            self._reactor, self._resolve, self._allowed, self._own_machine, traffic
        )
        port = self._reactor.listenTCP(0, proxy, interface=_LOOPBACK)
        thread = Threads(self._reactor, 1, name)
        children: list[Announcing] = []
        pace = Pace(self._reactor.seconds)
        try:
            environment = self._environment_in(folder)
            x_server = start_x_server(
                self._reactor, self._programs.x_server, environment, self._authority
            )
            children.append(x_server)
            display = await self._in_time(x_server.ready)
            environment["DISPLAY"] = f":{display}"
            driver_port = await self._start_driver(environment, children)
            browser = await thread.run(
                _connect,
                self._programs.chromium,
                driver_port,
                display,
                port.getHost().port,
                folder,
                traffic,
                pace,
                self._random,
            )
        except BaseException as error:
            # A launch that is given up too leaves nothing.
            pace.give_up()
            proxy.abort()
            await end_children(children)
            await thread.run(lambda: None)
            thread.stop()
            port.stopListening()
            if isinstance(error, OSError):
                raise BrowserDied(f"a process cannot be started: {error}") from None
            raise
        pid = browser.page.capabilities.get("goog:processID")
        return LocalSession(
            self._reactor, browser, thread, self._files, children, proxy, port, display, pid
        )

    async def _start_driver(self, environment: dict[str, str], children: list[Announcing]) -> int:
        attempts = 0
        while True:
            driver = start_driver(self._reactor, self._programs.driver, environment)
            # It goes first when all are ended.
            children.insert(0, driver)
            attempts += 1
            try:
                return await self._in_time(driver.ready)
            except BrowserDied:
                # It takes a port that is free for IPv4, and ends if that is not so for IPv6 too.
                if attempts == _DRIVER_ATTEMPTS or driver.gone.value is None:
                    raise
            children.remove(driver)

    def _environment_in(self, folder: Path) -> dict[str, str]:
        return {
            **self._environment,
            MARK: str(self._folder.absolute()),
            _AUTHORITY: str(self._authority),
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            # There is no session bus, and looking for one takes time.
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
        }

    async def _in_time(self, ready: Deferred[_T]) -> _T:
        ready.addTimeout(_START_TIMEOUT, self._reactor)
        try:
            return await ready
        except TimeoutError:
            raise BrowserDied(f"a process is not ready within {_START_TIMEOUT:g} s") from None


def _connect(*arguments: Any) -> Browser:
    # Imported when it is first needed: selenium costs memory and a second.
    from twisted_aigate.browser.connecting import connect_local

    return connect_local(*arguments)


def _prepare(folder: Path) -> None:
    for name in _FRESH:
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in _SINGLETON:
        # What one that was killed has left; there is no other on this profile.
        with contextlib.suppress(FileNotFoundError):
            (folder / "profile" / name).unlink()
    for path in (folder / "downloads").glob("*.crdownload"):
        path.unlink()
