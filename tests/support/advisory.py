"""PostgreSQL's advisory locks in memory, for sessions that a test can hold up or end."""

from __future__ import annotations

import sqlite3
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail

from twisted_aigate.kernel.database import DatabaseUnavailable
from twisted_aigate.kernel.database.lock_session import SessionLost


class AdvisoryServer:
    """
    The server: who holds which lock how many times.

    @ivar held: By lock's number, then by (session, shared or not).
    @ivar down: No session is to be had.
    """

    def __init__(self) -> None:
        self.held: dict[int, Counter[tuple[object, bool]]] = {}
        self.down = False

    def take(self, session: object, number: int, shared: bool) -> bool:
        """Take a lock, if no other session's is in its way."""
        held = self.held.setdefault(number, Counter())
        for (holder, holders_shared), count in held.items():
            if count and holder is not session and not (shared and holders_shared):
                return False
        held[session, shared] += 1
        return True

    def release(self, session: object, number: int, shared: bool) -> bool:
        """Give a lock back."""
        assert self.held[number][session, shared] > 0, "what is given back was held"
        self.held[number][session, shared] -= 1
        self.held[number] = +self.held[number]
        if not self.held[number]:
            del self.held[number]
        return True

    def end(self, session: object) -> None:
        """A session is over."""
        for number, held in list(self.held.items()):
            left = Counter({each: count for each, count in held.items() if each[0] is not session})
            if left:
                self.held[number] = left
            else:
                del self.held[number]


class FakeSession:
    """
    Stands in for L{twisted_aigate.kernel.database.lock_session.LockSession}.

    Expressions are evaluated by SQLite, with the server's functions.

    @ivar asked: How many expressions have been asked.
    @ivar held_up: What is asked is answered only when the test says so.
    """

    def __init__(self, server: AdvisoryServer) -> None:
        self.server = server
        self.number = 0
        self.asked = 0
        self.held_up = False
        self._waiting: deque[tuple[str, Deferred[Any]]] = deque()
        self._listeners: list[Callable[[], object]] = []
        self._sql = sqlite3.connect(":memory:")
        for shared in (False, True):
            suffix = "_shared" if shared else ""
            self._function(f"pg_try_advisory_lock{suffix}", server.take, shared)
            self._function(f"pg_advisory_unlock{suffix}", server.release, shared)

    def _function(self, name: str, call: Callable[[object, int, bool], bool], shared: bool) -> None:
        self._sql.create_function(name, 1, lambda number: call(self, number, shared))

    def ask(self, expression: str) -> Deferred[Any]:
        """Evaluate an expression, now or when the test says so."""
        if self.server.down:
            return fail(DatabaseUnavailable("down"))
        self.asked += 1
        answer: Deferred[Any] = Deferred()
        self._waiting.append((expression, answer))
        if not self.held_up:
            self.answer()
        return answer

    def answer(self) -> None:
        """Answer all that was asked so far."""
        waiting, self._waiting = self._waiting, deque()
        for expression, answer in waiting:
            (value,) = self._sql.execute(f"SELECT {expression}").fetchone()
            answer.callback(value)

    def when_lost(self, listener: Callable[[], object]) -> None:
        """Have C{listener} called when it is lost."""
        self._listeners.append(listener)

    def lose(self, *, evaluated: bool = False) -> None:
        """
        The session ends, and another takes its place.

        @param evaluated: What was asked is done before, but nobody hears of it.
        """
        if evaluated:
            for expression, _ in self._waiting:
                self._sql.execute(f"SELECT {expression}").fetchone()
        self.server.end(self)
        self.number += 1
        lost, self._waiting = self._waiting, deque()
        for listener in self._listeners:
            listener()
        for _, answer in lost:
            answer.errback(SessionLost())
