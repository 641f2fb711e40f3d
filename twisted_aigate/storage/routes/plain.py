"""The plain API: JSON for callers that bring a Bearer key, or nothing."""

from __future__ import annotations

import re

from twisted_aigate.storage.keys import checked_key
from twisted_aigate.storage.routes.api import Operation, empty_reply
from twisted_aigate.storage.routes.buckets import create_bucket, delete_bucket
from twisted_aigate.storage.routes.caller import denied
from twisted_aigate.storage.routes.target import NUMBER, Target
from twisted_aigate.storage.views import (
    DEFAULT_EXPIRES,
    MOST_LISTED,
    BucketNames,
    Method,
    ObjectList,
    presigned,
    shown,
)
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.reply import Reply, json_reply

_SECONDS = re.compile(r"-?[0-9]+")


async def health(operation: Operation) -> Reply:
    """It is up."""
    return json_reply({"status": "ok"})


async def list_buckets(operation: Operation) -> Reply:
    """The names of the caller's buckets."""
    if operation.caller.key is None:
        raise denied(operation.caller)
    found = await operation.api.buckets.visible_to(operation.caller.key)
    return json_reply(BucketNames([bucket.name for bucket in found]))


async def list_objects(operation: Operation) -> Reply:
    """The objects of a bucket, up to 1,000; C{prefix}, C{max-keys} and C{start-after} choose."""
    bucket = await operation.readable()
    query = operation.target.query
    text = query.get("max-keys", "")
    if text and not NUMBER.fullmatch(text):
        raise HTTPError(400, "max-keys must be a number.", param="max-keys")
    limit = min(int(text) if text else MOST_LISTED, MOST_LISTED)
    page = await operation.api.store.list_page(
        bucket, query.get("prefix", ""), "", query.get("start-after", ""), limit
    )

    def render() -> Reply:
        return json_reply(ObjectList(bucket.name, [shown(found) for found in page.objects]))

    # Off the reactor, as S3's lists are.
    return await operation.api.store.threads.run(render)


async def make_bucket(operation: Operation) -> Reply:
    """200 when it is there already; made with the master key."""
    await create_bucket(operation)
    return json_reply({"bucket": operation.target.bucket})


async def remove_bucket(operation: Operation) -> Reply:
    """Delete an empty bucket."""
    await delete_bucket(operation)
    return empty_reply(204)


async def presign_object(operation: Operation) -> Reply:
    """
    A URL that needs no key.

    A public bucket's is its plain URL, for ever; a private one's is signed for C{expires} seconds.
    """
    path, query = operation.target, operation.target.query
    name, _, key = path.key.partition("/")
    target = Target(name, checked_key(key), query)
    if not name or not key:
        raise HTTPError(404, "Presign a key: POST /storage/presign/<bucket>/<key>.")
    signer = operation.caller.key
    await Operation(operation.api, operation.request, operation.caller, target).writable()
    assert signer is not None
    bucket = await operation.api.buckets.find(name)
    asked = query.get("method", "GET").upper()
    if asked not in ("GET", "PUT"):
        raise HTTPError(400, "method must be GET or PUT.", param="method")
    method: Method = "GET" if asked == "GET" else "PUT"
    text = query.get("expires", "")
    if text and not _SECONDS.fullmatch(text):
        raise HTTPError(400, "expires must be a number of seconds.", param="expires")
    # What has more digits than any number of seconds is clamped with them.
    expires = int(text[:18]) if text else DEFAULT_EXPIRES
    made = presigned(
        operation.request.base_url,
        operation.api.prefix,
        bucket,
        key,
        method,
        expires,
        signer,
        operation.api.store.now(),
    )
    return json_reply(made)
