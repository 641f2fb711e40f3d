"""
Readers-writer locks by key, on Deferreds.

Fair: first come, first served, so that neither a stream of readers keeps a writer out nor a stream
of writers a reader. A key that nobody holds or waits for takes no memory. Modelled on Synapse's
C{ReadWriteLock} and C{Linearizer}.

L{KeyedLocks} hold within a process;
L{SharedLocks <twisted_aigate.kernel.shared_locks.SharedLocks>} across several.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Generic, Protocol, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime

_K = TypeVar("_K", bound=Hashable)
_K_contra = TypeVar("_K_contra", bound=Hashable, contravariant=True)
_T = TypeVar("_T")


class LockUnavailable(Exception):
    """The lock was not to be had: as many wait as may, or the wait was too long."""


class LockExpired(Exception):
    """The lock was held for too long and is let go."""


class LockLost(Exception):
    """The lock is not held any more: what kept it is gone."""


class KeyLocks(Protocol[_K_contra]):
    """Readers-writer locks by key, wherever they hold."""

    def __len__(self) -> int:
        """How many keys are held or waited for, in this process."""

    def reading(self, key: _K_contra) -> AbstractAsyncContextManager[None]:
        """
        Hold C{key} together with other readers.

        @raise LockUnavailable: It was not to be had.
        """

    def writing(self, key: _K_contra) -> AbstractAsyncContextManager[WriteLease]:
        """
        Hold C{key} alone.

        @return: The lease; what is done under the lock is run by L{WriteLease.limit}, which ends
            it when the lock is held no more.
        @raise LockUnavailable: It was not to be had.
        """


class _Waiter:
    __slots__ = ("exclusive", "turn")

    def __init__(self, exclusive: bool, turn: Deferred[None]) -> None:
        self.exclusive = exclusive
        self.turn = turn


class _Lock:
    __slots__ = ("readers", "waiting", "writer")

    def __init__(self) -> None:
        self.readers = 0
        self.writer = False
        self.waiting: deque[_Waiter] = deque()

    def admits(self, exclusive: bool) -> bool:
        if exclusive:
            return not self.writer and self.readers == 0
        return not self.writer

    def take(self, exclusive: bool) -> None:
        if exclusive:
            self.writer = True
        else:
            self.readers += 1

    def give_back(self, exclusive: bool) -> None:
        if exclusive:
            self.writer = False
        else:
            self.readers -= 1


class KeyedLocks(Generic[_K]):
    """
    L{KeyLocks} within a process.

    @param clock: Where the time-outs live.
    @param max_wait: Seconds that one waits for a lock; 0: without end.
    @param max_hold: Seconds that one holds a lock; 0: without end.
    @param max_waiters: How many may wait for one key.
    """

    def __init__(
        self, clock: IReactorTime, max_wait: float, max_hold: float, max_waiters: int
    ) -> None:
        self._clock = clock
        self._max_wait = max_wait
        self._max_hold = max_hold
        self._max_waiters = max_waiters
        self._locks: dict[_K, _Lock] = {}

    def __len__(self) -> int:
        """How many keys are held or waited for."""
        return len(self._locks)

    @asynccontextmanager
    async def reading(self, key: _K) -> AsyncIterator[None]:
        """See L{KeyLocks}."""
        await self._acquire(key, exclusive=False)
        try:
            yield
        finally:
            self._release(key, exclusive=False)

    @asynccontextmanager
    async def writing(self, key: _K) -> AsyncIterator[WriteLease]:
        """See L{KeyLocks}."""
        await self._acquire(key, exclusive=True)
        lease = WriteLease(self._clock, self._max_hold)
        try:
            yield lease
        finally:
            lease.end()
            self._release(key, exclusive=True)

    async def _acquire(self, key: _K, exclusive: bool) -> None:
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = _Lock()
        if lock.admits(exclusive) and not lock.waiting:
            lock.take(exclusive)
            return
        if len(lock.waiting) >= self._max_waiters:
            raise LockUnavailable(f"{self._max_waiters} wait already")
        turn: Deferred[None] = Deferred()
        waiter = _Waiter(exclusive, turn)
        lock.waiting.append(waiter)
        timer = None
        if self._max_wait:
            unavailable = LockUnavailable(f"not had in {self._max_wait:g} s")
            timer = self._clock.callLater(self._max_wait, turn.errback, unavailable)
        try:
            await turn
        except BaseException:
            self._give_up(key, lock, waiter)
            raise
        finally:
            if timer is not None and timer.active():
                timer.cancel()

    def _give_up(self, key: _K, lock: _Lock, waiter: _Waiter) -> None:
        try:
            lock.waiting.remove(waiter)
        except ValueError:
            # Its turn had come in the same moment.
            self._release(key, waiter.exclusive)
        else:
            # Those behind it may have waited for it alone.
            self._admit(key, lock)

    def _release(self, key: _K, exclusive: bool) -> None:
        lock = self._locks[key]
        lock.give_back(exclusive)
        self._admit(key, lock)

    def _admit(self, key: _K, lock: _Lock) -> None:
        while lock.waiting and lock.admits(lock.waiting[0].exclusive):
            waiter = lock.waiting.popleft()
            lock.take(waiter.exclusive)
            # Whose turn it is may be done with it, and ask anew, before this returns.
            waiter.turn.callback(None)
        idle = not lock.waiting and not lock.writer and lock.readers == 0
        if idle and self._locks.get(key) is lock:
            del self._locks[key]


class WriteLease:
    """
    A lock that is held, for a while.

    @param clock: Where the time-out lives.
    @param max_hold: Seconds from now; 0: without end.
    """

    def __init__(self, clock: IReactorTime, max_hold: float) -> None:
        self._running: Deferred[Any] | None = None
        self._over: Exception | None = None
        self._timer = clock.callLater(max_hold, self._expire) if max_hold else None

    async def limit(self, work: Deferred[_T]) -> _T:
        """
        Wait for what is done under the lock.

        @raise LockExpired: The lock was held for too long; C{work} is cancelled.
        @raise LockLost: It was lost; C{work} is cancelled.
        """
        if self._over is not None:
            work.addErrback(lambda failure: failure.trap(CancelledError))
            work.cancel()
            raise self._over
        self._running = work
        try:
            return await work
        except CancelledError:
            if self._over is not None:
                raise self._over from None
            raise
        finally:
            self._running = None

    def end(self) -> None:
        """The lock is given back."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def lose(self) -> None:
        """The lock was lost."""
        self._end_early(LockLost())

    def _expire(self) -> None:
        self._end_early(LockExpired())

    def _end_early(self, reason: Exception) -> None:
        if self._over is None:
            self._over = reason
            if self._running is not None:
                self._running.cancel()
