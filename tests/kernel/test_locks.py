"""Readers-writer locks: fairness, bounds, time-outs, cancellation, no litter."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.locks import KeyedLocks, LockExpired, LockUnavailable


class Holder:
    """
    One who wants a lock, and holds it until the test says so.

    @ivar done: Fires when it has given the lock back, or did not get it.
    """

    def __init__(self, locks: KeyedLocks[str], key: str, exclusive: bool) -> None:
        self.exclusive = exclusive
        self.holding = False
        self._let_go: Deferred[None] = Deferred()
        self.done = Deferred.fromCoroutine(self._hold(locks, key))

    async def _hold(self, locks: KeyedLocks[str], key: str) -> None:
        context = locks.writing(key) if self.exclusive else locks.reading(key)
        async with context:
            self.holding = True
            try:
                await self._let_go
            finally:
                self.holding = False

    def let_go(self) -> None:
        """Give the lock back."""
        self._let_go.callback(None)


class KeyedLocksTests(SynchronousTestCase):
    """Who holds a key, and when."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.locks: KeyedLocks[str] = KeyedLocks(self.clock, 30.0, 300.0, 3)

    def tearDown(self) -> None:
        """Whatever the test did, no key and no timer is left."""
        self.assertEqual((len(self.locks), self.clock.getDelayedCalls()), (0, []))

    def read(self, key: str = "k") -> Holder:
        return Holder(self.locks, key, exclusive=False)

    def write(self, key: str = "k") -> Holder:
        return Holder(self.locks, key, exclusive=True)

    def let_go(self, *holders: Holder) -> None:
        for holder in holders:
            holder.let_go()
            self.successResultOf(holder.done)

    def test_readers_share(self) -> None:
        """Readers hold a key together, a writer alone, and keys do not know each other."""
        first, second, other = self.read(), self.read(), self.write("other")
        self.assertTrue(first.holding and second.holding and other.holding)
        writer = self.write()
        self.let_go(first)
        self.assertFalse(writer.holding)
        self.let_go(second)
        self.assertTrue(writer.holding)
        self.assertEqual(len(self.locks), 2)
        self.let_go(writer, other)

    def test_no_writer_starves(self) -> None:
        """A reader that comes after a waiting writer waits behind it."""
        first, writer, second = self.read(), self.write(), self.read()
        self.assertFalse(second.holding)
        self.let_go(first)
        self.assertEqual((writer.holding, second.holding), (True, False))
        self.let_go(writer)
        self.assertTrue(second.holding)
        self.let_go(second)

    def test_no_reader_starves(self) -> None:
        """Readers between two writers have their turn between them, together."""
        first, one, two, second = self.write(), self.read(), self.read(), self.write()
        self.let_go(first)
        self.assertEqual((one.holding, two.holding, second.holding), (True, True, False))
        self.let_go(one)
        self.assertFalse(second.holding)
        self.let_go(two)
        self.assertTrue(second.holding)
        self.let_go(second)

    def test_bound_on_waiters(self) -> None:
        """One too many is refused at once; the others' turn is not changed by it."""
        holder = self.write()
        waiting = [self.write() for _ in range(3)]
        for refused in (self.write(), self.read()):
            self.failureResultOf(refused.done, LockUnavailable)
        self.let_go(holder, *waiting)

    def test_wait_time_out(self) -> None:
        """After max_wait one gives up, and those who waited for it alone go ahead."""
        reader, writer = self.read(), self.write()
        self.clock.advance(10)
        late = self.read()
        self.clock.advance(19.9)
        self.assertNoResult(writer.done)
        self.clock.advance(0.1)
        self.failureResultOf(writer.done, LockUnavailable)
        self.assertTrue(late.holding)
        self.let_go(reader, late)

    def test_no_wait_time_out(self) -> None:
        """0 seconds are none."""
        self.locks = KeyedLocks(self.clock, 0, 0, 3)
        holder, waiting = self.write(), self.write()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.let_go(holder, waiting)

    def test_cancelled_while_waiting(self) -> None:
        """At the front, in the middle or at the end: the others go on."""
        for victim in range(3):
            holder = self.write()
            waiting = [self.read(), self.write(), self.read()]
            waiting[victim].done.cancel()
            self.failureResultOf(waiting[victim].done, CancelledError)
            left = [each for each in waiting if each is not waiting[victim]]
            self.let_go(holder, *left)

    def test_cancelled_between_readers(self) -> None:
        """A writer that gives up lets the readers behind it in."""
        reader, writer, behind = self.read(), self.write(), self.read()
        writer.done.cancel()
        self.failureResultOf(writer.done, CancelledError)
        self.assertTrue(behind.holding)
        self.let_go(reader, behind)

    def test_cancelled_while_holding(self) -> None:
        """The lock is given back."""
        for ask in (self.read, self.write):
            holder, waiting = ask(), self.write()
            holder.done.cancel()
            self.failureResultOf(holder.done, CancelledError)
            self.let_go(waiting)

    def test_turn_that_ends_at_once(self) -> None:
        """
        Whose turn ends in the moment in which it comes, and who asks again in that moment, has
        the lock: nobody else holds it too.
        """
        first = self.write()
        again: list[Holder] = []

        async def briefly() -> None:
            async with self.locks.writing("k"):
                pass
            again.append(self.write())

        brief = Deferred.fromCoroutine(briefly())
        self.let_go(first)
        self.successResultOf(brief)
        self.assertTrue(again[0].holding)
        intruder = self.write()
        self.assertFalse(intruder.holding, "two hold it for writing")
        self.let_go(again[0], intruder)


class WriteLeaseTests(SynchronousTestCase):
    """What is done under a lock ends with it."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.locks: KeyedLocks[str] = KeyedLocks(self.clock, 0, 300.0, 3)
        self.work: Deferred[str] = Deferred()

    async def locked(self) -> str:
        async with self.locks.writing("k") as lease:
            return await lease.limit(self.work)

    def test_result(self) -> None:
        """It comes in time; no timer is left."""
        done = Deferred.fromCoroutine(self.locked())
        self.work.callback("done")
        self.assertEqual(self.successResultOf(done), "done")
        self.assertEqual((len(self.locks), self.clock.getDelayedCalls()), (0, []))

    def test_error(self) -> None:
        """The work's own error is not changed."""
        done = Deferred.fromCoroutine(self.locked())
        self.work.errback(KeyError("x"))
        self.failureResultOf(done, KeyError)
        self.assertEqual(len(self.locks), 0)

    def test_expired(self) -> None:
        """The work is cancelled and the next one has the lock."""
        done = Deferred.fromCoroutine(self.locked())
        waiting = Holder(self.locks, "k", exclusive=True)
        self.clock.advance(300)
        self.failureResultOf(done, LockExpired)
        self.assertTrue(waiting.holding)
        waiting.let_go()
        self.assertEqual((len(self.locks), self.clock.getDelayedCalls()), (0, []))

    def test_cancelled(self) -> None:
        """Whoever is cancelled cancels the work, and that is no expiry."""
        ended: list[object] = []
        self.work = Deferred(ended.append)
        done = Deferred.fromCoroutine(self.locked())
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertEqual(ended, [self.work])
        self.assertEqual((len(self.locks), self.clock.getDelayedCalls()), (0, []))

    def test_expired_before_the_work(self) -> None:
        """Work that begins after the end is cancelled, whether it minds or not."""
        pause: Deferred[None] = Deferred()

        async def late() -> None:
            async with self.locks.writing("k") as lease:
                await pause
                await lease.limit(self.work)

        done = Deferred.fromCoroutine(late())
        self.clock.advance(300)
        pause.callback(None)
        self.failureResultOf(done, LockExpired)
        self.assertEqual(len(self.locks), 0)

    def test_work_that_was_done_counts(self) -> None:
        """Work that cannot be stopped any more and succeeds has succeeded."""
        self.work = Deferred(lambda deferred: deferred.callback("done all the same"))
        done = Deferred.fromCoroutine(self.locked())
        self.clock.advance(300)
        self.assertEqual(self.successResultOf(done), "done all the same")
