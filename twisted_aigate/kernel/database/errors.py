"""What goes wrong with a database, told apart by what its callers can do about it."""

from __future__ import annotations

import sqlite3

from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError

_FULL_STATES = {"53100"}
_CONFLICT_STATES = {"40001", "40P01"}
# The server shuts down, has crashed, or is not up yet.
_DOWN_STATES = {"57P01", "57P02", "57P03"}
_CONNECTION_STATES = "08"

_SQLITE_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PRIMARY_CODE = 0xFF


class DatabaseUnavailable(Exception):
    """The database does not work now: not reached, locked by another, broken, or stopped."""


class DatabaseFull(DatabaseUnavailable):
    """There is no room left on its disk."""


def _of_driver(error: BaseException) -> BaseException:
    """The driver's own error, out of SQLAlchemy's wrapping."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig
    return error


def is_connection_lost(error: BaseException, dialect: Dialect) -> bool:
    """Whether the connection is gone, or none was to be had."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    raw = _of_driver(error)
    if isinstance(raw, sqlite3.Error):
        return False
    driver = dialect.loaded_dbapi
    if not isinstance(raw, driver.Error):
        return False
    state = getattr(raw, "pgcode", None)
    if state is None:
        # Connecting fails, and a server vanishes, without a state.
        return isinstance(raw, driver.OperationalError | driver.InterfaceError) or bool(
            dialect.is_disconnect(raw, None, None)
        )
    return state in _DOWN_STATES or state.startswith(_CONNECTION_STATES)


def is_conflict(error: BaseException) -> bool:
    """Whether the same work may well succeed when it is done again."""
    return getattr(_of_driver(error), "pgcode", None) in _CONFLICT_STATES


def is_busy(error: BaseException) -> bool:
    """Whether SQLite's file is locked by another."""
    code = getattr(_of_driver(error), "sqlite_errorcode", 0)
    return bool(code & _PRIMARY_CODE == sqlite3.SQLITE_BUSY)


def _is_full(raw: BaseException) -> bool:
    if isinstance(raw, sqlite3.Error):
        code = getattr(raw, "sqlite_errorcode", 0)
        # The WAL's index cannot grow: SQLite has no better word for a full disk there.
        return code & _PRIMARY_CODE == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE
    return getattr(raw, "pgcode", None) in _FULL_STATES or "No space left on device" in str(raw)


def _is_operational(raw: BaseException, dialect: Dialect) -> bool:
    if isinstance(raw, sqlite3.Error):
        code = getattr(raw, "sqlite_errorcode", 0) & _PRIMARY_CODE
        # SQLITE_ERROR is wrong SQL: a fault of ours, which must not look like an outage.
        operational = isinstance(raw, sqlite3.OperationalError) and code != sqlite3.SQLITE_ERROR
        return operational or code in _SQLITE_BROKEN
    return isinstance(raw, dialect.loaded_dbapi.OperationalError)


def translated(error: BaseException, dialect: Dialect) -> BaseException:
    """
    The error that a caller of the database sees.

    @return: L{DatabaseFull} or L{DatabaseUnavailable} for what is the database's trouble, with
        C{error} as its cause; C{error} itself for anything else.
    """
    raw = _of_driver(error)
    if not isinstance(raw, dialect.loaded_dbapi.Error):
        return error
    ours: DatabaseUnavailable
    if _is_full(raw):
        ours = DatabaseFull("the database's disk is full")
    elif _is_operational(raw, dialect) or is_connection_lost(error, dialect):
        ours = DatabaseUnavailable(str(raw).strip() or type(raw).__name__)
    else:
        return error
    ours.__cause__ = error
    return ours
