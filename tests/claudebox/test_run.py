"""A run as a state machine: every transition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from automat import NoTransition
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.claudebox.records import COMPLETED, Outcome, RunRecord
from twisted_aigate.claudebox.run import CANCEL_ASKED, CLIENT_LEFT, SHUTDOWN, TIMEOUT, Run
from twisted_aigate.claudebox.workspaces import Workspace

_RECORD = RunRecord("1", "ws", "session", False, False, 0.0, None)
_DONE = Outcome(COMPLETED, exit_code=0)
_REASONS = (CLIENT_LEFT, CANCEL_ASKED, TIMEOUT, SHUTDOWN)


class Process:
    """A process that runs."""

    def __init__(self) -> None:
        self.ended: Deferred[str] = Deferred()
        self.exit_code: int | None = None


class Work:
    """Remembers what it was to do."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def terminate(self, run: Run) -> None:
        self.calls.append("terminate")

    def settle(self, run: Run) -> None:
        self.calls.append("settle")


class RunCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.work = Work()
        self.run_ = Run(_RECORD, Workspace("ws", Path("/ws")), self.work)
        self.process = Process()

    def spawned(self) -> None:
        self.run_.events.spawned(self.process)

    def end(self, why: Outcome = CANCEL_ASKED) -> None:
        self.run_.events.end(why)

    def exited(self) -> None:
        self.run_.events.exited()

    def settled(self, outcome: Outcome = _DONE) -> None:
        self.run_.events.settled(outcome)

    def reach(self, state: str) -> None:
        """Bring the run into a state."""
        steps: dict[str, tuple[Any, ...]] = {
            "preparing": (),
            "withdrawn": (self.end,),
            "running": (self.spawned,),
            "ending": (self.spawned, self.end),
            "settling": (self.spawned, self.exited),
            "over": (self.spawned, self.exited, self.settled),
        }
        for step in steps[state]:
            step()
        self.work.calls.clear()


class TransitionTests(RunCase):
    def test_from_the_beginning_to_the_end(self) -> None:
        self.assertEqual(self.run_.status, "running")
        self.assertIsNone(self.run_.process)
        self.spawned()
        self.assertIs(self.run_.process, self.process)
        self.exited()
        self.assertEqual((self.run_.status, self.work.calls), ("running", ["settle"]))
        over = self.run_.over.wait()
        self.assertNoResult(over)
        self.settled()
        self.assertEqual(self.successResultOf(over), _DONE)
        self.assertEqual(self.run_.status, COMPLETED)
        self.assertIsNone(self.run_.why)

    def test_ended_while_it_runs(self) -> None:
        for why in _REASONS:
            self.setUp()
            self.spawned()
            self.end(why)
            self.assertEqual((self.run_.status, self.run_.why), ("ending", why))
            self.assertEqual(self.work.calls, ["terminate"])
            self.exited()
            self.assertEqual(self.work.calls, ["terminate", "settle"])
            self.settled(why)
            self.assertEqual(self.run_.over.value, why)

    def test_withdrawn(self) -> None:
        self.end(TIMEOUT)
        self.assertEqual((self.run_.status, self.run_.why), ("ending", TIMEOUT))
        self.assertEqual(self.work.calls, [])
        self.settled(TIMEOUT)
        self.assertEqual(self.run_.over.value, TIMEOUT)
        self.assertIs(self.run_.started.value, False)

    def test_no_process_was_to_be_had(self) -> None:
        started, over = self.run_.started.wait(), self.run_.over.wait()
        self.settled(SHUTDOWN)
        self.assertIs(self.successResultOf(started), False)
        self.assertEqual(self.successResultOf(over), SHUTDOWN)

    def test_started_is_not_taken_back(self) -> None:
        self.spawned()
        self.run_.started.open(True)
        self.exited()
        self.settled()
        self.assertIs(self.run_.started.value, True)

    def test_end_is_heard_once(self) -> None:
        for state in ("withdrawn", "ending", "settling", "over"):
            self.setUp()
            self.reach(state)
            before = (self.run_.why, self.run_.status)
            self.end(SHUTDOWN)
            self.assertEqual((self.run_.why, self.run_.status), before, state)
            self.assertEqual(self.work.calls, [], state)

    def test_what_cannot_happen(self) -> None:
        for event, states in (
            (self.spawned, ("withdrawn", "running", "ending", "settling", "over")),
            (self.exited, ("preparing", "withdrawn", "settling", "over")),
            (self.settled, ("running", "ending", "over")),
        ):
            for state in states:
                self.setUp()
                self.reach(state)
                with self.subTest(event=event.__name__, state=state):
                    with self.assertRaises(NoTransition):
                        getattr(self, event.__name__)()
                    self.assertEqual(self.work.calls, [])
