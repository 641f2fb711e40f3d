"""The locks of two processes on a real PostgreSQL."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.support import postgresql
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.database.lock_session import LockSession
from twisted_aigate.kernel.locks import KeyLocks
from twisted_aigate.kernel.shared_locks import SharedLocks

_WAIT = 10.0


class LocksTestCase(TestCase):
    """
    Has the locks of two processes.

    @ivar locks: Of each.
    """

    locks: list[KeyLocks[Any]]

    def after(self, seconds: float) -> Deferred[None]:
        from twisted.internet import reactor

        waited: Deferred[None] = Deferred()
        reactor.callLater(seconds, waited.callback, None)  # type: ignore[attr-defined]
        return waited

    async def until(self, holds: Any) -> None:
        for _ in range(int(_WAIT / 0.005)):
            if holds():
                return
            await self.after(0.005)
        self.fail("it does not come")


class PostgreSQLTestCase(LocksTestCase):
    """
    Two processes' locks in one database.

    @ivar sessions: That keep them.
    """

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.url = postgresql.new_database()
        self.sessions = [self.session(), self.session()]
        self.locks = [
            SharedLocks(session, self.reactor, 0.5, 10.0, 100) for session in self.sessions
        ]

    def session(self) -> LockSession:
        session = Database(self.reactor, self.url, "twisted_aigate.migrations").lock_session()
        assert session is not None
        self.addCleanup(session.stop)
        return session

    def advisory_locks(self) -> int:
        (row,) = postgresql.run(
            self.url,
            "SELECT count(*) FROM pg_locks JOIN pg_database ON database = pg_database.oid"
            " WHERE locktype = 'advisory' AND datname = current_database()",
        )
        return int(str(row[0]))

    async def end(self, session: LockSession) -> None:
        """Have the server end a session."""
        pid = await session.ask("pg_backend_pid()")
        postgresql.run(self.url, f"SELECT pg_terminate_backend({pid})")
