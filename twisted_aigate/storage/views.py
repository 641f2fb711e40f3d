"""What callers of the plain API and of the tools are shown: one definition for both."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote

from msgspec import Struct

from twisted_aigate.storage.buckets import AccessKey
from twisted_aigate.storage.models import Bucket, StoredObject
from twisted_aigate.storage.s3.credential import MOST_EXPIRES
from twisted_aigate.storage.s3.presign import presign

MOST_LISTED = 1000
DEFAULT_EXPIRES = 3600
_REGION = "us-east-1"

Method = Literal["GET", "PUT"]


class BucketNames(Struct):
    """
    Buckets.

    @ivar buckets: Their names.
    """

    buckets: list[str]


class ObjectInfo(Struct):
    """
    An object, without its bytes.

    @ivar size: Bytes.
    @ivar etag: MD5 in hex, or C{md5-N} after a multipart upload of N parts.
    @ivar uploaded_at: ISO 8601, UTC.
    @ivar expires_at: ISO 8601, UTC; null: never.
    """

    bucket: str
    key: str
    content_type: str
    size: int
    etag: str
    uploaded_at: str
    expires_at: str | None


class ObjectList(Struct):
    """Objects of a bucket."""

    bucket: str
    objects: list[ObjectInfo]


class PresignedURL(Struct):
    """
    A URL that needs no key.

    @ivar expires: Seconds that it is good for; null: for ever.
    """

    url: str
    method: Method
    expires: int | None


def timestamp(seconds: float) -> str:
    """A time as S3 writes it in XML: ISO 8601 with milliseconds, UTC."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def shown(found: StoredObject) -> ObjectInfo:
    """An object as it is shown."""
    return ObjectInfo(
        found.bucket,
        found.key,
        found.content_type,
        found.size,
        found.etag,
        timestamp(found.uploaded_at),
        None if found.expires_at is None else timestamp(found.expires_at),
    )


def object_url(prefix: str, bucket: str, key: str) -> str:
    """
    The plain URL of an object.

    @param prefix: What stands before buckets, without a slash at its end.
    """
    return f"{prefix}/{bucket}/{quote(key, safe='/~')}"


def presigned(
    base_url: str,
    prefix: str,
    bucket: Bucket,
    key: str,
    method: Method,
    expires: int,
    signer: AccessKey,
    now: float,
) -> PresignedURL:
    """
    A URL that needs no key: a public bucket's is its plain one, a private one's is signed.

    @param base_url: Scheme and authority at which it will be asked for.
    @param prefix: The path that stands before buckets, without a slash at its end.
    @param expires: Seconds that it is to be good for.
    @param signer: Whose key signs it.
    @param now: Seconds since the epoch.
    """
    if bucket.public and method == "GET":
        return PresignedURL(object_url(base_url + prefix, bucket.name, key), method, None)
    expires = min(max(expires, 1), MOST_EXPIRES)
    path = object_url(prefix, bucket.name, key).encode("ascii")
    secret = signer.secret.reveal()
    url = presign(method, base_url, path, signer.public, secret, _REGION, expires, now)
    return PresignedURL(url, method, expires)
