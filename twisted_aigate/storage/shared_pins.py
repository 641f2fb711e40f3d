"""
Which blobs are being read by any of the processes that share them.

What an object is read of beyond its first blob is opened when its turn comes, maybe long after the
object was replaced: whoever removes garbage must know of readers in other processes too. A lock for
each blob would be up to 10,000 for a reader, and what a server has for locks is bounded. So a
process says only since when it reads: time is cut into epochs, and it holds one lock for each epoch
in which a reader of its began that is not done. A blob that lay in the garbage before the oldest
epoch that others hold began is read by nobody: a reader that began later has found another object.
When nobody else reads, all garbage goes at once.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.kernel.shared_locks import Session
from twisted_aigate.kernel.units import HOUR, SECOND
from twisted_aigate.storage.outflow import Pins

_EPOCH = 10 * SECOND
_MOST_SKEW = 60 * SECOND
"""By how much the clocks of processes may differ."""

_LONGEST = 6 * HOUR
"""A reader that takes longer does not keep garbage any more: it may not get the rest."""

_MOST_SEEN = 10_000
"""Blobs that wait for others' readers at a time."""

_CLASS = 0x61696761
"""Of the locks, among the advisory locks with two numbers."""

_OTHERS_OLDEST = """(
    SELECT min(objid::bigint) FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2 AND classid = %d
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND pid <> pg_backend_pid() AND objid::bigint >= %d
)"""

_log = Logger()


class SharedPins(Pins):
    """
    L{Pins} that other processes see.

    A session that is lost takes them along; they are set again in the next one.

    @param session: Keeps the locks. It must be the one that keeps those of keys: who gives a key
        back has pinned what it reads before.
    @param clock: What time it is.
    """

    def __init__(self, session: Session, clock: IReactorTime) -> None:
        super().__init__()
        self._session = session
        self._clock = clock
        self._held: Counter[int] = Counter()
        self._began: defaultdict[str, deque[int]] = defaultdict(deque)
        self._seen: dict[str, float] = {}
        session.when_lost(self._hold_again)

    def __len__(self) -> int:
        """How many there are, and how many more may be there for others."""
        return super().__len__() + min(len(self._seen), _MOST_SEEN)

    def add(self, ids: Iterable[str]) -> None:
        """They are being read, once more."""
        blobs = list(ids)
        super().add(blobs)
        if blobs:
            epoch = int(self._clock.seconds() // _EPOCH)
            self._began[blobs[0]].append(epoch)
            self._held[epoch] += 1
            if self._held[epoch] == 1:
                self._ask("pg_advisory_lock_shared", epoch)

    def remove(self, ids: Iterable[str]) -> None:
        """They are not, once."""
        blobs = list(ids)
        super().remove(blobs)
        if blobs:
            # All readers of a blob began before it was garbage: the oldest epoch may go first.
            began = self._began[blobs[0]]
            epoch = began.popleft()
            if not began:
                del self._began[blobs[0]]
            self._held[epoch] -= 1
            if not self._held[epoch]:
                del self._held[epoch]
                self._ask("pg_advisory_unlock_shared", epoch)

    async def unread(self, garbage: Collection[str]) -> list[str]:
        """
        Those blobs of C{garbage} that no process reads.

        @param garbage: Blobs that are garbage already.
        @raise Exception: The database cannot say.
        """
        now = self._clock.seconds()
        self._seen = {blob: self._seen.get(blob, now) for blob in garbage}
        since = int((now - _LONGEST) // _EPOCH)
        oldest = await self._session.ask(_OTHERS_OLDEST % (_CLASS, since))
        unread = [
            blob
            for blob, seen in self._seen.items()
            if blob not in self and (oldest is None or seen + _MOST_SKEW < oldest * _EPOCH)
        ]
        for blob in unread:
            del self._seen[blob]
        return unread

    def _hold_again(self) -> None:
        for epoch in self._held:
            self._ask("pg_advisory_lock_shared", epoch)

    def _ask(self, function: str, epoch: int) -> None:
        self._session.ask(f"{function}({_CLASS}, {epoch})").addErrback(_not_told)


def _not_told(failure: Failure) -> None:
    _log.debug("others are not told what is read: {reason}", reason=str(failure.value))
