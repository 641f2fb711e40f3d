"""A replica: a browser that is started when it is wanted and started anew when it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from attrs import define, field
from automat import TypeMachineBuilder
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.browser.browser import Browser
from twisted_aigate.browser.errors import BrowserDied
from twisted_aigate.browser.launching import Launcher
from twisted_aigate.browser.session import Session
from twisted_aigate.kernel.latch import Latch
from twisted_aigate.kernel.units import MINUTE, SECOND

_T = TypeVar("_T")
_log = Logger()
_WINDOW = MINUTE
_MOST_LAUNCHES = 6
_BREATH = 10 * SECOND


class ReplicaEvents(Protocol):
    """What happens to a replica."""

    def wanted(self) -> None:
        """Someone waits for it."""

    def launched(self, session: Session) -> None:
        """Its browser runs."""

    def failed(self, why: str) -> None:
        """Its browser does not start; nothing is left of the attempt."""

    def taken(self) -> None:
        """A request has it."""

    def freed(self) -> None:
        """The request is over."""

    def broken(self, why: str) -> None:
        """Its browser has ended, or is of no use any more."""

    def ended(self) -> None:
        """Nothing is left of its browser."""

    def stop(self) -> None:
        """No browser is to run any more."""


@define(eq=False)
class Replica:
    """
    A replica, as a state machine.

    ::

                wanted            launched          taken
        absent --------> starting --------> idle <--------> busy
          ^                 |  ^             |       freed    |
          '-----------------'  | ended       | broken         | broken
                failed         |             v                |
                               '---------- healing <----------'

    From every state C{stop} leads to C{stopping}, or at once to C{stopped} when nothing runs.

    @ivar name: Its name, which clients are pinned to it by.
    @ivar launcher: Starts its browser.
    @ivar clock: What time it is.
    @ivar changed: Called when a request could have it now, or when none can.
    @ivar session: Its browser, while it runs.
    @ivar state: Which state it is in.
    @ivar idle_since: Since when no request has had it.
    @ivar recovered: Its browser was started anew, and nobody has been told.
    @ivar failure: Why it did not start the last time.
    @ivar over: Opens when it has stopped.
    """

    name: str
    launcher: Launcher
    clock: IReactorTime
    changed: Callable[[Replica], None]
    session: Session | None = None
    state: str = "absent"
    idle_since: float = 0.0
    recovered: bool = False
    failure: str | None = None
    over: Latch[None] = field(factory=Latch)
    _launching: Deferred[None] | None = None
    _launches: list[float] = field(factory=list)
    _events: ReplicaEvents = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._events = _machine(self)

    @property
    def events(self) -> ReplicaEvents:
        """Where what happens to it is told."""
        return self._events

    def take(self) -> None:
        """A request has it; L{ReplicaEvents.freed} gives it back."""
        # Said at once: within what an event sets off, the next event waits for its turn.
        self.state = "busy"
        self._launches.clear()
        self._events.taken()

    def want(self) -> None:
        """Someone waits for it."""
        if self.state == "absent":
            self.state = "starting"
        self._events.wanted()

    def run(self, work: Callable[[Browser], _T]) -> Deferred[_T]:
        """
        Do something with its browser, in that one's thread.

        @raise BrowserDied: It does not run.
        """
        if self.session is None:
            raise BrowserDied("the browser ended")
        return self.session.run(work)

    # What its states have done.

    def enter(self, state: str) -> None:
        """It is in another state."""
        self.state = state
        if state == "idle":
            self.idle_since = self.clock.seconds()
        self.changed(self)

    def launch(self) -> None:
        """Start a browser."""
        self._launching = Deferred.fromCoroutine(self._launch())
        self._launching.addErrback(self._log_failure)

    async def _launch(self) -> None:
        try:
            await self._breathe()
            session = await self.launcher.launch(self.name)
        except BrowserDied as error:
            self.events.failed(str(error))
        except CancelledError:
            self.events.failed("the server is stopping")
        except Exception as error:
            _log.failure("{name}: its browser does not start", name=self.name)
            self.events.failed(type(error).__name__)
        else:
            _log.info("{name}: its browser runs", name=self.name)
            session.broken.wait().addCallback(self._session_broke, session)
            self.events.launched(session)

    async def _breathe(self) -> None:
        # What ends again and again, and serves nobody, must not keep the machine busy.
        now = self.clock.seconds()
        self._launches = [at for at in self._launches if now - at < _WINDOW]
        if len(self._launches) >= _MOST_LAUNCHES:
            waiting: Deferred[None] = Deferred()
            call = self.clock.callLater(_BREATH, waiting.callback, None)
            try:
                await waiting
            finally:
                if call.active():
                    call.cancel()
        self._launches.append(self.clock.seconds())

    def _session_broke(self, why: str, session: Session) -> None:
        if self.session is session:
            self.events.broken(why)

    def give_up_launching(self) -> None:
        """Have the browser that is starting not start."""
        if self._launching is not None:
            self._launching.cancel()

    def end_session(self, *, asked: bool) -> None:
        """End the browser; L{ReplicaEvents.ended} follows."""
        session, self.session = self.session, None
        assert session is not None
        ending = Deferred.fromCoroutine(session.end(asked=asked))
        ending.addErrback(self._log_failure)
        ending.addCallback(lambda _: self.events.ended())

    def _log_failure(self, failure: Failure) -> None:
        _log.failure("{name}: starting or ending a browser failed", failure, name=self.name)


_builder = TypeMachineBuilder(ReplicaEvents, Replica)
_absent = _builder.state("absent")
_starting = _builder.state("starting")
_idle = _builder.state("idle")
_busy = _builder.state("busy")
_healing = _builder.state("healing")
_stopping = _builder.state("stopping")
_stopped = _builder.state("stopped")


@_absent.upon(ReplicaEvents.wanted).to(_starting)
def _start(events: ReplicaEvents, replica: Replica) -> None:
    replica.failure = None
    replica.enter("starting")
    replica.launch()


@_starting.upon(ReplicaEvents.launched).to(_idle)
def _ready(events: ReplicaEvents, replica: Replica, session: Session) -> None:
    replica.session = session
    replica.enter("idle")


@_starting.upon(ReplicaEvents.failed).to(_absent)
def _fail(events: ReplicaEvents, replica: Replica, why: str) -> None:
    _log.error("{name}: its browser does not start: {why}", name=replica.name, why=why)
    replica.failure = why
    replica.enter("absent")


@_idle.upon(ReplicaEvents.taken).to(_busy)
def _take(events: ReplicaEvents, replica: Replica) -> None:
    replica.enter("busy")


@_busy.upon(ReplicaEvents.freed).to(_idle)
def _free(events: ReplicaEvents, replica: Replica) -> None:
    replica.enter("idle")


@_idle.upon(ReplicaEvents.broken).to(_healing)
@_busy.upon(ReplicaEvents.broken).to(_healing)
def _heal(events: ReplicaEvents, replica: Replica, why: str) -> None:
    _log.warn("{name}: its browser is started anew: {why}", name=replica.name, why=why)
    replica.recovered = True
    replica.enter("healing")
    replica.end_session(asked=False)


@_healing.upon(ReplicaEvents.ended).to(_starting)
def _restart(events: ReplicaEvents, replica: Replica) -> None:
    replica.failure = None
    replica.enter("starting")
    replica.launch()


@_starting.upon(ReplicaEvents.stop).to(_stopping)
def _give_up(events: ReplicaEvents, replica: Replica) -> None:
    replica.enter("stopping")
    replica.give_up_launching()


@_idle.upon(ReplicaEvents.stop).to(_stopping)
@_busy.upon(ReplicaEvents.stop).to(_stopping)
def _end(events: ReplicaEvents, replica: Replica) -> None:
    replica.enter("stopping")
    replica.end_session(asked=True)


@_healing.upon(ReplicaEvents.stop).to(_stopping)
def _wait(events: ReplicaEvents, replica: Replica) -> None:
    replica.enter("stopping")


@_stopping.upon(ReplicaEvents.launched).loop()
def _end_late(events: ReplicaEvents, replica: Replica, session: Session) -> None:
    replica.session = session
    replica.end_session(asked=True)


@_absent.upon(ReplicaEvents.stop).to(_stopped)
@_stopping.upon(ReplicaEvents.ended).to(_stopped)
def _stop(events: ReplicaEvents, replica: Replica) -> None:
    replica.enter("stopped")
    replica.over.open(None)


@_stopping.upon(ReplicaEvents.failed).to(_stopped)
def _stop_unstarted(events: ReplicaEvents, replica: Replica, why: str) -> None:
    replica.enter("stopped")
    replica.over.open(None)


for _state in (_starting, _idle, _busy, _healing, _stopping, _stopped):
    _state.upon(ReplicaEvents.wanted).loop().returns(None)
for _state in (_absent, _starting, _healing, _stopping, _stopped):
    _state.upon(ReplicaEvents.broken).loop().returns(None)
for _state in (_absent, _starting, _idle, _healing, _stopping, _stopped):
    _state.upon(ReplicaEvents.freed).loop().returns(None)
for _state in (_stopping, _stopped):
    _state.upon(ReplicaEvents.stop).loop().returns(None)

_machine = _builder.build()
