"""cloudflared, started anew when it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Protocol

from attrs import define, field
from automat import TypeMachineBuilder
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_aigate.interfaces import TunnelStatus
from twisted_aigate.kernel.latch import Latch
from twisted_aigate.kernel.processes import ChildProcess, ProcessReactor, spawn
from twisted_aigate.kernel.units import MINUTE
from twisted_aigate.tunnel.backoff import wait_before
from twisted_aigate.tunnel.output import LineLog, Lines, quick_url, tells_connection

_log = Logger()
_STEADY = MINUTE
"""After so long in connection, an end is the first one again."""


class _Child(ChildProcess):
    def __init__(self, clock: IReactorTime, supervisor: Supervisor) -> None:
        super().__init__(clock)
        # Each stream has lines of its own.
        self._out, self._err = Lines(supervisor.said), Lines(supervisor.said)

    def outReceived(self, data: bytes) -> None:
        self._out.feed(data)

    def errReceived(self, data: bytes) -> None:
        super().errReceived(data)
        self._err.feed(data)


class SupervisorEvents(Protocol):
    """What happens to the tunnel."""

    def start(self) -> None:
        """It is to run."""

    def connected(self) -> None:
        """It leads to Cloudflare."""

    def ended(self, how: str) -> None:
        """The process is gone, or could not be started."""

    def due(self) -> None:
        """It has been left alone for long enough."""

    def stop(self) -> None:
        """It is to run no more."""


@define(eq=False)
class Supervisor:
    """
    The tunnel, as a state machine.

    ::

               start            connected
        off --------> starting ----------> up
                        ^    |              |
                    due |    | ended        | ended
                        |    v              |
                       waiting <------------'

    C{stop} leads to C{stopping} where a process runs, and at once to C{stopped} where none does.

    @ivar reactor: Starts the process, and knows when it is due again.
    @ivar command: The program and its arguments.
    @ivar environment: All of its environment.
    @ivar random: Spreads the waits.
    @ivar urls: Where it leads to us from; of a quick tunnel that is known once it runs.
    @ivar is_quick: Its URL is another one each time, and is told in its output.
    @ivar state: Which state it is in.
    @ivar over: Opens when it has stopped.
    """

    reactor: ProcessReactor
    command: Sequence[str]
    environment: Mapping[str, str]
    random: Random
    urls: tuple[str, ...] = ()
    is_quick: bool = False
    state: str = "off"
    over: Latch[None] = field(factory=Latch)
    _reason: str | None = None
    _failures: int = 0
    _up_since: float | None = None
    _child: _Child | None = None
    _due: IDelayedCall | None = None
    _lines: LineLog = field(init=False)
    _events: SupervisorEvents = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._lines = LineLog(self.reactor)
        self._events = _machine(self)

    @property
    def events(self) -> SupervisorEvents:
        """Where what happens to it is told."""
        return self._events

    def status(self) -> TunnelStatus:
        """See L{twisted_aigate.interfaces.Tunnel}."""
        return TunnelStatus(self.state, self.urls, self._reason)

    def said(self, line: str) -> None:
        """The process has written a line."""
        self._lines.write(line)
        url = quick_url(line) if self.is_quick else None
        if url is not None and self.urls != (url,):
            self.urls = (url,)
            self.tell_urls()
        if tells_connection(line):
            self.events.connected()

    def tell_urls(self) -> None:
        """Say where the internet finds us."""
        for url in self.urls:
            _log.info("tunnel: the internet reaches this server at {url}", url=url)

    # What its states have done.

    def launch(self) -> None:
        """Start the process."""
        child = _Child(self.reactor, self)
        try:
            spawn(self.reactor, child, self.command, self.environment)
        except OSError as error:
            self.events.ended(f"it cannot be started: {error}")
            return
        self._child = child
        child.ended.addCallback(self._ended)

    def _ended(self, how: str) -> None:
        assert self._child is not None
        last = self._child.stderr_tail.strip().rpartition("\n")[2]
        self._child = None
        self.events.ended(f"{how}: {last}" if last else how)

    def went_up(self) -> None:
        """It is in connection."""
        self._up_since = self.reactor.seconds()
        self._reason = None

    def wait(self, why: str) -> None:
        """Leave it alone for a while."""
        if self._up_since is not None and self.reactor.seconds() - self._up_since >= _STEADY:
            self._failures = 0
        self._up_since = None
        self._failures += 1
        self._reason = why
        if self.is_quick:
            self.urls = ()
        seconds = wait_before(self._failures, self.random)
        _log.error(
            "tunnel: cloudflared has ended ({why}); it is started anew in {seconds} s",
            why=why,
            seconds=round(seconds, 1),
        )
        self._due = self.reactor.callLater(seconds, self._is_due)

    def _is_due(self) -> None:
        self._due = None
        self.events.due()

    def wait_no_more(self) -> None:
        """Do not start it anew."""
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def end(self) -> None:
        """End the process; L{SupervisorEvents.ended} follows."""
        if self._child is not None:
            self._child.terminate()


_builder = TypeMachineBuilder(SupervisorEvents, Supervisor)
_off = _builder.state("off")
_starting = _builder.state("starting")
_up = _builder.state("up")
_waiting = _builder.state("waiting")
_stopping = _builder.state("stopping")
_stopped = _builder.state("stopped")


@_off.upon(SupervisorEvents.start).to(_starting)
@_waiting.upon(SupervisorEvents.due).to(_starting)
def _start(events: SupervisorEvents, supervisor: Supervisor) -> None:
    supervisor.state = "starting"
    supervisor.launch()


@_starting.upon(SupervisorEvents.connected).to(_up)
def _connect(events: SupervisorEvents, supervisor: Supervisor) -> None:
    supervisor.state = "up"
    supervisor.went_up()


@_starting.upon(SupervisorEvents.ended).to(_waiting)
@_up.upon(SupervisorEvents.ended).to(_waiting)
def _wait(events: SupervisorEvents, supervisor: Supervisor, how: str) -> None:
    supervisor.state = "waiting"
    supervisor.wait(how)


@_starting.upon(SupervisorEvents.stop).to(_stopping)
@_up.upon(SupervisorEvents.stop).to(_stopping)
def _end(events: SupervisorEvents, supervisor: Supervisor) -> None:
    supervisor.state = "stopping"
    supervisor.end()


@_off.upon(SupervisorEvents.stop).to(_stopped)
@_waiting.upon(SupervisorEvents.stop).to(_stopped)
def _stop(events: SupervisorEvents, supervisor: Supervisor) -> None:
    supervisor.state = "stopped"
    supervisor.wait_no_more()
    supervisor.over.open(None)


@_stopping.upon(SupervisorEvents.ended).to(_stopped)
def _stop_ended(events: SupervisorEvents, supervisor: Supervisor, how: str) -> None:
    supervisor.state = "stopped"
    supervisor.over.open(None)


# One of its four connections comes and goes.
for _state in (_up, _stopping):
    _state.upon(SupervisorEvents.connected).loop().returns(None)
for _state in (_stopping, _stopped):
    _state.upon(SupervisorEvents.stop).loop().returns(None)

_machine = _builder.build()
