"""A run, from the request to its end: a state machine."""

from __future__ import annotations

from typing import Protocol

from attrs import define, field
from automat import TypeMachineBuilder
from twisted.internet.defer import Deferred

from twisted_aigate.claudebox.records import (
    CANCELLED,
    RUNNING,
    STOPPED,
    TIMED_OUT,
    Outcome,
    RunRecord,
)
from twisted_aigate.claudebox.workspaces import Workspace
from twisted_aigate.kernel.latch import Latch

CLIENT_LEFT = Outcome(CANCELLED, "The client left.")
CANCEL_ASKED = Outcome(CANCELLED, "The run was cancelled.")
TIMEOUT = Outcome(TIMED_OUT, "The run took longer than it may.")
SHUTDOWN = Outcome(STOPPED, "The server is stopping.")


class RunProcess(Protocol):
    """
    The process of a run.

    @ivar ended: Fires when it has ended.
    @ivar exit_code: Its exit status, if it is known.
    """

    ended: Deferred[str]
    exit_code: int | None


class RunWork(Protocol):
    """What a run's states have done; each call returns at once."""

    def terminate(self, run: Run) -> None:
        """Have all processes of the run end: asked first, then killed."""

    def settle(self, run: Run) -> None:
        """See what the ended process has left, then call L{RunEvents.settled}."""


class RunEvents(Protocol):
    """What happens to a run."""

    def spawned(self, process: RunProcess) -> None:
        """Its process runs."""

    def end(self, why: Outcome) -> None:
        """It is to end before it is done."""

    def exited(self) -> None:
        """Its process has ended."""

    def settled(self, outcome: Outcome) -> None:
        """What its process has left is seen to, or it never got one."""


@define(eq=False)
class Run:
    """
    A run, as a state machine.

    ::

                     spawned             exited              settled
        preparing ------------> running ---------> settling ---------> over
            |                     |  end              ^                 ^
            | end                 v                   | exited          |
            |                   ending ---------------'                 |
            v        settled                                            |
        withdrawn ------------------------------------------------------'

    From C{preparing} too C{settled} leads to C{over}: there was no process to be had. C{end} is
    heard once: after it, and after the process's end, it changes nothing.

    @ivar record: What the database knows of it.
    @ivar workspace: Where it runs.
    @ivar process: Its process.
    @ivar why: Why it was ended before it was done.
    @ivar started: Opens when its process runs and is known to the database, or when there is none.
    @ivar over: Opens with how it ended.
    """

    record: RunRecord
    workspace: Workspace
    work: RunWork
    process: RunProcess | None = None
    why: Outcome | None = None
    started: Latch[bool] = field(factory=Latch)
    over: Latch[Outcome] = field(factory=Latch)
    _events: RunEvents = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._events = _machine(self)

    @property
    def events(self) -> RunEvents:
        """Where what happens to it is told."""
        return self._events

    @property
    def is_ending(self) -> bool:
        """Its process has ended, or is about to: what is left takes no longer than that."""
        return self.why is not None or (
            self.process is not None and bool(self.process.ended.called)
        )

    @property
    def status(self) -> str:
        """How it stands."""
        if self.over.value is not None:
            return self.over.value.status
        return RUNNING if self.why is None else "ending"


_builder = TypeMachineBuilder(RunEvents, Run)
_preparing = _builder.state("preparing")
_withdrawn = _builder.state("withdrawn")
_running = _builder.state("running")
_ending = _builder.state("ending")
_settling = _builder.state("settling")
_over = _builder.state("over")


@_preparing.upon(RunEvents.spawned).to(_running)
def _begin(events: RunEvents, run: Run, process: RunProcess) -> None:
    run.process = process


@_preparing.upon(RunEvents.end).to(_withdrawn)
def _withdraw(events: RunEvents, run: Run, why: Outcome) -> None:
    run.why = why


@_running.upon(RunEvents.end).to(_ending)
def _terminate(events: RunEvents, run: Run, why: Outcome) -> None:
    run.why = why
    run.work.terminate(run)


@_running.upon(RunEvents.exited).to(_settling)
@_ending.upon(RunEvents.exited).to(_settling)
def _settle(events: RunEvents, run: Run) -> None:
    run.work.settle(run)


@_preparing.upon(RunEvents.settled).to(_over)
@_withdrawn.upon(RunEvents.settled).to(_over)
@_settling.upon(RunEvents.settled).to(_over)
def _finish(events: RunEvents, run: Run, outcome: Outcome) -> None:
    run.started.open(False)
    run.over.open(outcome)


for _state in (_withdrawn, _ending, _settling, _over):
    _state.upon(RunEvents.end).loop().returns(None)

_machine = _builder.build()
