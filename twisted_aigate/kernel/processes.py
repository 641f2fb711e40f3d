"""
Child processes: the one place that starts them, and how they are ended.

Each child has its own session and so its own process group: what it starts ends with it, and a
Ctrl-C at our terminal does not reach it behind our back.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import (
    IDelayedCall,
    IProcessTransport,
    IReactorProcess,
    IReactorTime,
)
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from twisted_aigate.kernel.units import SECOND

_SETSID = "/usr/bin/setsid"
_ENV = "/usr/bin/env"
TERMINATE_GRACE = 10 * SECOND
_STDERR_TAIL = 4096
_PIPES: Mapping[int, int | str] = {0: "w", 1: "r", 2: "r"}
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


class ProcessReactor(IReactorProcess, IReactorTime):
    """What starts and times children."""


def minimal_environment(process: Mapping[str, str]) -> dict[str, str]:
    """What a child needs of our environment: no secret is in it."""
    return {name: process[name] for name in _PASSED_ON if name in process}


class ChildProcess(ProcessProtocol):
    """
    A child process. Subclasses take its output in C{outReceived}.

    @param clock: Where the wait between SIGTERM and SIGKILL lives.
    @ivar ended: Fires with the exit's description when the process is gone and reaped.
    @ivar exit_code: Its exit status; C{None} until then, and when a signal ended it.
    """

    transport: IProcessTransport

    def __init__(self, clock: IReactorTime) -> None:
        self.ended: Deferred[str] = Deferred()
        self.exit_code: int | None = None
        self._clock = clock
        self._stderr = b""
        self._kill: IDelayedCall | None = None
        self._gone = False
        self._group: int | None = None

    @property
    def pid(self) -> int | None:
        """Its id, and its group's; C{None} before it has one."""
        return self._group

    @property
    def stderr_tail(self) -> str:
        """The end of what the child wrote to standard error."""
        return self._stderr.decode("utf-8", "replace")

    def connectionMade(self) -> None:
        """The child runs. Its group has its id, which Twisted forgets when the child is gone."""
        self._group = self.transport.pid

    def errReceived(self, data: bytes) -> None:
        """Keep the end of standard error."""
        self._stderr = (self._stderr + data)[-_STDERR_TAIL:]

    def terminate(self, grace: float = TERMINATE_GRACE) -> None:
        """End its process group: SIGTERM, and after C{grace} seconds SIGKILL."""
        if self._gone or self._kill is not None:
            return
        self._signal_group(signal.SIGTERM)
        self._kill = self._clock.callLater(grace, self._signal_group, signal.SIGKILL)

    def kill(self) -> None:
        """End the child and what it started at once."""
        self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        if self._gone or self._group is None:
            return
        try:
            os.killpg(self._group, number)
        except (ProcessLookupError, PermissionError):
            # It was forked just now and does not lead its group yet, or none of them is left.
            with contextlib.suppress(ProcessExitedAlready):
                self.transport.signalProcess(number)

    def processExited(self, reason: Failure) -> None:
        """The child is gone; what it started and left behind goes too."""
        self._signal_group(signal.SIGKILL)

    def processEnded(self, reason: Failure) -> None:
        """The child is gone and its pipes are closed."""
        self._gone = True
        if self._kill is not None and self._kill.active():
            self._kill.cancel()
        number = getattr(reason.value, "signal", None)
        if number is None:
            self.exit_code = getattr(reason.value, "exitCode", None)
        self.ended.callback(f"signal {number}" if number else f"exit {self.exit_code}")


def spawn(
    reactor: IReactorProcess,
    child: ChildProcess,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path | None = None,
    descriptors: Mapping[int, int | str] = _PIPES,
) -> None:
    """
    Start a child.

    @param arguments: The program and its arguments.
    @param environment: All of its environment.
    @param folder: Where it runs.
    @param descriptors: Its descriptors: C{"r"} and C{"w"}, a pipe that we read or write; a number,
        that one of ours.
    @raise OSError: It cannot be started.
    """
    # setsid(1) makes the child the leader of a session of its own and becomes the program. env(1)
    # changes the folder: for one of its own a child is forked, at the cost of all our memory's page
    # tables, and without it is spawned.
    command = [_SETSID, *arguments]
    if folder is not None:
        command = [_ENV, f"--chdir={folder}", *command]
    reactor.spawnProcess(
        child,
        command[0],
        args=command,
        env=dict(environment),
        childFDs=dict(descriptors),
    )
