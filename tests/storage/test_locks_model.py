"""Readers-writer locks against a naive model of them, over any sequence of events."""

from __future__ import annotations

from attrs import define
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from tests.kernel.test_locks import Holder
from twisted_aigate.kernel.locks import KeyedLocks, LockUnavailable

_MAX_WAIT = 10
_MOST_WAITERS = 4


@define(eq=False)
class _Entry:
    """One in the queue of a key, as the model has it: holders first, in the order of asking."""

    holder: Holder
    asked_at: float
    holding: bool = False


class LocksMachine(RuleBasedStateMachine):
    """The locks, and lists that say who should hold them."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.locks: KeyedLocks[str] = KeyedLocks(self.clock, _MAX_WAIT, 0, _MOST_WAITERS)
        self.queues: dict[str, list[_Entry]] = {"a": [], "b": []}

    def _admit(self, queue: list[_Entry]) -> None:
        for position, entry in enumerate(queue):
            before = queue[:position]
            if entry.holder.exclusive:
                entry.holding = entry.holding or not before
            else:
                alone = any(each.holder.exclusive for each in before)
                entry.holding = entry.holding or not alone

    def _end(self, deferred: Deferred[None], kind: type[Exception]) -> None:
        errors: list[object] = []
        deferred.addErrback(lambda failure: errors.append(failure.trap(kind)))
        assert errors == [kind]

    @rule(key=st.sampled_from("ab"), exclusive=st.booleans())
    def ask(self, key: str, exclusive: bool) -> None:
        queue = self.queues[key]
        full = sum(not each.holding for each in queue) >= _MOST_WAITERS
        holder = Holder(self.locks, key, exclusive)
        if full:
            self._end(holder.done, LockUnavailable)
        else:
            queue.append(_Entry(holder, self.clock.seconds()))

    @precondition(lambda self: any(self.queues.values()))
    @rule(data=st.data(), cancel=st.booleans())
    def end(self, data: st.DataObject, cancel: bool) -> None:
        """Someone gives the lock back, or is cancelled, waiting or not."""
        entries = [(queue, entry) for queue in self.queues.values() for entry in queue]
        queue, entry = data.draw(st.sampled_from(entries))
        queue.remove(entry)
        if entry.holding and not cancel:
            entry.holder.let_go()
            assert entry.holder.done.called
        else:
            entry.holder.done.cancel()
            self._end(entry.holder.done, CancelledError)

    @rule(seconds=st.integers(1, _MAX_WAIT))
    def advance(self, seconds: int) -> None:
        # One second after the other: those behind one that gives up have their turn at once.
        for _ in range(seconds):
            self.clock.advance(1)
            for queue in self.queues.values():
                self._give_up(queue)

    def _give_up(self, queue: list[_Entry]) -> None:
        for entry in list(queue):
            self._admit(queue)
            if not entry.holding and self.clock.seconds() - entry.asked_at >= _MAX_WAIT:
                queue.remove(entry)
                self._end(entry.holder.done, LockUnavailable)

    @invariant()
    def agree(self) -> None:
        for queue in self.queues.values():
            self._admit(queue)
            assert [each.holder.holding for each in queue] == [each.holding for each in queue]
        assert len(self.locks) == sum(bool(queue) for queue in self.queues.values())

    def teardown(self) -> None:
        for queue in self.queues.values():
            for entry in reversed(queue):
                entry.holder.done.cancel()
                self._end(entry.holder.done, CancelledError)
        assert len(self.locks) == 0
        assert self.clock.getDelayedCalls() == []


LocksMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, database=None
)
LocksModelTests = LocksMachine.TestCase
