"""The tables, the same for SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    Index,
    Insert,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.dialects import postgresql, sqlite

metadata = MetaData()

# Compared as the bytes of its UTF-8, which S3's order of keys is; in SQLite that is the default.
_BYTEWISE = Text().with_variant(Text(collation="C"), "postgresql")

objects = Table(
    "objects",
    metadata,
    Column("bucket", _BYTEWISE, primary_key=True),
    Column("key", _BYTEWISE, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("uploaded_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("checksum_algorithm", Text),
    Column("checksum_value", Text),
    Column("checksum_type", Text),
    # The blob of an object of one blob, which nearly all are; those of others are in object_blobs.
    Column("blob", _BYTEWISE),
    Column("headers", Text),
    Column("metadata", Text),
    Column("tags", Text),
    Column("part_sizes", Text),
    # The bytes of a small object, which has no blob then. Last: lists read what stands before it.
    Column("content", LargeBinary),
    # The rows are the index: a list of keys reads one tree from left to right.
    sqlite_with_rowid=False,
)
Index("objects_blob", objects.c.blob, unique=True)
Index(
    "objects_expires_at",
    objects.c.expires_at,
    sqlite_where=objects.c.expires_at.is_not(None),
    postgresql_where=objects.c.expires_at.is_not(None),
)

object_blobs = Table(
    "object_blobs",
    metadata,
    Column("bucket", _BYTEWISE, primary_key=True),
    Column("key", _BYTEWISE, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("blob", _BYTEWISE, nullable=False),
    Column("size", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("object_blobs_blob", object_blobs.c.blob, unique=True)

uploads = Table(
    "uploads",
    metadata,
    Column("id", _BYTEWISE, primary_key=True),
    Column("bucket", _BYTEWISE, nullable=False),
    Column("key", _BYTEWISE, nullable=False),
    Column("owner", Text, nullable=False),
    Column("initiated_at", Double, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("headers", Text),
    Column("metadata", Text),
    Column("tags", Text),
    Column("checksum_algorithm", Text),
    Column("checksum_type", Text),
)
Index("uploads_bucket_key", uploads.c.bucket, uploads.c.key, uploads.c.id)
Index("uploads_initiated_at", uploads.c.initiated_at)

parts = Table(
    "parts",
    metadata,
    Column("upload", _BYTEWISE, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("blob", _BYTEWISE, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("uploaded_at", Double, nullable=False),
    Column("checksum_algorithm", Text),
    Column("checksum_value", Text),
    Column("checksum_type", Text),
    sqlite_with_rowid=False,
)
Index("parts_blob", parts.c.blob, unique=True)

garbage = Table(
    "garbage",
    metadata,
    Column("blob", _BYTEWISE, primary_key=True),
    sqlite_with_rowid=False,
)

buckets = Table(
    "buckets",
    metadata,
    Column("name", _BYTEWISE, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("public", Boolean, nullable=False),
    Column("ttl", Double, nullable=False),
    Column("max_file_size", BigInteger, nullable=False),
    Column("created_at", Double, nullable=False),
)


class NewRows:
    """
    Inserts rows, leaving alone those whose key is there.

    @param table: Where to.
    """

    def __init__(self, table: Table) -> None:
        # Made once: SQLAlchemy finds what it compiled for a statement by the statement itself.
        key = list(table.primary_key.columns)
        self._statements: dict[str, Insert] = {
            "sqlite": sqlite.insert(table).on_conflict_do_nothing(index_elements=key),
            "postgresql": postgresql.insert(table).on_conflict_do_nothing(index_elements=key),
        }

    def insert(self, conn: Connection, row: dict[str, Any]) -> bool:
        """
        Insert C{row}.

        @return: Whether its key was new.
        """
        return conn.execute(self._statements[conn.dialect.name], row).rowcount == 1

    def insert_all(self, conn: Connection, rows: list[dict[str, Any]]) -> None:
        """Insert those of C{rows} whose key is new."""
        if rows:
            conn.execute(self._statements[conn.dialect.name], rows)
