"""Lists of objects: ListObjects, ListObjectsV2, ListObjectVersions."""

from __future__ import annotations

import base64
import binascii

from twisted_aigate.storage.models import StoredObject
from twisted_aigate.storage.routes.api import Operation, xml_reply
from twisted_aigate.storage.routes.xml import Child, timestamp, url_encoded
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.web.reply import Reply

MOST_KEYS = 1000


def read_encoding(operation: Operation) -> bool:
    """
    Whether keys are written percent-encoded.

    @raise S3Error: Another encoding is asked for.
    """
    wanted = operation.target.query.get("encoding-type")
    if wanted not in (None, "", "url"):
        raise S3Error(
            ErrorCode.InvalidArgument,
            "Invalid Encoding Method specified in Request",
            extra={"ArgumentName": "encoding-type", "ArgumentValue": wanted or ""},
        )
    return wanted == "url"


def encoded(text: str, url: bool) -> str:
    """A key as a list has it."""
    return url_encoded(text) if url else text


def owner_of(name: str) -> list[Child]:
    """An C{Owner} element's content."""
    return [("ID", name), ("DisplayName", name)]


def _summary(found: StoredObject, url: bool, owner: str | None) -> list[Child]:
    content: list[Child] = [
        ("Key", encoded(found.key, url)),
        ("LastModified", timestamp(found.uploaded_at)),
        ("ETag", f'"{found.etag}"'),
    ]
    if found.checksum is not None:
        content.append(("ChecksumAlgorithm", found.checksum.algorithm))
        content.append(("ChecksumType", found.checksum.type))
    content += [("Size", found.size), ("StorageClass", "STANDARD")]
    if owner is not None:
        content.append(("Owner", owner_of(owner)))
    return content


def _token(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode("utf-8")).decode("ascii")


def _key_of(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise S3Error(
            ErrorCode.InvalidArgument, "The continuation token provided is incorrect."
        ) from None


def _prefixes(prefixes: tuple[str, ...], url: bool) -> list[Child]:
    return [("CommonPrefixes", [("Prefix", encoded(prefix, url))]) for prefix in prefixes]


async def list_objects_v2(operation: Operation) -> Reply:
    """ListObjectsV2."""
    bucket = await operation.readable()
    query, url = operation.target.query, read_encoding(operation)
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    limit = operation.target.number("max-keys", MOST_KEYS)
    token = query.get("continuation-token")
    if token == "":
        raise S3Error(ErrorCode.InvalidArgument, "The continuation token provided is incorrect.")
    after = query.get("start-after", "") if token is None else _key_of(token)
    page = await operation.api.store.list_page(
        bucket, prefix, delimiter, after, min(limit, MOST_KEYS)
    )
    owner = bucket.owner if query.get("fetch-owner") == "true" else None
    content: list[Child] = [
        ("Name", bucket.name),
        ("Prefix", encoded(prefix, url)),
        ("MaxKeys", limit),
    ]
    if delimiter:
        content.append(("Delimiter", encoded(delimiter, url)))
    if url:
        content.append(("EncodingType", "url"))
    content.append(("KeyCount", len(page.objects) + len(page.prefixes)))
    content.append(("IsTruncated", page.next_key is not None))
    if token is not None:
        content.append(("ContinuationToken", token))
    if page.next_key is not None:
        content.append(("NextContinuationToken", _token(page.next_key)))
    if "start-after" in query:
        content.append(("StartAfter", encoded(query["start-after"], url)))
    content += [("Contents", _summary(found, url, owner)) for found in page.objects]
    content += _prefixes(page.prefixes, url)
    return xml_reply("ListBucketResult", content)


async def list_objects(operation: Operation) -> Reply:
    """ListObjects, version 1."""
    bucket = await operation.readable()
    query, url = operation.target.query, read_encoding(operation)
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    marker = query.get("marker", "")
    limit = operation.target.number("max-keys", MOST_KEYS)
    page = await operation.api.store.list_page(
        bucket, prefix, delimiter, marker, min(limit, MOST_KEYS)
    )
    content: list[Child] = [
        ("Name", bucket.name),
        ("Prefix", encoded(prefix, url)),
        ("Marker", encoded(marker, url)),
        ("MaxKeys", limit),
    ]
    if delimiter:
        content.append(("Delimiter", encoded(delimiter, url)))
    if url:
        content.append(("EncodingType", "url"))
    content.append(("IsTruncated", page.next_key is not None))
    if page.next_key is not None and delimiter:
        content.append(("NextMarker", encoded(page.next_key, url)))
    content += [("Contents", _summary(found, url, bucket.owner)) for found in page.objects]
    content += _prefixes(page.prefixes, url)
    return xml_reply("ListBucketResult", content)


async def list_versions(operation: Operation) -> Reply:
    """ListObjectVersions: each object has one, called C{null}."""
    bucket = await operation.readable()
    query, url = operation.target.query, read_encoding(operation)
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    marker = query.get("key-marker", "")
    limit = operation.target.number("max-keys", MOST_KEYS)
    page = await operation.api.store.list_page(
        bucket, prefix, delimiter, marker, min(limit, MOST_KEYS)
    )
    content: list[Child] = [
        ("Name", bucket.name),
        ("Prefix", encoded(prefix, url)),
        ("KeyMarker", encoded(marker, url)),
        ("VersionIdMarker", query.get("version-id-marker", "")),
        ("MaxKeys", limit),
    ]
    if delimiter:
        content.append(("Delimiter", encoded(delimiter, url)))
    if url:
        content.append(("EncodingType", "url"))
    content.append(("IsTruncated", page.next_key is not None))
    if page.next_key is not None:
        content.append(("NextKeyMarker", encoded(page.next_key, url)))
        content.append(("NextVersionIdMarker", "null"))
    for found in page.objects:
        summary = _summary(found, url, bucket.owner)
        content.append(("Version", [*summary, ("VersionId", "null"), ("IsLatest", True)]))
    content += _prefixes(page.prefixes, url)
    return xml_reply("ListVersionsResult", content)
