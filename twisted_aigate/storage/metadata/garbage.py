"""Blobs that nothing uses any more, until they are deleted from the blob store."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import BindParameter, Connection, bindparam, delete, select, union_all

from twisted_aigate.storage.metadata.schema import NewRows, garbage, object_blobs, objects, parts

_AT_ONCE = 500
"""Ids in one statement: SQLite bounds them."""

_rows = NewRows(garbage)
_ids: BindParameter[str] = bindparam("ids", expanding=True)
_take = select(garbage.c.blob).limit(bindparam("most"))
_forget = delete(garbage).where(garbage.c.blob.in_(_ids))
_referenced = union_all(
    *(
        select(table.c.blob).where(table.c.blob.in_(_ids))
        for table in (objects, object_blobs, parts)
    )
)


def _batches(blob_ids: Collection[str]) -> Iterable[list[str]]:
    ids = list(blob_ids)
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


def add(conn: Connection, blob_ids: Iterable[str]) -> None:
    """Put blobs into the garbage; those that lie there already stay."""
    _rows.insert_all(conn, [{"blob": blob_id} for blob_id in blob_ids])


def take(conn: Connection, limit: int) -> list[str]:
    """Some of the garbage, at most C{limit}; it stays there until it is forgotten."""
    return list(conn.execute(_take, {"most": limit}).scalars())


def forget(conn: Connection, blob_ids: Collection[str]) -> None:
    """Take blobs that are deleted out of the garbage."""
    for ids in _batches(blob_ids):
        conn.execute(_forget, {"ids": ids})


def referenced(conn: Connection, blob_ids: Collection[str]) -> set[str]:
    """Which of C{blob_ids} an object or a part of an upload consists of."""
    found: set[str] = set()
    for ids in _batches(blob_ids):
        found.update(conn.execute(_referenced, {"ids": ids}).scalars())
    return found
