"""Operations on buckets."""

from __future__ import annotations

from twisted.internet.defer import Deferred, gatherResults

from twisted_aigate.storage.access import may_make_buckets
from twisted_aigate.storage.models import Bucket
from twisted_aigate.storage.routes.api import Operation, empty_reply, xml_reply
from twisted_aigate.storage.routes.caller import denied
from twisted_aigate.storage.routes.listing import owner_of
from twisted_aigate.storage.routes.xml import Child, parse
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.views import timestamp
from twisted_aigate.web.reply import Reply

_MOST_DELETED = 1000
_DELETED_TOGETHER = 64


async def list_buckets(operation: Operation) -> Reply:
    """ListBuckets: those that the caller owns."""
    key = operation.caller.key
    if key is None:
        raise denied(operation.caller)
    found = await operation.api.buckets.visible_to(key)
    buckets: list[Child] = [
        ("Bucket", [("Name", bucket.name), ("CreationDate", timestamp(bucket.created_at))])
        for bucket in found
    ]
    return xml_reply(
        "ListAllMyBucketsResult", [("Owner", owner_of(operation.owner)), ("Buckets", buckets)]
    )


async def head_bucket(operation: Operation) -> Reply:
    """HeadBucket."""
    await operation.readable()
    return empty_reply(200, ((b"x-amz-bucket-region", b"us-east-1"),))


async def create_bucket(operation: Operation) -> Reply:
    """CreateBucket: 200 when the caller has it already, as in S3's first region."""
    caller, name = operation.caller, operation.target.bucket
    if caller.key is None:
        raise denied(caller)
    body = await operation.xml_body()
    if body.strip():
        parse(body, "CreateBucketConfiguration")
    try:
        if not may_make_buckets(caller.key):
            # Its own bucket is the only one that its key may ask for.
            await operation.writable()
        else:
            await operation.api.buckets.make(name, caller.key, operation.api.store.now())
    except S3Error as error:
        if error.code == ErrorCode.NoSuchBucket.name:
            raise denied(caller) from None
        if error.code != ErrorCode.BucketAlreadyOwnedByYou.name:
            raise
    return empty_reply(200, ((b"Location", f"/{name}".encode("ascii")),))


async def delete_bucket(operation: Operation) -> Reply:
    """DeleteBucket."""
    bucket = await operation.writable()
    await operation.api.buckets.delete(bucket, operation.api.store.now())
    return empty_reply(204)


async def get_location(operation: Operation) -> Reply:
    """GetBucketLocation: the first region, which S3 writes as nothing."""
    await operation.readable()
    return xml_reply("LocationConstraint", None)


async def get_versioning(operation: Operation) -> Reply:
    """GetBucketVersioning: never switched on."""
    await operation.readable()
    return xml_reply("VersioningConfiguration", None)


async def delete_objects(operation: Operation) -> Reply:
    """DeleteObjects: up to 1,000 at once, each with its own outcome."""
    bucket = await operation.writable()
    root = parse(await operation.xml_body(), "Delete")
    quiet = (root.findtext("Quiet") or "").strip().lower() == "true"
    wanted = root.findall("Object")
    if not wanted or len(wanted) > _MOST_DELETED:
        raise S3Error(ErrorCode.MalformedXML, f"Name 1 to {_MOST_DELETED} objects.")
    named = [(each.findtext("Key") or "", each.findtext("VersionId")) for each in wanted]
    if not all(key for key, _ in named):
        raise S3Error(ErrorCode.MalformedXML, "An object has no key.")
    outcomes: list[Child] = []
    for start in range(0, len(named), _DELETED_TOGETHER):
        # Together they share commits, and are a hundred times as fast as one after another.
        together = [
            Deferred.fromCoroutine(_delete_one(operation, bucket, key, version))
            for key, version in named[start : start + _DELETED_TOGETHER]
        ]
        for key, error in await gatherResults(together, consumeErrors=True):
            if error is not None:
                content: list[Child] = [("Code", error.code), ("Message", error.message)]
                outcomes.append(("Error", [("Key", key), *content]))
            elif not quiet:
                outcomes.append(("Deleted", [("Key", key)]))
    return xml_reply("DeleteResult", outcomes)


async def _delete_one(
    operation: Operation, bucket: Bucket, key: str, version: str | None
) -> tuple[str, S3Error | None]:
    if version not in (None, "", "null"):
        return key, S3Error(ErrorCode.NoSuchVersion)
    try:
        await operation.api.store.delete(bucket, key)
    except S3Error as error:
        return key, error
    return key, None
