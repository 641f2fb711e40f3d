"""
Which operation a request wants.

The paths of object storage are data, and S3 names its operations by method and query: so the table
stands here, and no router looks into the path.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

from twisted_aigate.storage.buckets import RESERVED
from twisted_aigate.storage.routes import buckets, listing, multipart, objects, plain
from twisted_aigate.storage.routes.api import Operation, StorageAPI, not_offered
from twisted_aigate.storage.routes.bodies import check_offered
from twisted_aigate.storage.routes.caller import Caller
from twisted_aigate.storage.routes.target import Target, parse_target
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.reply import Reply
from twisted_aigate.web.request import Request

_Handler: TypeAlias = Callable[[Operation], Awaitable[Reply]]

_OBJECT: dict[tuple[str, str], _Handler] = {
    ("GET", ""): objects.get_object,
    ("HEAD", ""): objects.get_object,
    ("PUT", ""): objects.put_object,
    ("DELETE", ""): objects.delete_object,
    ("PUT", "copy"): objects.copy_object,
    ("GET", "tagging"): objects.get_tags,
    ("PUT", "tagging"): objects.put_tags,
    ("DELETE", "tagging"): objects.delete_tags,
    ("POST", "uploads"): multipart.create_upload,
    ("GET", "uploadId"): multipart.list_parts,
    ("PUT", "uploadId"): multipart.upload_part,
    ("PUT", "uploadId+copy"): multipart.upload_part_copy,
    ("POST", "uploadId"): multipart.complete_upload,
    ("DELETE", "uploadId"): multipart.abort_upload,
}
_BUCKET: dict[tuple[str, str], _Handler] = {
    ("GET", ""): listing.list_objects,
    ("GET", "list-type"): listing.list_objects_v2,
    ("GET", "versions"): listing.list_versions,
    ("GET", "uploads"): multipart.list_uploads,
    ("GET", "location"): buckets.get_location,
    ("GET", "versioning"): buckets.get_versioning,
    ("HEAD", ""): buckets.head_bucket,
    ("PUT", ""): buckets.create_bucket,
    ("DELETE", ""): buckets.delete_bucket,
    ("POST", "delete"): buckets.delete_objects,
}
_SERVICE: dict[tuple[str, str], _Handler] = {("GET", ""): buckets.list_buckets}
_PLAIN: dict[tuple[str, str], _Handler] = {
    ("GET", "health"): plain.health,
    ("HEAD", "health"): plain.health,
    ("GET", "service"): plain.list_buckets,
    ("HEAD", "service"): plain.list_buckets,
    ("GET", "bucket"): plain.list_objects,
    ("HEAD", "bucket"): buckets.head_bucket,
    ("PUT", "bucket"): plain.make_bucket,
    ("DELETE", "bucket"): plain.remove_bucket,
    ("GET", "object"): objects.get_object,
    ("HEAD", "object"): objects.get_object,
    ("PUT", "object"): objects.put_object,
    ("DELETE", "object"): objects.delete_object,
    ("POST", "presign"): plain.presign_object,
}

_OFFERED = ("tagging", "uploads", "uploadId", "list-type", "versions", "location", "versioning",
            "delete")  # fmt: skip
_NOT_OFFERED = frozenset(
    (
        "abac", "accelerate", "acl", "analytics", "annotation", "attributes", "cors",
        "encryption", "intelligent-tiering", "inventory", "legal-hold", "lifecycle", "logging",
        "metadataAnnotationTable", "metadataConfiguration", "metadataInventoryTable",
        "metadataJournalTable", "metadataTable", "metrics", "notification", "object-lock",
        "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "renameObject",
        "replication", "requestPayment", "restore", "retention", "select", "session", "torrent",
        "website",
    )
)  # fmt: skip
"""Subresources that S3 has: without a word here, C{?acl} would be taken for the object itself."""

_SUBRESOURCES = _NOT_OFFERED.union(_OFFERED)


def _subresource(target: Target, request: Request, *, on_object: bool) -> str:
    for name in target.query:
        if name in _NOT_OFFERED:
            raise not_offered(f"The subresource {name}")
    found = next((name for name in _OFFERED if name in target.query), "")
    if not on_object and found == "tagging":
        raise not_offered("Tagging of buckets")
    copies = on_object and request.method == b"PUT" and request.field(b"x-amz-copy-source")
    if copies and found in ("", "uploadId"):
        return "uploadId+copy" if found else "copy"
    return found


def _find_s3(operation: Operation) -> _Handler:
    target, request = operation.target, operation.request
    method = request.method.decode("ascii")
    if not target.bucket:
        table, subresource = _SERVICE, ""
    else:
        table = _OBJECT if target.key else _BUCKET
        subresource = _subresource(target, request, on_object=bool(target.key))
    handler = table.get((method, subresource))
    if handler is not None:
        return handler
    if subresource:
        raise not_offered(f"{method} of {subresource}")
    if method == "POST":
        raise not_offered("Uploading by a form")
    raise _wrong_method(verb for verb, of in table if of == "")


def _asks_for_s3(operation: Operation) -> bool:
    # A plain caller that names one of S3's operations means it.
    if operation.target.bucket in RESERVED:
        return False
    copies = operation.request.field(b"x-amz-copy-source") is not None
    return copies or not _SUBRESOURCES.isdisjoint(operation.target.query)


def _find_plain(operation: Operation) -> _Handler:
    target = operation.target
    method = operation.request.method.decode("ascii")
    if target.bucket == "presign":
        kind = "presign"
    elif target.bucket == "health" and not target.key:
        kind = "health"
    else:
        kind = "object" if target.key else "bucket" if target.bucket else "service"
    handler = _PLAIN.get((method, kind))
    if handler is None:
        raise _wrong_method(verb for verb, of in _PLAIN if of == kind)
    return handler


def _wrong_method(verbs: Iterable[str]) -> HTTPError:
    allowed = ", ".join(sorted(verbs))
    return HTTPError(
        405, f"This path takes {allowed}.", headers=((b"Allow", allowed.encode("ascii")),)
    )


class Dispatcher:
    """
    The handler of every request for storage.

    @param api: What the operations work with.
    """

    def __init__(self, api: StorageAPI) -> None:
        self._api = api

    async def __call__(self, request: Request, caller: Caller) -> Reply:
        """Do what is asked for."""
        operation = Operation(self._api, request, caller, parse_target(request))
        check_offered(request)
        find = _find_s3 if caller.s3 or _asks_for_s3(operation) else _find_plain
        return await find(operation)(operation)
