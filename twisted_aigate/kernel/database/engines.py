"""What SQLite and PostgreSQL want said differently; all else is the same for both."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.pool import NullPool

from twisted_aigate.kernel.units import SECOND

_BUSY_TIMEOUT = 10 * SECOND
_CONNECT_TIMEOUT = 10 * SECOND


@frozen
class Access:
    """
    How a thread uses its connection.

    @ivar set_up: Statements for a fresh connection.
    @ivar begin: The statement that begins a transaction.
    """

    set_up: tuple[str, ...]
    begin: str


@frozen
class Flavour:
    """
    A kind of database.

    @ivar readers: How many threads read. SQLite answers from memory, and what its threads cost is
        the handing over between them; a server's answers are waited for.
    @ivar lock_for_migration: Said at the beginning of the transaction that migrates, so that of
        several processes that start at once one does it and the others wait.
    """

    reading: Access
    writing: Access
    migrating: Access
    readers: int
    lock_for_migration: str | None = None


# In WAL mode readers and the writer do not wait for each other, and a commit is one fsync.
# NORMAL would lose the last commits when the power fails.
_SQLITE_DURABLE = "PRAGMA synchronous = FULL"
_SQLITE_WRITER = ("PRAGMA journal_mode = WAL", _SQLITE_DURABLE)
# BEGIN alone takes the write lock at the first write, where waiting for it may be in vain.
_SQLITE = Flavour(
    reading=Access((_SQLITE_DURABLE, "PRAGMA query_only = ON"), "BEGIN"),
    writing=Access(_SQLITE_WRITER, "BEGIN IMMEDIATE"),
    migrating=Access(_SQLITE_WRITER, "BEGIN IMMEDIATE"),
    readers=2,
)

# A reader of several statements sees one state, as it does in SQLite. A writer sees in each
# statement what others have committed by then; where that matters it locks rows.
_POSTGRESQL = Flavour(
    reading=Access((), "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
    writing=Access((), "BEGIN ISOLATION LEVEL READ COMMITTED"),
    migrating=Access((), "BEGIN ISOLATION LEVEL READ COMMITTED"),
    readers=4,
    lock_for_migration="SELECT pg_advisory_xact_lock(6291943)",
)

_PRISMAS_SCHEMA = "schema"
_PRISMAS = frozenset(
    (
        _PRISMAS_SCHEMA, "connection_limit", "pool_timeout", "pgbouncer", "socket_timeout",
        "max_connection_lifetime", "max_idle_connection_lifetime", "statement_cache_size",
    )
)  # fmt: skip
"""Source: https://www.prisma.io/docs/orm/overview/databases/postgresql#arguments"""

_FLAVOURS = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}


def flavour_of(engine: Engine) -> Flavour:
    """The kind of database behind an engine."""
    return _FLAVOURS[engine.dialect.name]


def make_engine(url: str) -> Engine:
    """
    Make an engine; nothing is opened yet.

    Its connections are in the driver's autocommit mode: pysqlite's and psycopg2's own ways of
    beginning transactions differ, so we begin and end them ourselves.

    @param url: C{sqlite:////path} or C{postgresql://user@host/database}.
    @raise ValueError: It is neither.
    """
    parsed = make_url(url)
    kind = parsed.drivername.partition("+")[0]
    if kind == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise ValueError("SQLite needs a file: several threads share it")
        return create_engine(
            parsed.set(drivername="sqlite+pysqlite"),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"timeout": _BUSY_TIMEOUT},
        )
    if kind in ("postgresql", "postgres"):
        defaults = {"connect_timeout": str(int(_CONNECT_TIMEOUT)), "application_name": "aigate"}
        query = {**defaults, **_without_prismas(parsed.query)}
        return create_engine(
            parsed.set(drivername="postgresql+psycopg2", query=query),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            # Many rows in one round trip: an object of 10,000 parts is that many rows.
            executemany_mode="values_plus_batch",
        )
    raise ValueError(f"{kind} is neither sqlite nor postgresql")


def _without_prismas(
    query: Mapping[str, str | tuple[str, ...]],
) -> dict[str, str | tuple[str, ...]]:
    """A URL's query without what Prisma alone knows: LiteLLM's URLs have it."""
    known = {name: value for name, value in query.items() if name not in _PRISMAS}
    schema = query.get(_PRISMAS_SCHEMA)
    if schema:
        known.setdefault("options", f"-csearch_path={schema}")
    return known
