"""Locks across processes: who holds a key, in turn, and what a lost session leaves behind."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.kernel import test_locks
from tests.kernel.test_locks import Holder
from tests.support.advisory import AdvisoryServer, FakeSession
from twisted_aigate.kernel.locks import LockExpired, LockLost, LockUnavailable
from twisted_aigate.kernel.shared_locks import SharedLocks, key_number


class TextKeyed:
    """Shared locks whose keys are single texts, as the contract's are."""

    def __init__(self, locks: SharedLocks) -> None:
        self._locks = locks

    def __len__(self) -> int:
        return len(self._locks)

    def reading(self, key: str) -> Any:
        return self._locks.reading((key,))

    def writing(self, key: str) -> Any:
        return self._locks.writing((key,))


class WithinAProcessTests(test_locks.KeyedLocksTests):
    """In one process they are what locks of one process are."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.server = AdvisoryServer()
        self.locks: Any = self.make(30.0, 300.0, 3)

    def make(self, *limits: Any) -> Any:
        return TextKeyed(SharedLocks(FakeSession(self.server), self.clock, *limits))

    def tearDown(self) -> None:
        super().tearDown()
        self.assertEqual(self.server.held, {})


class SharedLocksTests(SynchronousTestCase):
    """Two processes, and a third."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.server = AdvisoryServer()
        self.sessions = [FakeSession(self.server) for _ in range(3)]
        self.processes = [
            TextKeyed(SharedLocks(session, self.clock, 30.0, 300.0, 3)) for session in self.sessions
        ]

    def tearDown(self) -> None:
        """No key, no timer and no lock is left."""
        self.assertEqual([len(each) for each in self.processes], [0, 0, 0])
        self.assertEqual((self.clock.getDelayedCalls(), self.server.held), ([], {}))

    def read(self, process: int, key: str = "k") -> Holder:
        return Holder(self.processes[process], key, exclusive=False)  # type: ignore[arg-type]

    def write(self, process: int, key: str = "k") -> Holder:
        return Holder(self.processes[process], key, exclusive=True)  # type: ignore[arg-type]

    def let_go(self, *holders: Holder) -> None:
        for holder in holders:
            self.assertTrue(holder.holding)
            holder.let_go()
            self.successResultOf(holder.done)

    def pause(self) -> None:
        """As long as the longest pause between two tries; all have had one then."""
        self.clock.pump([0.001] * 25)

    def test_readers_share_and_a_writer_is_alone(self) -> None:
        readers = [self.read(0), self.read(1), self.read(1)]
        self.assertTrue(all(each.holding for each in readers))
        writer, other = self.write(2), self.write(0, "other")
        self.pause()
        self.assertEqual((writer.holding, other.holding), (False, True))
        self.let_go(*readers)
        self.pause()
        self.assertTrue(writer.holding)
        late = [self.read(0), self.write(1)]
        self.pause()
        self.assertFalse(late[0].holding or late[1].holding)
        self.let_go(writer, other)
        for _ in late:
            self.pause()
            self.let_go(*(each for each in late if each.holding))

    def test_no_writer_starves(self) -> None:
        """Readers that come after a waiting writer wait behind it, in all processes."""
        first, writer = self.read(0), self.write(1)
        late = [self.read(process) for process in (0, 2)]
        self.pause()
        self.assertFalse(writer.holding or late[0].holding or late[1].holding)
        self.let_go(first)
        self.pause()
        self.assertTrue(writer.holding)
        self.let_go(writer)
        self.pause()
        self.pause()
        self.let_go(*late)

    def test_no_process_starves(self) -> None:
        """A process that has always another one waiting does not keep the key for itself."""
        holder, other, again = self.write(0), self.write(1), self.write(0)
        self.pause()
        self.let_go(holder)
        self.pause()
        self.assertEqual((other.holding, again.holding), (True, False))
        self.let_go(other)
        self.pause()
        self.let_go(again)

    def test_no_reader_starves(self) -> None:
        """A reader that has waited is before a writer of the process that has the key."""
        holder, reader, again = self.write(0), self.read(1), self.write(0)
        self.pause()
        self.let_go(holder)
        self.pause()
        self.assertEqual((reader.holding, again.holding), (True, False))
        self.let_go(reader)
        self.pause()
        self.let_go(again)

    def test_time_out(self) -> None:
        """It counts from the asking, whomever was waited for; who gives up leaves nothing."""
        holder = self.write(1)
        first, second = self.write(0), self.read(0)
        self.clock.advance(20)
        late = self.read(2)
        self.clock.advance(9.99)
        self.assertNoResult(first.done)
        self.clock.advance(0.01)
        for each in (first, second):
            self.failureResultOf(each.done, LockUnavailable)
        self.let_go(holder)
        self.pause()
        self.let_go(late)

    def test_held_for_too_long(self) -> None:
        """The time begins when the key is there."""
        held = self.write(0)

        async def work() -> None:
            async with self.processes[1].writing("k") as lease:
                await lease.limit(Deferred())

        working = Deferred.fromCoroutine(work())
        self.clock.advance(20)
        self.let_go(held)
        self.pause()
        self.clock.advance(299.9)
        self.assertNoResult(working)
        self.clock.advance(0.1)
        self.failureResultOf(working, LockExpired)

    def test_bound_on_waiters(self) -> None:
        """It is one on those who wait: not on those whose lock is just being taken."""
        self.sessions[0].held_up = True
        readers = [self.read(0) for _ in range(5)]
        self.sessions[0].held_up = False
        self.sessions[0].answer()
        self.let_go(*readers)
        holder = self.write(1)
        waiting = [self.read(0) for _ in range(3)]
        self.failureResultOf(self.read(0).done, LockUnavailable)
        self.let_go(holder)
        self.pause()
        self.let_go(*waiting)

    def test_cancelled_while_waiting(self) -> None:
        """With the gate or without: the others go on."""
        for victim in (0, 1):
            holder = self.write(2)
            waiting = [self.write(0), self.read(1)]
            self.pause()
            waiting[victim].done.cancel()
            self.failureResultOf(waiting[victim].done, CancelledError)
            self.let_go(holder)
            self.pause()
            self.let_go(waiting[1 - victim])

    def test_cancelled_before_the_answer(self) -> None:
        """What the answer says that it has got is given back."""
        for ask in (self.read, self.write):
            self.sessions[0].held_up = True
            holder = ask(0)
            holder.done.cancel()
            self.failureResultOf(holder.done, CancelledError)
            self.sessions[0].held_up = False
            self.sessions[0].answer()
            self.let_go(self.write(1))

    def test_process_dies(self) -> None:
        """Its key is free."""
        dead, waiting = self.write(0), self.write(1)
        self.server.end(self.sessions[0])
        self.pause()
        self.let_go(waiting)
        self.sessions[0].number += 1
        dead.done.cancel()
        self.failureResultOf(dead.done, CancelledError)

    def test_session_is_lost(self) -> None:
        """Who writes is let go; who waits goes on waiting, in the new session."""

        async def work() -> None:
            async with self.processes[0].writing("k") as lease:
                await lease.limit(Deferred())

        writing = Deferred.fromCoroutine(work())
        other, reader = self.write(1, "other"), self.read(0, "read")
        waiting = [self.write(0, "other"), self.write(0)]
        self.pause()
        self.sessions[0].lose()
        self.failureResultOf(writing, LockLost)
        self.assertTrue(reader.holding)
        self.pause()
        self.let_go(waiting[1])
        self.let_go(reader, other)
        self.pause()
        self.let_go(waiting[0])

    def test_session_is_lost_before_the_answer(self) -> None:
        """Whatever the lost one had done, the new one is asked again."""
        for evaluated in (False, True):
            self.sessions[0].held_up = True
            holder = self.write(0)
            self.sessions[0].lose(evaluated=evaluated)
            self.assertFalse(holder.holding)
            self.sessions[0].held_up = False
            self.pause()
            self.let_go(holder)

    def test_lost_after_the_work(self) -> None:
        """A lease that is lost before its work begins ends the work."""
        begin: Deferred[None] = Deferred()

        async def work() -> None:
            async with self.processes[0].writing("k") as lease:
                await begin
                await lease.limit(Deferred())

        writing = Deferred.fromCoroutine(work())
        self.sessions[0].lose()
        begin.callback(None)
        self.failureResultOf(writing, LockLost)

    def test_no_database(self) -> None:
        """Nobody waits for what will not come."""
        holder = self.write(1)
        waiting = self.write(0)
        self.server.down = True
        self.failureResultOf(self.read(2).done, LockUnavailable)
        self.pause()
        self.failureResultOf(waiting.done, LockUnavailable)
        self.server.down = False
        # The gate went with the session.
        self.server.end(self.sessions[0])
        self.let_go(holder)

    def test_one_question_when_nobody_is_in_the_way(self) -> None:
        """To take it, and one to give it back."""
        self.let_go(self.read(0), self.write(0, "l"))
        self.assertEqual(self.sessions[0].asked, 4)

    def test_numbers(self) -> None:
        """They are PostgreSQL's bigints, even, and differ where keys do."""
        keys = [("a", "b"), ("ab",), ("a", "bc"), ("", "ab"), *((str(i), "é") for i in range(500))]
        numbers = [key_number(key) for key in keys]
        self.assertEqual(len(set(numbers)), len(keys))
        self.assertTrue(all(0 <= each < 2**63 - 1 and each % 2 == 0 for each in numbers))
