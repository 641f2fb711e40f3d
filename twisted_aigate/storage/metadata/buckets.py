"""Buckets that were made through S3; those of the configuration are not here."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select
from sqlalchemy import delete as sql_delete

from twisted_aigate.storage.metadata.schema import NewRows, buckets
from twisted_aigate.storage.models import Bucket

_rows = NewRows(buckets)
_all = select(
    buckets.c.name,
    buckets.c.owner,
    buckets.c.public,
    buckets.c.ttl,
    buckets.c.max_file_size,
    buckets.c.created_at,
).order_by(buckets.c.name)
_named = buckets.c.name == bindparam("of")
_one = _all.where(_named)
_delete = sql_delete(buckets).where(_named)


def create(conn: Connection, bucket: Bucket) -> bool:
    """
    Make a bucket.

    @return: Whether there was none of its name; one that is there stays as it is.
    """
    return _rows.insert(
        conn,
        {
            "name": bucket.name,
            "owner": bucket.owner,
            "public": bucket.public,
            "ttl": bucket.ttl,
            "max_file_size": bucket.max_file_size,
            "created_at": bucket.created_at,
        },
    )


def get(conn: Connection, name: str) -> Bucket | None:
    """The bucket of a name."""
    row = conn.execute(_one, {"of": name}).one_or_none()
    return None if row is None else Bucket(*row)


def list_all(conn: Connection) -> list[Bucket]:
    """All buckets, by name."""
    return [Bucket(*row) for row in conn.execute(_all)]


def delete(conn: Connection, name: str) -> bool:
    """
    Delete a bucket, whatever is in it.

    @return: Whether there was one.
    """
    return conn.execute(_delete, {"of": name}).rowcount == 1
