"""Locks across processes, over any sequence of events."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock

from tests.kernel.test_locks import Holder
from tests.kernel.test_shared_locks import TextKeyed
from tests.support.advisory import AdvisoryServer, FakeSession
from twisted_aigate.kernel.locks import LockUnavailable
from twisted_aigate.kernel.shared_locks import SharedLocks

_PROCESSES = 3
_LONG = 2.0
"""Seconds in which every turn comes: pauses are of milliseconds."""


class SharedLocksMachine(RuleBasedStateMachine):
    """Three processes and two keys; answers are held up now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.server = AdvisoryServer()
        self.sessions = [FakeSession(self.server) for _ in range(_PROCESSES)]
        self.locks = [
            TextKeyed(SharedLocks(session, self.clock, 0, 0, 4)) for session in self.sessions
        ]
        self.holders: list[tuple[str, Holder]] = []

    @rule(process=st.integers(0, _PROCESSES - 1), key=st.sampled_from("ab"), write=st.booleans())
    def ask(self, process: int, key: str, write: bool) -> None:
        holder = Holder(self.locks[process], key, write)  # type: ignore[arg-type]
        refused: list[object] = []
        holder.done.addErrback(lambda error: refused.append(error.trap(LockUnavailable)))
        self.holders.append((key, holder))

    @precondition(lambda self: self.holders)
    @rule(data=st.data(), cancel=st.booleans())
    def end(self, data: st.DataObject, cancel: bool) -> None:
        entry = data.draw(st.sampled_from(self.holders))
        self.holders.remove(entry)
        self._end(entry[1], cancel)

    def _end(self, holder: Holder, cancel: bool = True) -> None:
        if holder.holding and not cancel:
            holder.let_go()
        elif not holder.done.called:
            holder.done.cancel()
            holder.done.addErrback(lambda error: error.trap(CancelledError))

    @rule(process=st.integers(0, _PROCESSES - 1), held_up=st.booleans())
    def hold_up(self, process: int, held_up: bool) -> None:
        self.sessions[process].held_up = held_up
        if not held_up:
            self.sessions[process].answer()

    @rule(milliseconds=st.integers(1, 50))
    def advance(self, milliseconds: int) -> None:
        self.clock.pump([0.001] * milliseconds)

    @invariant()
    def one_writer_or_readers(self) -> None:
        for key in "ab":
            holding = [each for name, each in self.holders if name == key and each.holding]
            assert len(holding) <= 1 or not any(each.exclusive for each in holding)

    @invariant()
    def somebody_goes_on(self) -> None:
        """A key that is wanted does not stay free: not tried in vain, nor behind a dead gate."""
        if any(session.held_up for session in self.sessions):
            return
        self.clock.pump([0.001] * 25)
        for key in "ab":
            wanted = [each for name, each in self.holders if name == key and not each.done.called]
            assert not wanted or any(each.holding for each in wanted)

    def teardown(self) -> None:
        for process in range(_PROCESSES):
            self.hold_up(process, False)
        # One after the other they get it, the last ones too.
        for _ in range(len(self.holders)):
            self.clock.pump([0.01] * int(_LONG * 100))
            for _, holder in self.holders:
                if holder.holding:
                    self._end(holder, cancel=False)
        assert all(holder.done.called for _, holder in self.holders)
        assert [len(each) for each in self.locks] == [0] * _PROCESSES
        assert (self.server.held, self.clock.getDelayedCalls()) == ({}, [])


SharedLocksMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, database=None
)
SharedLocksModelTests = SharedLocksMachine.TestCase
