"""Operations on multipart uploads."""

from __future__ import annotations

import re
from urllib.parse import quote

from twisted_aigate.storage.intake import source_of, too_large
from twisted_aigate.storage.models import Part, StoredObject
from twisted_aigate.storage.reading import Span
from twisted_aigate.storage.routes.api import Operation, empty_reply, xml_reply
from twisted_aigate.storage.routes.bodies import object_headers, read_body
from twisted_aigate.storage.routes.conditions import read_condition, write_condition
from twisted_aigate.storage.routes.listing import encoded, owner_of, read_encoding
from twisted_aigate.storage.routes.objects import (
    copied_digester,
    copy_result,
    copy_source,
    etag_field,
)
from twisted_aigate.storage.routes.target import NUMBER
from twisted_aigate.storage.routes.xml import Child, parse
from twisted_aigate.storage.s3.checksums import algorithm_named, multipart_type
from twisted_aigate.storage.s3.digester import object_checksum
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.uploads import MOST_PARTS, NamedPart
from twisted_aigate.storage.views import timestamp
from twisted_aigate.web.errors import Headers
from twisted_aigate.web.reply import Reply

MOST_LISTED = 1000
_COPIED_RANGE = re.compile(rb"bytes=([0-9]{1,18})-([0-9]{1,18})")


async def create_upload(operation: Operation) -> Reply:
    """CreateMultipartUpload."""
    request, target = operation.request, operation.target
    bucket = await operation.writable()
    named = request.field(b"x-amz-checksum-algorithm")
    kind = request.field(b"x-amz-checksum-type")
    algorithm, checksum_type = None, None
    if named is not None:
        found = algorithm_named(named.decode("latin-1"))
        wanted = None if kind is None else kind.decode("latin-1")
        algorithm, checksum_type = found.value, multipart_type(found, wanted)
    upload = await operation.api.uploads.create(
        bucket, target.key, operation.owner, object_headers(request), algorithm, checksum_type
    )
    fields: Headers = ()
    if algorithm is not None and checksum_type is not None:
        fields = (
            (b"x-amz-checksum-algorithm", algorithm.encode("ascii")),
            (b"x-amz-checksum-type", checksum_type.encode("ascii")),
        )
    return xml_reply(
        "InitiateMultipartUploadResult",
        [("Bucket", bucket.name), ("Key", target.key), ("UploadId", upload.id)],
        headers=fields,
    )


async def upload_part(operation: Operation) -> Reply:
    """UploadPart."""
    request, target = operation.request, operation.target
    bucket = await operation.writable()
    number = target.number("partNumber", None, 1, MOST_PARTS)
    body = read_body(request, operation.caller)
    if bucket.max_file_size and (body.length or 0) > bucket.max_file_size:
        raise too_large(bucket.max_file_size)
    uploads = operation.api.uploads
    upload = await uploads.find(bucket, target.key, target.query["uploadId"])
    part = await uploads.put_part(
        bucket, upload, number, request.body, body.digester(), body.decoder, body.length
    )
    fields: Headers = (etag_field(part.etag),)
    if part.checksum is not None:
        name = f"x-amz-checksum-{part.checksum.algorithm.lower()}".encode("ascii")
        fields = (*fields, (name, part.checksum.value.encode("ascii")))
    return empty_reply(200, fields)


async def upload_part_copy(operation: Operation) -> Reply:
    """UploadPartCopy."""
    request, target = operation.request, operation.target
    bucket = await operation.writable()
    number = target.number("partNumber", None, 1, MOST_PARTS)
    uploads, store = operation.api.uploads, operation.api.store
    upload = await uploads.find(bucket, target.key, target.query["uploadId"])
    source, key = await copy_source(operation)
    condition = read_condition(request, b"x-amz-copy-source-")
    found, body = await store.get(source, key, _copied_range(request.field(
        b"x-amz-copy-source-range")), condition)  # fmt: skip
    try:
        size = len(body) if isinstance(body, bytes) else body.length
        part = await uploads.put_part(
            bucket, upload, number, source_of(body), copied_digester(operation, found), length=size
        )
    finally:
        if not isinstance(body, bytes):
            body.close()
    return xml_reply("CopyPartResult", copy_result(part.etag, part.uploaded_at))


def _copied_range(value: bytes | None) -> Span:
    def span(found: StoredObject) -> tuple[int, int]:
        if value is None:
            return 0, found.size
        match = _COPIED_RANGE.fullmatch(value.strip())
        if match is None or int(match[1]) > int(match[2]):
            raise S3Error(
                ErrorCode.InvalidArgument,
                "The x-amz-copy-source-range value must be of the form bytes=first-last.",
            )
        if int(match[2]) >= found.size:
            raise S3Error(ErrorCode.InvalidRange, extra={"ActualObjectSize": str(found.size)})
        return int(match[1]), int(match[2]) - int(match[1]) + 1

    return span


async def complete_upload(operation: Operation) -> Reply:
    """CompleteMultipartUpload."""
    request, target = operation.request, operation.target
    bucket = await operation.writable()
    uploads = operation.api.uploads
    upload = await uploads.find(bucket, target.key, target.query["uploadId"])
    expected = object_checksum(operation.caller.signed)
    root = parse(await operation.xml_body(of_body=False), "CompleteMultipartUpload")
    checksum_tag = f"Checksum{upload.checksum_algorithm}"
    named = []
    for part in root.findall("Part"):
        number, etag = part.findtext("PartNumber") or "", part.findtext("ETag") or ""
        if not NUMBER.fullmatch(number):
            raise S3Error(ErrorCode.MalformedXML, "A PartNumber is no number.")
        named.append(NamedPart(int(number), etag.strip().strip('"'), part.findtext(checksum_tag)))
    condition = write_condition(request, target.key)
    stored = await uploads.complete(bucket, upload, named, expected, condition)
    path = f"{operation.api.prefix}/{bucket.name}/{quote(target.key)}"
    host = (request.field(b"host") or b"").decode("latin-1")
    scheme = "https" if request.isSecure() else "http"
    content: list[Child] = [
        ("Location", f"{scheme}://{host}{path}"),
        ("Bucket", bucket.name),
        ("Key", target.key),
        ("ETag", f'"{stored.etag}"'),
    ]
    if stored.checksum is not None:
        content.append((f"Checksum{stored.checksum.algorithm}", stored.checksum.value))
        content.append(("ChecksumType", stored.checksum.type))
    return xml_reply("CompleteMultipartUploadResult", content)


async def abort_upload(operation: Operation) -> Reply:
    """AbortMultipartUpload."""
    target = operation.target
    bucket = await operation.writable()
    upload = await operation.api.uploads.find(bucket, target.key, target.query["uploadId"])
    await operation.api.uploads.abort(upload)
    return empty_reply(204)


def _part(part: Part) -> list[Child]:
    content: list[Child] = [
        ("PartNumber", part.number),
        ("LastModified", timestamp(part.uploaded_at)),
        ("ETag", f'"{part.etag}"'),
        ("Size", part.blob.size),
    ]
    if part.checksum is not None:
        content.append((f"Checksum{part.checksum.algorithm}", part.checksum.value))
    return content


async def list_parts(operation: Operation) -> Reply:
    """ListParts."""
    target = operation.target
    bucket = await operation.writable()
    upload = await operation.api.uploads.find(bucket, target.key, target.query["uploadId"])
    after = target.number("part-number-marker", 0)
    limit = min(target.number("max-parts", MOST_LISTED), MOST_LISTED)
    parts = await operation.api.uploads.list_parts(upload, after, limit + 1)
    shown, truncated = parts[:limit], len(parts) > limit
    content: list[Child] = [
        ("Bucket", bucket.name),
        ("Key", encoded(target.key, read_encoding(operation))),
        ("UploadId", upload.id),
        ("Initiator", owner_of(upload.owner)),
        ("Owner", owner_of(bucket.owner)),
        ("StorageClass", "STANDARD"),
        ("PartNumberMarker", after),
        ("NextPartNumberMarker", shown[-1].number if shown else after),
        ("MaxParts", limit),
        ("IsTruncated", truncated),
    ]
    if upload.checksum_algorithm is not None:
        content.append(("ChecksumAlgorithm", upload.checksum_algorithm))
        content.append(("ChecksumType", upload.checksum_type))
    content += [("Part", _part(part)) for part in shown]
    return xml_reply("ListPartsResult", content)


async def list_uploads(operation: Operation) -> Reply:
    """ListMultipartUploads."""
    target = operation.target
    bucket = await operation.writable()
    query, url = target.query, read_encoding(operation)
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    markers = query.get("key-marker", ""), query.get("upload-id-marker", "")
    limit = min(target.number("max-uploads", MOST_LISTED), MOST_LISTED)
    page = await operation.api.uploads.list_page(bucket, prefix, delimiter, markers, limit)
    content: list[Child] = [
        ("Bucket", bucket.name),
        ("KeyMarker", encoded(markers[0], url)),
        ("UploadIdMarker", markers[1]),
        ("Prefix", encoded(prefix, url)),
        ("MaxUploads", limit),
        ("IsTruncated", page.next_key is not None),
    ]
    if delimiter:
        content.append(("Delimiter", encoded(delimiter, url)))
    if url:
        content.append(("EncodingType", "url"))
    if page.next_key is not None:
        content.append(("NextKeyMarker", encoded(page.next_key, url)))
        content.append(("NextUploadIdMarker", page.next_upload_id))
    for upload in page.uploads:
        content.append(
            (
                "Upload",
                [
                    ("Key", encoded(upload.key, url)),
                    ("UploadId", upload.id),
                    ("Initiator", owner_of(upload.owner)),
                    ("Owner", owner_of(bucket.owner)),
                    ("StorageClass", "STANDARD"),
                    ("Initiated", timestamp(upload.initiated_at)),
                ],
            )
        )
    content += [("CommonPrefixes", [("Prefix", encoded(p, url))]) for p in page.prefixes]
    return xml_reply("ListMultipartUploadsResult", content)
