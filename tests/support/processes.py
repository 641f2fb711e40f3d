"""Child processes that are not started: the test plays them."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure


class FakeProcess:
    """
    A child, as its L{ProcessProtocol} sees it.

    @ivar written: What was written to its standard input.
    @ivar signals: What it was sent.
    """

    # No process has this id or could have: signals to its group fail and come to signalProcess.
    pid = 2**22 + 1

    def __init__(self, protocol: ProcessProtocol, arguments: list[str]) -> None:
        self.arguments = arguments
        self.written = b""
        self.signals: list[signal.Signals] = []
        self._protocol = protocol

    def writeToChild(self, descriptor: int, data: bytes) -> None:
        """Our side writes."""
        assert descriptor == 0
        self.written += data

    def signalProcess(self, number: signal.Signals) -> None:
        """Our side sends a signal."""
        self.signals.append(number)

    def say(self, data: bytes) -> None:
        """The child writes to its standard output."""
        self._protocol.childDataReceived(1, data)

    def end(self, status: int = 0, number: int | None = None) -> None:
        """The child ends."""
        ended: Exception = (
            ProcessDone(0) if status == 0 and number is None else ProcessTerminated(status, number)
        )
        self._protocol.processEnded(Failure(ended))


class FakeProcessReactor:
    """
    What starts children.

    @ivar processes: Those that were started, in order.
    """

    def __init__(self) -> None:
        self.processes: list[FakeProcess] = []

    def spawnProcess(
        self,
        protocol: ProcessProtocol,
        program: str,
        args: list[str],
        env: Mapping[str, str],
        **_: Any,
    ) -> FakeProcess:
        """See L{twisted.internet.interfaces.IReactorProcess}."""
        process = FakeProcess(protocol, args)
        self.processes.append(process)
        protocol.makeConnection(process)  # type: ignore[arg-type]
        return process
