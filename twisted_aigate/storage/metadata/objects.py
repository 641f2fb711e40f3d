"""Objects: a row each, and further rows for the blobs of one that has several."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, or_, select, update
from sqlalchemy import delete as sql_delete

from twisted_aigate.storage.metadata import garbage
from twisted_aigate.storage.metadata.columns import (
    checksum_in,
    checksum_out,
    numbers_in,
    numbers_out,
    texts_in,
    texts_out,
)
from twisted_aigate.storage.metadata.paging import (
    Position,
    Query,
    next_after,
    read_page,
)
from twisted_aigate.storage.metadata.schema import NewRows, object_blobs, objects
from twisted_aigate.storage.models import BlobRef, Listing, StoredObject

_o = objects.c
_b = object_blobs.c
_rows = NewRows(objects)
_blob_rows = NewRows(object_blobs)

# Statements are made once: making one costs SQLAlchemy more than running it.
_in_bucket = _o.bucket == bindparam("of_bucket")
_this = _in_bucket & (_o.key == bindparam("of_key"))
_live = or_(_o.expires_at.is_(None), _o.expires_at > bindparam("now"))
_expired = _o.expires_at <= bindparam("now")
_blobs_of_this = (_b.bucket == bindparam("of_bucket")) & (_b.key == bindparam("of_key"))

_summary = (
    _o.bucket,
    _o.key,
    _o.size,
    _o.etag,
    _o.content_type,
    _o.uploaded_at,
    _o.expires_at,
    _o.checksum_algorithm,
    _o.checksum_value,
    _o.checksum_type,
)
_get = select(
    *_summary, _o.blob, _o.headers, _o.metadata, _o.tags, _o.part_sizes, _o.content
).where(_this & _live)
_get_blobs = select(_b.blob, _b.size).where(_blobs_of_this).order_by(_b.position)
# SQLite 3.40 says of every column of a deleted row without a rowid that it IS NOT NULL.
_removed = (_o.blob, func.length(_o.content).label("content_size"))
_delete = sql_delete(objects).where(_this).returning(*_removed)
_delete_expired = sql_delete(objects).where(_this & _expired).returning(*_removed)
_delete_blobs = sql_delete(object_blobs).where(_blobs_of_this).returning(_b.blob)
_set_tags = update(objects).where(_this).values(tags=bindparam("new_tags"))

_list_to_end = (
    select(*_summary)
    .where(_in_bucket & (_o.key >= bindparam("start")) & _live)
    .order_by(_o.key)
    .limit(bindparam("most"))
)
_list = _list_to_end.where(_o.key < bindparam("end"))
_list_expired = (
    select(_o.bucket, _o.key).where(_expired).order_by(_o.expires_at).limit(bindparam("most"))
)
_count = select(func.count(), func.coalesce(func.sum(_o.size), 0)).select_from(objects)
_any = select(_o.key).where(_in_bucket & _live).limit(1)


def get(conn: Connection, bucket: str, key: str, now: float) -> StoredObject | None:
    """The object of a key; an expired one is none."""
    this = {"of_bucket": bucket, "of_key": key}
    row = conn.execute(_get, {**this, "now": now}).one_or_none()
    if row is None:
        return None
    blobs: tuple[BlobRef, ...] = ()
    if row.blob is not None:
        blobs = (BlobRef(row.blob, row.size),)
    elif row.content is None:
        blobs = tuple(BlobRef(*found) for found in conn.execute(_get_blobs, this))
    return _stored(
        row,
        blobs=blobs,
        headers=texts_in(row.headers),
        metadata=texts_in(row.metadata),
        tags=texts_in(row.tags),
        part_sizes=numbers_in(row.part_sizes),
        content=row.content,
    )


def put(conn: Connection, obj: StoredObject) -> None:
    """
    Make C{obj} the object of its key.

    The blobs of the one before, but for those that C{obj} has too, go into the garbage.

    @raise IntegrityError: One of its blobs is another object's or a part's.
    """
    kept = {blob.id for blob in obj.blobs}
    row = _as_row(obj)
    # A new key, the usual case, takes one statement.
    while not _rows.insert(conn, row):
        _remove(conn, obj.bucket, obj.key, _delete, {}, kept)
    if row["blob"] is None and obj.blobs:
        _blob_rows.insert_all(
            conn,
            [
                {
                    "bucket": obj.bucket,
                    "key": obj.key,
                    "position": position,
                    "blob": blob.id,
                    "size": blob.size,
                }
                for position, blob in enumerate(obj.blobs)
            ],
        )


def delete(conn: Connection, bucket: str, key: str) -> bool:
    """
    Delete the object of a key, expired or not; its blobs go into the garbage.

    @return: Whether there was one.
    """
    return _remove(conn, bucket, key, _delete, {})


def delete_if_expired(conn: Connection, bucket: str, key: str, now: float) -> bool:
    """
    Delete the object of a key if it has expired; its blobs go into the garbage.

    @return: Whether it had.
    """
    return _remove(conn, bucket, key, _delete_expired, {"now": now})


def set_tags(conn: Connection, bucket: str, key: str, tags: Mapping[str, str]) -> bool:
    """
    Give an object, expired or not, these tags in place of those it has.

    @return: Whether there is such an object.
    """
    values = {"of_bucket": bucket, "of_key": key, "new_tags": texts_out(tags)}
    return conn.execute(_set_tags, values).rowcount == 1


def list_page(
    conn: Connection,
    bucket: str,
    prefix: str,
    delimiter: str,
    after: str,
    limit: int,
    now: float,
) -> Listing:
    """
    A page of the list of keys, as S3's ListObjectsV2 has it.

    @param prefix: What the keys begin with.
    @param delimiter: Keys that have it behind the prefix are listed as one common prefix; empty:
        none are.
    @param after: The page has what comes after this key; or after this common prefix, with all
        that is under it. Empty: from the beginning.
    @param limit: The most keys and common prefixes, together.
    @return: The page. Its objects lack what no list shows: bytes, part sizes, headers, metadata
        and tags.
    """
    query = Query(prefix, delimiter, after, limit)

    def fetch(start: Position, end: str | None, most: int) -> list[Row[Any]]:
        values = {"of_bucket": bucket, "start": start[0], "most": most, "now": now}
        if end is None:
            return list(conn.execute(_list_to_end, values))
        return list(conn.execute(_list, {**values, "end": end}))

    page = read_page(query, fetch, lambda row: next_after(row.key))
    return Listing(
        objects=tuple(_stored(row) for row in page.rows),
        prefixes=page.prefixes,
        next_key=page.next_key,
    )


def expired(conn: Connection, now: float, limit: int) -> list[tuple[str, str]]:
    """Buckets and keys of objects that have expired, those first that did so first."""
    rows = conn.execute(_list_expired, {"now": now, "most": limit})
    return [(row.bucket, row.key) for row in rows]


def count(conn: Connection) -> tuple[int, int]:
    """
    Count all, by looking at each.

    @return: How many there are, expired ones too, and their bytes.
    """
    number, size = conn.execute(_count).one()
    return number, int(size)


def is_empty(conn: Connection, bucket: str, now: float) -> bool:
    """Whether a bucket has no object but expired ones."""
    return conn.execute(_any, {"of_bucket": bucket, "now": now}).first() is None


def _remove(
    conn: Connection,
    bucket: str,
    key: str,
    statement: Any,
    condition: Mapping[str, Any],
    kept: Collection[str] = (),
) -> bool:
    this = {"of_bucket": bucket, "of_key": key}
    row = conn.execute(statement, {**this, **condition}).one_or_none()
    if row is None:
        return False
    if row.content_size is not None:
        return True
    blobs = conn.execute(_delete_blobs, this).scalars().all() if row.blob is None else [row.blob]
    garbage.add(conn, (blob for blob in blobs if blob not in kept))
    return True


def _as_row(obj: StoredObject) -> dict[str, Any]:
    # The size of an only blob is not kept: it is the object's.
    single = len(obj.blobs) == 1 and obj.blobs[0].size == obj.size
    return {
        "bucket": obj.bucket,
        "key": obj.key,
        "size": obj.size,
        "etag": obj.etag,
        "content_type": obj.content_type,
        "uploaded_at": obj.uploaded_at,
        "expires_at": obj.expires_at,
        **checksum_out(obj.checksum),
        "blob": obj.blobs[0].id if single else None,
        "headers": texts_out(obj.headers),
        "metadata": texts_out(obj.metadata),
        "tags": texts_out(obj.tags),
        "part_sizes": numbers_out(obj.part_sizes),
        "content": obj.content,
    }


def _stored(row: Any, blobs: tuple[BlobRef, ...] = (), **details: Any) -> StoredObject:
    return StoredObject(
        bucket=row.bucket,
        key=row.key,
        blobs=blobs,
        size=row.size,
        etag=row.etag,
        content_type=row.content_type,
        uploaded_at=row.uploaded_at,
        expires_at=row.expires_at,
        checksum=checksum_in(row.checksum_algorithm, row.checksum_value, row.checksum_type),
        **details,
    )
