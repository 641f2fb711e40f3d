"""Lists of objects: ListObjects, ListObjectsV2, ListObjectVersions."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from twisted_aigate.storage.models import Bucket, Listing, StoredObject
from twisted_aigate.storage.routes.api import Operation, xml_reply
from twisted_aigate.storage.routes.xml import Child, url_encoded
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.views import timestamp
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


def _page(
    operation: Operation,
    bucket: Bucket,
    page: Listing,
    marks: list[Child],
    entries: Callable[[StoredObject], Child],
) -> list[Child]:
    """
    What all three lists have in common.

    @param marks: Where the page starts, and where the next one does.
    @param entries: Makes the element of an object.
    """
    query, url = operation.target.query, read_encoding(operation)
    content: list[Child] = [
        ("Name", bucket.name),
        ("Prefix", encoded(query.get("prefix", ""), url)),
        ("MaxKeys", operation.target.number("max-keys", MOST_KEYS)),
    ]
    if query.get("delimiter"):
        content.append(("Delimiter", encoded(query["delimiter"], url)))
    if url:
        content.append(("EncodingType", "url"))
    content.append(("IsTruncated", page.next_key is not None))
    content += marks
    content += map(entries, page.objects)
    content += [("CommonPrefixes", [("Prefix", encoded(prefix, url))]) for prefix in page.prefixes]
    return content


async def _listed(operation: Operation, bucket: Bucket, after: str) -> Listing:
    query = operation.target.query
    limit = min(operation.target.number("max-keys", MOST_KEYS), MOST_KEYS)
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    return await operation.api.store.list_page(bucket, prefix, delimiter, after, limit)


async def _rendered(operation: Operation, render: Callable[[], Reply]) -> Reply:
    # A thousand entries take tens of milliseconds to write: too long for the reactor.
    return await operation.api.store.threads.run(render)


async def list_objects_v2(operation: Operation) -> Reply:
    """ListObjectsV2."""
    bucket = await operation.readable()
    query, url = operation.target.query, read_encoding(operation)
    token = query.get("continuation-token")
    if token == "":
        raise S3Error(ErrorCode.InvalidArgument, "The continuation token provided is incorrect.")
    after = query.get("start-after", "") if token is None else _key_of(token)
    page = await _listed(operation, bucket, after)
    owner = bucket.owner if query.get("fetch-owner") == "true" else None

    def render() -> Reply:
        marks: list[Child] = [("KeyCount", len(page.objects) + len(page.prefixes))]
        if token is not None:
            marks.append(("ContinuationToken", token))
        if page.next_key is not None:
            marks.append(("NextContinuationToken", _token(page.next_key)))
        if "start-after" in query:
            marks.append(("StartAfter", encoded(query["start-after"], url)))
        content = _page(
            operation, bucket, page, marks, lambda found: ("Contents", _summary(found, url, owner))
        )
        return xml_reply("ListBucketResult", content)

    return await _rendered(operation, render)


async def list_objects(operation: Operation) -> Reply:
    """ListObjects, version 1."""
    bucket = await operation.readable()
    query, url = operation.target.query, read_encoding(operation)
    marker = query.get("marker", "")
    page = await _listed(operation, bucket, marker)

    def render() -> Reply:
        marks: list[Child] = [("Marker", encoded(marker, url))]
        if page.next_key is not None and query.get("delimiter"):
            marks.append(("NextMarker", encoded(page.next_key, url)))
        content = _page(
            operation,
            bucket,
            page,
            marks,
            lambda found: ("Contents", _summary(found, url, bucket.owner)),
        )
        return xml_reply("ListBucketResult", content)

    return await _rendered(operation, render)


async def list_versions(operation: Operation) -> Reply:
    """ListObjectVersions: each object has one, called C{null}."""
    bucket = await operation.readable()
    query, url = operation.target.query, read_encoding(operation)
    marker = query.get("key-marker", "")
    page = await _listed(operation, bucket, marker)

    def version(found: StoredObject) -> Child:
        summary = _summary(found, url, bucket.owner)
        return ("Version", [*summary, ("VersionId", "null"), ("IsLatest", True)])

    def render() -> Reply:
        marks: list[Child] = [
            ("KeyMarker", encoded(marker, url)),
            ("VersionIdMarker", query.get("version-id-marker", "")),
        ]
        if page.next_key is not None:
            marks.append(("NextKeyMarker", encoded(page.next_key, url)))
            marks.append(("NextVersionIdMarker", "null"))
        content = _page(operation, bucket, page, marks, version)
        return xml_reply("ListVersionsResult", content)

    return await _rendered(operation, render)
