"""One thread's connection and the transaction on it."""

from __future__ import annotations

from contextlib import suppress
from threading import Event
from typing import Any

from sqlalchemy import Connection, Engine

from twisted_aigate.kernel.database.engines import Access
from twisted_aigate.kernel.database.errors import is_busy, is_connection_lost
from twisted_aigate.kernel.database.jobs import ATTEMPTS_PAUSES


class Session:
    """
    A connection that is opened when it is first needed, and again after it was lost.

    What begins and ends transactions goes straight to the driver: through SQLAlchemy it would cost
    more than a small write itself.

    @param engine: Where connections come from.
    @param access: How this one is used.
    """

    def __init__(self, engine: Engine, access: Access) -> None:
        self.engine = engine
        self._access = access
        self._connection: Connection | None = None
        self._cursor: Any = None

    @property
    def connection(self) -> Connection:
        """The connection, opened if it is not."""
        if self._connection is None:
            self._open()
        assert self._connection is not None
        return self._connection

    def _open(self) -> None:
        connection = self.engine.connect()
        try:
            # For SQLAlchemy one transaction is open all the time, so that it never ends ours: it
            # would roll back after an error outside of one.
            connection.begin()
            cursor = connection.connection.cursor()
            self._set_up(cursor)
        except BaseException:
            connection.invalidate()
            connection.close()
            raise
        self._connection, self._cursor = connection, cursor

    def _set_up(self, cursor: Any) -> None:
        for pause in ATTEMPTS_PAUSES:
            Event().wait(pause)
            try:
                for statement in self._access.set_up:
                    cursor.execute(statement)
            except Exception as error:
                # While one process puts a new file into WAL mode SQLite refuses the others at
                # once, whatever the time that they would wait.
                if not is_busy(error) or pause == ATTEMPTS_PAUSES[-1]:
                    raise
            else:
                return

    def run(self, statement: str) -> None:
        """Run a statement that has no result."""
        if self._connection is None:
            self._open()
        self._cursor.execute(statement)

    def begin(self) -> Connection:
        """Begin a transaction."""
        self.run(self._access.begin)
        return self.connection

    @property
    def in_transaction(self) -> bool:
        """Whether the transaction is still there: SQLite ends it by itself on some errors."""
        if self._connection is None or self._connection.invalidated:
            return False
        driver: Any = self._connection.connection.driver_connection
        if driver is None:
            return False
        return bool(driver.in_transaction if hasattr(driver, "in_transaction") else True)

    def abandon(self, error: BaseException) -> None:
        """
        Undo the transaction, if there is one, after C{error}.

        A connection that is lost, or on which that fails too, is closed; the next use opens one.
        """
        if is_connection_lost(error, self.engine.dialect):
            self.close()
        elif self.in_transaction:
            try:
                self._cursor.execute("ROLLBACK")
            except Exception:
                self.close()

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            # Nothing is left to be told to a server that is gone.
            with suppress(Exception):
                connection.invalidate()
            with suppress(Exception):
                connection.close()
