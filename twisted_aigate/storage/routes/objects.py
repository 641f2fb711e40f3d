"""Operations on objects: get, head, put, copy, delete, tags."""

from __future__ import annotations

import re
from email.utils import formatdate
from functools import lru_cache

from twisted_aigate.storage.access import may_read
from twisted_aigate.storage.intake import too_large
from twisted_aigate.storage.keys import checked_key
from twisted_aigate.storage.models import Bucket, StoredObject
from twisted_aigate.storage.routes.api import Operation, empty_reply, xml_reply
from twisted_aigate.storage.routes.bodies import (
    checked_tags,
    object_headers,
    read_body,
)
from twisted_aigate.storage.routes.caller import denied
from twisted_aigate.storage.routes.conditions import read_condition, wanted_span, write_condition
from twisted_aigate.storage.routes.target import decoded
from twisted_aigate.storage.routes.xml import parse
from twisted_aigate.storage.s3.checksums import algorithm_named
from twisted_aigate.storage.s3.digester import Announced, Digester
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.service import ObjectHeaders
from twisted_aigate.storage.views import timestamp
from twisted_aigate.web.errors import Headers
from twisted_aigate.web.reply import Reply

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_SCRIPTABLE = frozenset(
    ("text/html", "text/xml", "text/xsl", "application/xml", "multipart/x-mixed-replace")
)
_OVERRIDES = {
    "response-content-type": b"Content-Type",
    "response-content-language": b"Content-Language",
    "response-expires": b"Expires",
    "response-cache-control": b"Cache-Control",
    "response-content-disposition": b"Content-Disposition",
    "response-content-encoding": b"Content-Encoding",
}


def etag_field(etag: str) -> tuple[bytes, bytes]:
    """The C{ETag} header field."""
    return b"ETag", f'"{etag}"'.encode("ascii")


def checksum_fields(found: StoredObject) -> Headers:
    """The additional checksum's header fields."""
    if found.checksum is None:
        return ()
    name = f"x-amz-checksum-{found.checksum.algorithm.lower()}".encode("ascii")
    return (
        (name, found.checksum.value.encode("ascii")),
        (b"x-amz-checksum-type", found.checksum.type.encode("ascii")),
    )


@lru_cache(maxsize=4096)
def _http_date(seconds: int) -> bytes:
    return formatdate(seconds, usegmt=True).encode("ascii")


def _described(operation: Operation, found: StoredObject, *, partial: bool) -> Headers:
    fields: dict[bytes, bytes] = {
        b"Last-Modified": _http_date(int(found.uploaded_at)),
        b"Accept-Ranges": b"bytes",
    }
    for name, value in found.headers.items():
        fields[name.title().encode("ascii")] = value.encode("utf-8")
    for name, value in found.metadata.items():
        fields[f"x-amz-meta-{name}".encode("latin-1")] = value.encode("utf-8")
    if found.tags:
        fields[b"x-amz-tagging-count"] = b"%d" % len(found.tags)
    if found.expires_at is not None:
        expiry = _http_date(int(found.expires_at))
        fields[b"x-amz-expiration"] = b'expiry-date="%b", rule-id="ttl"' % expiry
    query = operation.target.query
    for name, field in _OVERRIDES.items():
        if name in query:
            if operation.caller.key is None:
                raise S3Error(
                    ErrorCode.InvalidRequest,
                    "Request specific response headers cannot be used for anonymous requests.",
                )
            fields[field] = query[name].encode("utf-8")
    media_type = fields.pop(b"Content-Type", found.content_type.encode("utf-8"))
    fields[b"Content-Type"] = media_type
    if _may_script(media_type.decode("latin-1")):
        # It is served from our origin and must not be able to script it.
        fields[b"Content-Security-Policy"] = b"sandbox"
        _, semicolon, rest = fields.get(b"Content-Disposition", b"").partition(b";")
        fields[b"Content-Disposition"] = b"attachment" + semicolon + rest
    more: list[tuple[bytes, bytes]] = [etag_field(found.etag)]
    mode = operation.request.field(b"x-amz-checksum-mode")
    if mode is not None and mode.upper() == b"ENABLED" and not partial:
        more += checksum_fields(found)
    if "partNumber" in query and found.part_sizes:
        more.append((b"x-amz-mp-parts-count", b"%d" % len(found.part_sizes)))
    return (*fields.items(), *more)


def _may_script(media_type: str) -> bool:
    kind = media_type.partition(";")[0].lower()
    # What is no media type, a browser may take for whatever it likes.
    if not _MEDIA_TYPE.fullmatch(kind):
        return True
    return kind in _SCRIPTABLE or kind.endswith("+xml")


def _without_type(fields: Headers) -> tuple[bytes, Headers]:
    media_type = next(value for name, value in fields if name == b"Content-Type")
    return media_type, tuple(pair for pair in fields if pair[0] != b"Content-Type")


async def get_object(operation: Operation) -> Reply:
    """GetObject and HeadObject."""
    target, request = operation.target, operation.request
    bucket = await operation.readable()
    check_version(operation)
    condition = read_condition(request)
    part = target.number("partNumber", 0, 1, 10_000) if "partNumber" in target.query else None
    span, is_partial = wanted_span(request, part)
    store = operation.api.store
    if request.method == b"HEAD":
        found = await store.head(bucket, target.key, condition)
        start, size = span(found)
        body = None
    else:
        found, body = await store.get(bucket, target.key, span, condition)
        start, size = span(found)
    partial = is_partial(found)
    try:
        media_type, fields = _without_type(_described(operation, found, partial=partial))
    except BaseException:
        if body is not None and not isinstance(body, bytes):
            body.stopProducing()
        raise
    status = 200
    if partial:
        status = 206
        last = start + size - 1
        fields = (*fields, (b"Content-Range", b"bytes %d-%d/%d" % (start, last, found.size)))
    if body is None:
        return Reply(b"", media_type, status, fields, head_length=size)
    return Reply(body, media_type, status, fields)


def check_version(operation: Operation) -> None:
    """
    Objects have no versions here, and S3 calls the only one C{null}.

    @raise S3Error: C{NoSuchVersion}: another is asked for.
    """
    version = operation.target.query.get("versionId")
    if version not in (None, "", "null"):
        raise S3Error(ErrorCode.NoSuchVersion, extra={"VersionId": version or ""})


async def put_object(operation: Operation) -> Reply:
    """PutObject, and the plain upload."""
    request, target = operation.request, operation.target
    bucket = await operation.writable()
    given = object_headers(request)
    body = read_body(request, operation.caller)
    if bucket.max_file_size and (body.length or 0) > bucket.max_file_size:
        raise too_large(bucket.max_file_size)
    condition = write_condition(request, target.key)
    stored = await operation.api.store.put(
        bucket, target.key, request.body, given, body.digester(), body.decoder, condition
    )
    return empty_reply(200, (etag_field(stored.etag), *checksum_fields(stored)))


async def delete_object(operation: Operation) -> Reply:
    """DeleteObject: 204, also when there is none."""
    bucket = await operation.writable()
    check_version(operation)
    condition = write_condition(operation.request, operation.target.key)
    await operation.api.store.delete(bucket, operation.target.key, condition)
    return empty_reply(204)


# Copies.


async def copy_source(operation: Operation) -> tuple[Bucket, str]:
    """
    The source that a copy names, which the caller may read.

    @raise Exception: It names none, or the caller may not read it.
    """
    value = operation.request.field(b"x-amz-copy-source") or b""
    path, _, version = value.partition(b"?versionId=")
    if version not in (b"", b"null"):
        raise S3Error(ErrorCode.NoSuchVersion, extra={"VersionId": version.decode("latin-1")})
    # Some clients encode the slash between bucket and key too.
    name, _, key = decoded(path).removeprefix("/").partition("/")
    if not name or not key:
        raise S3Error(ErrorCode.InvalidArgument, "x-amz-copy-source must be /bucket/key.")
    bucket = await operation.api.buckets.find(name)
    if not may_read(operation.caller.key, bucket):
        raise denied(operation.caller)
    return bucket, checked_key(key)


def copied_digester(operation: Operation, found: StoredObject) -> Digester:
    """What hashes a copy: with the additional checksum asked for, or the source's own."""
    wanted = operation.request.field(b"x-amz-checksum-algorithm")
    name = wanted.decode("latin-1") if wanted is not None else None
    if name is None and found.checksum is not None:
        name = found.checksum.algorithm
    algorithm = None if name is None else algorithm_named(name)
    return Digester(Announced(algorithm=algorithm, computed=True))


async def copy_object(operation: Operation) -> Reply:
    """CopyObject."""
    request, target = operation.request, operation.target
    bucket = await operation.writable()
    source = await copy_source(operation)
    directive = (request.field(b"x-amz-metadata-directive") or b"COPY").upper()
    tagging = (request.field(b"x-amz-tagging-directive") or b"COPY").upper()
    if directive not in (b"COPY", b"REPLACE") or tagging not in (b"COPY", b"REPLACE"):
        raise S3Error(ErrorCode.InvalidArgument, "A directive is COPY or REPLACE.")
    given: ObjectHeaders | None = object_headers(request)
    assert given is not None
    tags = given.tags if tagging == b"REPLACE" else None
    if directive == b"COPY":
        given = None
        if (source[0].name, source[1]) == (bucket.name, target.key) and tags is None:
            raise S3Error(
                ErrorCode.InvalidRequest,
                "This copy request is illegal because it is trying to copy an object to itself "
                "without changing the object's metadata, storage class, website redirect "
                "location or encryption attributes.",
            )
    stored = await operation.api.store.copy(
        source,
        (bucket, target.key),
        given,
        lambda found: copied_digester(operation, found),
        read_condition(request, b"x-amz-copy-source-"),
        write_condition(request, target.key),
        tags=tags,
    )
    return xml_reply("CopyObjectResult", copy_result(stored.etag, stored.uploaded_at))


def copy_result(etag: str, uploaded_at: float) -> list[tuple[str, str]]:
    """What a copy, of an object or into a part, answers."""
    return [("ETag", f'"{etag}"'), ("LastModified", timestamp(uploaded_at))]


# Tags.


async def get_tags(operation: Operation) -> Reply:
    """GetObjectTagging."""
    bucket = await operation.writable()
    found = await operation.api.store.head(bucket, operation.target.key)
    tags = [("Tag", [("Key", key), ("Value", value)]) for key, value in found.tags.items()]
    return xml_reply("Tagging", [("TagSet", tags)])


async def put_tags(operation: Operation) -> Reply:
    """PutObjectTagging."""
    bucket = await operation.writable()
    root = parse(await operation.xml_body(), "Tagging")
    pairs = [
        (tag.findtext("Key") or "", tag.findtext("Value") or "")
        for tag in root.findall("TagSet/Tag")
    ]
    await operation.api.store.set_tags(bucket, operation.target.key, checked_tags(pairs))
    return empty_reply(200)


async def delete_tags(operation: Operation) -> Reply:
    """DeleteObjectTagging."""
    bucket = await operation.writable()
    await operation.api.store.set_tags(bucket, operation.target.key, {})
    return empty_reply(204)
