"""
Readers-writer locks by key that hold across processes, by PostgreSQL's advisory locks.

Who wants a key first queues among those of its own process, in L{KeyedLocks}: there is the order,
the bound and the cancelling. Whose turn it is there asks the database for the key, by tries that do
not wait: a session that waits for one key could not be asked for another. Tries alone would let a
stream of readers, or of writers in one process, starve all others, so each key has two advisory
locks, the I{gate} and the I{key}: whoever does not get the key at once takes the gate, which makes
it the next one, holds it until it has the key, and tries every few milliseconds. Nobody passes a
gate that another process holds: a process that has just given the key back finds the next one's
gate closed, and so processes take turns.

One session stands for a whole process. Its locks are counted and never in each other's way, which
is well: within the process L{KeyedLocks} decides.

A session that is lost has lost its locks: who writes under one is told by its lease. Readers are
not: the database shows them one state anyhow, and what they wait for is only that writes that have
begun are done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.kernel.database.errors import DatabaseUnavailable
from twisted_aigate.kernel.locks import KeyedLocks, LockUnavailable, WriteLease

Key = tuple[str, ...]
"""Texts without NUL."""

_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.02
"""Seconds between two tries: they double from the one to the other."""

_NOTHING, _NEXT, _HELD = 0, 1, 2
"""What a try has got: nothing, the gate, or the key."""

_log = Logger()


class Session(Protocol):
    """L{twisted_aigate.kernel.database.lock_session.LockSession}, as it is used here."""

    number: int

    def ask(self, expression: str) -> Deferred[Any]:
        """Evaluate an SQL expression, in the order of asking."""

    def when_lost(self, listener: Callable[[], object]) -> None:
        """Have C{listener} called each time that an open session ends unasked."""


def key_number(key: Key) -> int:
    """
    The number of a key's advisory lock; the next one is its gate's.

    Two keys of one number would exclude each other without need, and no more than that.
    """
    digest = blake2b("\0".join(key).encode("utf-8"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1 & ~1


class SharedLocks:
    """
    L{KeyLocks<twisted_aigate.kernel.locks.KeyLocks>} across the processes that have one database.

    @param session: Keeps the locks.
    @param clock: Where the time-outs live.
    @param max_wait: As of L{KeyedLocks}.
    @param max_hold: As of L{KeyedLocks}.
    @param max_waiters: How many of this process may wait for one key: among themselves, and for
        other processes.
    """

    def __init__(
        self,
        session: Session,
        clock: IReactorTime,
        max_wait: float,
        max_hold: float,
        max_waiters: int,
    ) -> None:
        self._session = session
        self._clock = clock
        self._max_wait = max_wait
        self._max_hold = max_hold
        self._max_waiters = max_waiters
        self._local: KeyedLocks[Key] = KeyedLocks(clock, max_wait, 0, max_waiters)
        self._waiting: Counter[int] = Counter()
        self._leases: set[WriteLease] = set()
        session.when_lost(self._let_go)

    def __len__(self) -> int:
        """See C{KeyLocks}."""
        return len(self._local)

    @asynccontextmanager
    async def reading(self, key: Key) -> AsyncIterator[None]:
        """See C{KeyLocks}."""
        asked_at = self._clock.seconds()
        async with self._local.reading(key):
            claim = await self._claim(key, exclusive=False, asked_at=asked_at)
            try:
                yield
            finally:
                claim.give_up()

    @asynccontextmanager
    async def writing(self, key: Key) -> AsyncIterator[WriteLease]:
        """See C{KeyLocks}."""
        asked_at = self._clock.seconds()
        async with self._local.writing(key):
            claim = await self._claim(key, exclusive=True, asked_at=asked_at)
            lease = WriteLease(self._clock, self._max_hold)
            self._leases.add(lease)
            try:
                yield lease
            finally:
                self._leases.discard(lease)
                lease.end()
                claim.give_up()

    def _let_go(self) -> None:
        for lease in list(self._leases):
            lease.lose()

    async def _claim(self, key: Key, *, exclusive: bool, asked_at: float) -> _Claim:
        claim = _Claim(self._session, self._clock, key_number(key), exclusive, self._join)
        timer = None
        if self._max_wait:
            left = max(0.0, asked_at + self._max_wait - self._clock.seconds())
            unavailable = LockUnavailable(f"not had in {self._max_wait:g} s")
            timer = self._clock.callLater(left, claim.held.errback, unavailable)
        try:
            claim.start()
            await claim.held
        except BaseException:
            claim.give_up()
            raise
        finally:
            if claim.waits:
                self._leave(claim.number)
            if timer is not None and timer.active():
                timer.cancel()
        return claim

    def _join(self, number: int) -> None:
        if self._waiting[number] >= self._max_waiters:
            raise LockUnavailable(f"{self._max_waiters} wait already")
        self._waiting[number] += 1

    def _leave(self, number: int) -> None:
        self._waiting[number] -= 1
        if not self._waiting[number]:
            del self._waiting[number]


class _Claim:
    """
    What one who wants a key has of it in the database.

    @param join: Called with C{number} when the key was not to be had at once; raises
        L{LockUnavailable} when too many wait.
    @ivar number: The key's.
    @ivar waits: It joined those who wait.
    @ivar held: Fires when it has the key.
    """

    def __init__(
        self,
        session: Session,
        clock: IReactorTime,
        number: int,
        exclusive: bool,
        join: Callable[[int], None],
    ) -> None:
        self._session = session
        self._clock = clock
        self.number = number
        self._gate = number + 1
        self._join = join
        self.waits = False
        self._mode = "" if exclusive else "_shared"
        self._exclusive = exclusive
        self._got = _NOTHING
        self._got_from = 0
        self._pause = _FIRST_PAUSE
        self._timer: IDelayedCall | None = None
        self._asking = False
        self._given_up = False
        self.held: Deferred[None] = Deferred()

    def start(self) -> None:
        """Try for the first time."""
        # Readers do not close the gate to each other as long as nobody waits.
        self._ask(self._at_the_gate() if self._exclusive else self._past_an_open_gate())

    def give_up(self) -> None:
        """Give back what has been got, or will have been."""
        self._given_up = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._asking:
            self._give_back()

    # Tries.

    def _past_an_open_gate(self) -> str:
        return (
            f"CASE WHEN pg_try_advisory_lock_shared({self._gate}) THEN"
            f" CASE WHEN pg_try_advisory_lock_shared({self.number})"
            f" THEN {_HELD} * CAST(pg_advisory_unlock_shared({self._gate}) AS int)"
            f" ELSE {_NOTHING} * CAST(pg_advisory_unlock_shared({self._gate}) AS int) END"
            f" ELSE {_NOTHING} END"
        )

    def _at_the_gate(self) -> str:
        return (
            f"CASE WHEN pg_try_advisory_lock({self._gate}) THEN {self._behind_the_gate()}"
            f" ELSE {_NOTHING} END"
        )

    def _behind_the_gate(self) -> str:
        return (
            f"CASE WHEN pg_try_advisory_lock{self._mode}({self.number})"
            f" THEN {_HELD} * CAST(pg_advisory_unlock({self._gate}) AS int) ELSE {_NEXT} END"
        )

    def _try_again(self) -> None:
        self._timer = None
        is_next = self._got == _NEXT and self._got_from == self._session.number
        self._ask(self._behind_the_gate() if is_next else self._at_the_gate())

    def _ask(self, expression: str) -> None:
        self._asking = True
        self._session.ask(expression).addCallbacks(self._tried, self._failed)

    def _tried(self, got: int) -> None:
        self._asking = False
        self._got = got
        self._got_from = self._session.number
        if self._given_up:
            self._give_back()
        elif got == _HELD:
            self.held.callback(None)
        else:
            self._wait()

    def _wait(self) -> None:
        if not self.waits:
            try:
                self._join(self.number)
            except LockUnavailable as error:
                self.held.errback(error)
                return
            self.waits = True
        self._timer = self._clock.callLater(self._pause, self._try_again)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _failed(self, failure: Failure) -> None:
        self._asking = False
        self._got = _NOTHING
        if self._given_up:
            return
        if failure.check(DatabaseUnavailable):
            self.held.errback(LockUnavailable("the database is unavailable"))
        else:
            # The session was lost: another one is opened.
            self._wait()

    def _give_back(self) -> None:
        got, self._got = self._got, _NOTHING
        if got == _NOTHING or self._got_from != self._session.number:
            return
        unlock = f"pg_advisory_unlock{self._mode}({self.number})"
        if got == _NEXT:
            unlock = f"pg_advisory_unlock({self._gate})"
        self._session.ask(unlock).addErrback(_gone_with_the_session)


def _gone_with_the_session(failure: Failure) -> None:
    _log.debug("a lock went with its session: {reason}", reason=str(failure.value))
