"""The processes of a browser: its X server and its driver, which starts the browser itself."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from twisted_aigate.browser.errors import BrowserDied
from twisted_aigate.kernel.latch import Latch
from twisted_aigate.kernel.processes import ChildProcess, ProcessReactor, spawn

WIDTH, HEIGHT = 1920, 1080
"""Pixels of a desktop, which the browser's window fills."""

_DISPLAY_DESCRIPTOR = 3
_STARTED = re.compile(rb"started successfully on port (\d+)")
_MOST_WORDS = 64 * 1024


class Announcing(ChildProcess):
    """
    A child that says once, when it is ready, where it is to be found.

    @param clock: Where the wait between SIGTERM and SIGKILL lives.
    @param name: What messages call it.
    @ivar ready: Fires with the number that it says; fails with L{BrowserDied} when it ends first.
    @ivar gone: Opens, with how, when it has ended.
    """

    def __init__(self, clock: IReactorTime, name: str) -> None:
        super().__init__(clock)
        self.name = name
        self.gone: Latch[str] = Latch()
        self.ended.addCallback(self.gone.open)
        self.ready: Deferred[int] = Deferred()
        self._said = b""

    def end(self, grace: float) -> None:
        """
        End it: at once, and with it all that it started.

        @param grace: Seconds for one that has things to put away.
        """
        self.kill()

    def announced(self, number: int) -> None:
        """It is ready."""
        if not self.ready.called:
            self.ready.callback(number)

    def processEnded(self, reason: Failure) -> None:
        """It is gone."""
        super().processEnded(reason)
        if not self.ready.called:
            last = self.stderr_tail.strip().splitlines()[-1:]
            self.ready.errback(BrowserDied(": ".join((f"{self.name} does not start", *last))))


class XServer(Announcing):
    """
    A display of its own.

    @ivar number: The display's number, once it is ready.
    """

    number: int | None = None

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """It says which display it is."""
        if childFD != _DISPLAY_DESCRIPTOR:
            super().childDataReceived(childFD, data)
            return
        self._said += data
        if self._said.endswith(b"\n"):
            self.number = int(self._said)
            self.announced(self.number)

    def end(self, grace: float) -> None:
        """End it; asked first, it takes its socket with it."""
        self.terminate(grace)

    def processEnded(self, reason: Failure) -> None:
        """It is gone; one that was killed has left its socket."""
        if self.number is not None:
            _clear_display(self.number)
        super().processEnded(reason)


def _clear_display(number: int) -> None:
    path = Path(f"/tmp/.X11-unix/X{number}")  # noqa: S108 (an X server's own)
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            # Nobody listens: no other server has the number by now.
            path.unlink(missing_ok=True)
        except OSError:
            # It has taken it along.
            return


class Driver(Announcing):
    """ChromeDriver; it leads the session and the group that the browser's processes are in."""

    def outReceived(self, data: bytes) -> None:
        """It says on which port it listens."""
        if self.ready.called:
            return
        self._said = (self._said + data)[-_MOST_WORDS:]
        found = _STARTED.search(self._said)
        if found is not None:
            self.announced(int(found[1]))


def start_x_server(
    reactor: ProcessReactor, binary: str, environment: dict[str, str], authority: Path
) -> XServer:
    """
    Start an X server.

    @param authority: The file with the secret of who may connect.
    @raise OSError: It cannot be started.
    """
    child = XServer(reactor, "Xvfb")
    screen = f"{WIDTH}x{HEIGHT}x24"
    arguments = [binary, "-displayfd", str(_DISPLAY_DESCRIPTOR), "-screen", "0", screen]
    arguments += ["-auth", str(authority), "-nolisten", "tcp", "-noreset"]
    pipes: dict[int, int | str] = {0: "w", 1: "r", 2: "r", _DISPLAY_DESCRIPTOR: "r"}
    spawn(reactor, child, arguments, environment, descriptors=pipes)
    return child


def start_driver(reactor: ProcessReactor, binary: str, environment: dict[str, str]) -> Driver:
    """
    Start a driver.

    @raise OSError: It cannot be started.
    """
    child = Driver(reactor, "ChromeDriver")
    spawn(reactor, child, [binary, "--port=0", "--log-level=SEVERE"], environment)
    return child
