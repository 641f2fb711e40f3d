"""Multipart uploads that are under way, and their parts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, tuple_
from sqlalchemy import delete as sql_delete

from twisted_aigate.storage.metadata import garbage, objects
from twisted_aigate.storage.metadata.columns import checksum_in, checksum_out, texts_in, texts_out
from twisted_aigate.storage.metadata.paging import Position, Query, read_page
from twisted_aigate.storage.metadata.schema import NewRows, parts, uploads
from twisted_aigate.storage.models import BlobRef, Part, StoredObject, Upload, UploadListing

_u = uploads.c
_p = parts.c
_rows = NewRows(uploads)
_part_rows = NewRows(parts)

_this = _u.id == bindparam("of_upload")
_parts_of_this = _p.upload == bindparam("of_upload")
_this_part = _parts_of_this & (_p.number == bindparam("of_number"))

_all = select(uploads)
_get = _all.where(_this & (_u.bucket == bindparam("of_bucket")) & (_u.key == bindparam("of_key")))
# Completing or aborting the upload, by another process, waits for the part or is waited for.
_hold = select(_u.id).where(_this).with_for_update(read=True, key_share=True)
_delete = sql_delete(uploads).where(_this).returning(_u.id)
_delete_parts = sql_delete(parts).where(_parts_of_this).returning(_p.blob)
_delete_part = sql_delete(parts).where(_this_part).returning(_p.blob)
_list_parts = (
    select(parts)
    .where(_parts_of_this & (_p.number > bindparam("after")))
    .order_by(_p.number)
    .limit(bindparam("most"))
)
_size_beside = select(func.coalesce(func.sum(_p.size), 0)).where(
    _parts_of_this & (_p.number != bindparam("of_number"))
)
_list_to_end = (
    _all.where(
        (_u.bucket == bindparam("of_bucket"))
        & (tuple_(_u.key, _u.id) > tuple_(bindparam("start"), bindparam("after_id")))
    )
    .order_by(_u.key, _u.id)
    .limit(bindparam("most"))
)
_list = _list_to_end.where(_u.key < bindparam("end"))
_stale = (
    _all.where(_u.initiated_at < bindparam("before"))
    .order_by(_u.initiated_at)
    .limit(bindparam("most"))
)
_ids_in_bucket = select(_u.id).where(_u.bucket == bindparam("of_bucket"))


def create(conn: Connection, upload: Upload) -> None:
    """
    Begin an upload.

    @raise ValueError: Its id is taken.
    """
    row = {
        "id": upload.id,
        "bucket": upload.bucket,
        "key": upload.key,
        "owner": upload.owner,
        "initiated_at": upload.initiated_at,
        "content_type": upload.content_type,
        "headers": texts_out(upload.headers),
        "metadata": texts_out(upload.metadata),
        "tags": texts_out(upload.tags),
        "checksum_algorithm": upload.checksum_algorithm,
        "checksum_type": upload.checksum_type,
    }
    if not _rows.insert(conn, row):
        raise ValueError(f"there is an upload {upload.id}")


def get(conn: Connection, upload_id: str, bucket: str, key: str) -> Upload | None:
    """The upload of an id, if it is one to this key of this bucket."""
    values = {"of_upload": upload_id, "of_bucket": bucket, "of_key": key}
    row = conn.execute(_get, values).one_or_none()
    return None if row is None else _upload(row)


def list_page(
    conn: Connection,
    bucket: str,
    prefix: str,
    delimiter: str,
    key_marker: str,
    upload_id_marker: str,
    limit: int,
) -> UploadListing:
    """
    A page of the list of uploads, by key and id, as S3's ListMultipartUploads has it.

    @param prefix: What the keys begin with.
    @param delimiter: Keys that have it behind the prefix are listed as one common prefix; empty:
        none are.
    @param key_marker: The page has the uploads to keys after this one; or after this common
        prefix, with all that is under it. Empty: from the beginning.
    @param upload_id_marker: With a C{key_marker}, the page also has the uploads to that very key
        whose ids come after this one.
    @param limit: The most uploads and common prefixes, together.
    """
    query = Query(prefix, delimiter, key_marker, limit, upload_id_marker)

    def fetch(start: Position, end: str | None, most: int) -> list[Row[Any]]:
        values = {"of_bucket": bucket, "start": start[0], "after_id": start[1], "most": most}
        if end is None:
            return list(conn.execute(_list_to_end, values))
        return list(conn.execute(_list, {**values, "end": end}))

    page = read_page(query, fetch, lambda row: (row.key, row.id))
    last = page.entries[-1] if page.truncated else ""
    return UploadListing(
        uploads=tuple(_upload(row) for row in page.rows),
        prefixes=page.prefixes,
        next_key=page.next_key,
        next_upload_id="" if isinstance(last, str) else str(last.id),
    )


def stale(conn: Connection, before: float, limit: int) -> list[Upload]:
    """Uploads that were begun before a time, the oldest first."""
    rows = conn.execute(_stale, {"before": before, "most": limit})
    return [_upload(row) for row in rows]


def put_part(conn: Connection, upload_id: str, part: Part) -> bool:
    """
    Add a part to an upload, in place of one of the same number, whose blob goes into the garbage.

    @return: Whether there is such an upload; if not, nothing is done.
    @raise IntegrityError: Its blob is an object's or another part's.
    """
    if conn.execute(_hold, {"of_upload": upload_id}).first() is None:
        return False
    row = {
        "upload": upload_id,
        "number": part.number,
        "blob": part.blob.id,
        "size": part.blob.size,
        "etag": part.etag,
        "uploaded_at": part.uploaded_at,
        **checksum_out(part.checksum),
    }
    this = {"of_upload": upload_id, "of_number": part.number}
    while not _part_rows.insert(conn, row):
        replaced = conn.execute(_delete_part, this).scalars().all()
        garbage.add(conn, (blob for blob in replaced if blob != part.blob.id))
    return True


def size_beside(conn: Connection, upload_id: str, number: int) -> int:
    """How many bytes the parts of an upload have, but for that of a number."""
    this = {"of_upload": upload_id, "of_number": number}
    return int(conn.execute(_size_beside, this).scalar_one())


def list_parts(conn: Connection, upload_id: str, after: int, limit: int) -> list[Part]:
    """The parts of an upload with numbers over C{after}, by number, at most C{limit}."""
    values = {"of_upload": upload_id, "after": after, "most": limit}
    return [_part(row) for row in conn.execute(_list_parts, values)]


def complete(conn: Connection, upload_id: str, obj: StoredObject, kept: Collection[str]) -> bool:
    """
    Make an upload an object.

    @param obj: The object.
    @param kept: The parts' blobs that it consists of; those of the other parts go into the
        garbage.
    @return: Whether there was such an upload; if not, nothing is done.
    """
    if not _remove(conn, upload_id, kept):
        return False
    objects.put(conn, obj)
    return True


def abort(conn: Connection, upload_id: str) -> bool:
    """
    Remove an upload; its blobs go into the garbage.

    @return: Whether there was one.
    """
    return _remove(conn, upload_id, ())


def abort_all(conn: Connection, bucket: str) -> None:
    """Remove all uploads to a bucket, as it is deleted; their blobs go into the garbage."""
    for upload_id in conn.execute(_ids_in_bucket, {"of_bucket": bucket}).scalars().all():
        abort(conn, upload_id)


def _remove(conn: Connection, upload_id: str, kept: Collection[str]) -> bool:
    this = {"of_upload": upload_id}
    if conn.execute(_delete, this).first() is None:
        return False
    blobs = conn.execute(_delete_parts, this).scalars().all()
    kept = frozenset(kept)
    garbage.add(conn, (blob for blob in blobs if blob not in kept))
    return True


def _upload(row: Row[Any]) -> Upload:
    return Upload(
        id=row.id,
        bucket=row.bucket,
        key=row.key,
        owner=row.owner,
        initiated_at=row.initiated_at,
        content_type=row.content_type,
        headers=texts_in(row.headers),
        metadata=texts_in(row.metadata),
        tags=texts_in(row.tags),
        checksum_algorithm=row.checksum_algorithm,
        checksum_type=row.checksum_type,
    )


def _part(row: Row[Any]) -> Part:
    return Part(
        number=row.number,
        blob=BlobRef(row.blob, row.size),
        etag=row.etag,
        uploaded_at=row.uploaded_at,
        checksum=checksum_in(row.checksum_algorithm, row.checksum_value, row.checksum_type),
    )
