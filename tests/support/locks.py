"""The locks of two processes on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.support import postgresql
from tests.support.reactor import turn_until
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.database.lock_session import LockSession
from twisted_aigate.kernel.locks import KeyLocks
from twisted_aigate.kernel.shared_locks import SharedLocks


class LocksTestCase(TestCase):
    """
    Has the locks of two processes.

    @ivar locks: Of each.
    """

    locks: list[KeyLocks[Any]]

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor

    def after(self, seconds: float) -> Deferred[None]:
        return deferLater(self.reactor, seconds)

    async def until(self, holds: Callable[[], Any]) -> None:
        await turn_until(self.reactor, holds, "it does not come")


class PostgreSQLTestCase(LocksTestCase):
    """
    Two processes' locks in one database.

    @ivar sessions: That keep them.
    """

    def setUp(self) -> None:
        super().setUp()
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
