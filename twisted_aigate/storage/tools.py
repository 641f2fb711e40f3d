"""Storage as tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from twisted_aigate.interfaces import ToolContext, ToolError, ToolResult
from twisted_aigate.kernel.collector import Collector
from twisted_aigate.kernel.database import DatabaseFull, DatabaseUnavailable
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.units import MB
from twisted_aigate.storage.access import AccessKeys, may_read, owns
from twisted_aigate.storage.buckets import MASTER, AccessKey
from twisted_aigate.storage.intake import source_of
from twisted_aigate.storage.keys import checked_key
from twisted_aigate.storage.models import Bucket
from twisted_aigate.storage.registry import BucketRegistry
from twisted_aigate.storage.s3.digester import Announced, Digester
from twisted_aigate.storage.s3.errors import S3Error
from twisted_aigate.storage.service import ObjectHeaders, ObjectStore
from twisted_aigate.storage.views import (
    DEFAULT_EXPIRES,
    MOST_LISTED,
    BucketNames,
    Method,
    ObjectInfo,
    ObjectList,
    PresignedURL,
    object_url,
    presigned,
    shown,
)
from twisted_aigate.toolbox import Encoding, Toolbox, content, decoded

MOST_DOWNLOADED = 50 * MB
"""Bytes of an object that a tool gives out: all of it is in memory, and in one message."""

_OPERATOR = AccessKey("", Secret(""), MASTER, master=True)
"""Who may do everything without having any of storage's keys."""


@contextmanager
def refusals() -> Iterator[None]:
    """Have storage's errors become tools'."""
    try:
        yield
    except S3Error as error:
        raise ToolError(f"{error.code}: {error.message}") from None
    except DatabaseFull:
        raise ToolError("There is no room left to store this.") from None
    except DatabaseUnavailable:
        raise ToolError("The database is unavailable.") from None


class Keyed(Struct, forbid_unknown_fields=True, kw_only=True):
    """
    The arguments of every tool, and all of C{list_buckets}.

    @ivar auth_key: A bucket's key, or the master key; needed unless the connection has one.
    """

    auth_key: str | None = None


class InBucket(Keyed, kw_only=True):
    """The arguments of tools for a bucket."""

    bucket: str


class OfObject(InBucket, kw_only=True):
    """
    The arguments of tools for an object.

    @ivar auth_key: The bucket's key, or the master key; needed unless the connection has one, or
        the bucket is public and is only read.
    @ivar bucket: The bucket's name.
    @ivar key: The object's key, such as C{folder/name.txt}.
    """

    key: Annotated[str, Meta(min_length=1)]


class Upload(OfObject, kw_only=True):
    """
    The arguments of C{upload_object}.

    @ivar auth_key: The bucket's key, or the master key; needed unless the connection has one.
    @ivar bucket: The bucket's name.
    @ivar key: The object's key, such as C{folder/name.txt}.
    @ivar content: The object's content.
    @ivar encoding: How the content is written: utf-8 as it is, base64 for bytes.
    @ivar content_type: Its media type; found out when it is not given.
    """

    content: str
    encoding: Encoding = "utf-8"
    content_type: str | None = None


class Listed(InBucket, kw_only=True):
    """
    The arguments of C{list_objects}.

    @ivar auth_key: The bucket's key, or the master key; needed unless the connection has one, or
        the bucket is public.
    @ivar bucket: The bucket's name.
    @ivar prefix: What the keys begin with.
    @ivar max_keys: How many are listed at the most.
    @ivar start_after: The key behind which the list begins.
    """

    prefix: str = ""
    max_keys: Annotated[int, Meta(ge=1, le=MOST_LISTED)] = MOST_LISTED
    start_after: str = ""


class Presign(OfObject, kw_only=True):
    """
    The arguments of C{presign_url}.

    @ivar auth_key: The bucket's key, or the master key; needed unless the connection has one.
    @ivar bucket: The bucket's name.
    @ivar key: The object's key.
    @ivar expires: Seconds that the URL is good for, up to 604800.
    @ivar method: What it may be used for.
    """

    expires: int = DEFAULT_EXPIRES
    method: Method = "GET"


class Deleted(Struct):
    """
    What C{delete_object} answers.

    @ivar deleted: Whether there was one.
    """

    bucket: str
    key: str
    deleted: bool


class StorageTools(Toolbox):
    """
    The tools.

    @param store: The objects.
    @param buckets: The buckets.
    @param keys: The keys that there are.
    @param prefix: The path that stands before buckets, without a slash at its end.
    """

    def __init__(
        self, store: ObjectStore, buckets: BucketRegistry, keys: AccessKeys, prefix: str
    ) -> None:
        super().__init__()
        self._store = store
        self._buckets = buckets
        self._keys = keys
        self._prefix = prefix
        self.add(
            "upload_object", "Store an object in a bucket.", Upload, self._upload, ObjectInfo,
            idempotentHint=True,
        )  # fmt: skip
        self.add(
            "download_object",
            f"Read an object of up to {MOST_DOWNLOADED // MB} MB.",
            OfObject,
            self._download,
            ObjectInfo,
            readOnlyHint=True,
        )
        self.add(
            "delete_object", "Remove an object.", OfObject, self._delete, Deleted,
            destructiveHint=True, idempotentHint=True,
        )  # fmt: skip
        self.add(
            "list_objects", "List the objects of a bucket.", Listed, self._list, ObjectList,
            readOnlyHint=True,
        )  # fmt: skip
        self.add(
            "list_buckets", "List the buckets that the key opens.", Keyed, self._list_buckets,
            BucketNames, readOnlyHint=True,
        )  # fmt: skip
        self.add(
            "object_info", "What is stored of an object, without its content.", OfObject,
            self._info, ObjectInfo, readOnlyHint=True,
        )  # fmt: skip
        self.add(
            "presign_url", "Make a URL with which an object can be read or stored without a key.",
            Presign, self._presign, PresignedURL, readOnlyHint=True,
        )  # fmt: skip

    # Access.

    def _key(self, asked: Keyed, context: ToolContext) -> AccessKey | None:
        if asked.auth_key is not None:
            key = self._keys.by_token(asked.auth_key.encode("utf-8"))
            if key is None:
                raise ToolError("The auth_key is not valid.")
            return key
        if context.caller.is_operator:
            return _OPERATOR
        token = context.caller.token
        return None if token is None else self._keys.by_token(token)

    async def _readable(self, asked: InBucket, context: ToolContext) -> Bucket:
        bucket = await self._buckets.find(asked.bucket)
        if not may_read(self._key(asked, context), bucket):
            raise ToolError(f"The bucket {asked.bucket!r} needs its auth_key.")
        return bucket

    async def _writable(self, asked: InBucket, context: ToolContext) -> tuple[Bucket, AccessKey]:
        bucket = await self._buckets.find(asked.bucket)
        key = self._key(asked, context)
        if key is None or not owns(key, bucket):
            raise ToolError(f"The bucket {asked.bucket!r} needs its auth_key.")
        return bucket, key

    # Tools.

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolResult:
        """See L{twisted_aigate.interfaces.ToolSource}."""
        with refusals():
            return await super().call(name, arguments, context)

    async def _upload(self, asked: Upload, context: ToolContext) -> ObjectInfo:
        bucket, _ = await self._writable(asked, context)
        key, data = checked_key(asked.key), decoded(asked.content, asked.encoding)
        headers = ObjectHeaders(asked.content_type)
        return shown(
            await self._store.put(bucket, key, source_of(data), headers, Digester(Announced()))
        )

    async def _download(self, asked: OfObject, context: ToolContext) -> ToolResult:
        bucket = await self._readable(asked, context)
        info = await self._store.head(bucket, asked.key)
        if info.size > MOST_DOWNLOADED:
            raise ToolError(
                f"The object has {info.size} bytes; a tool gives out {MOST_DOWNLOADED} at the most."
                " Make a URL of it with presign_url."
            )
        found, body = await self._store.get(bucket, asked.key)
        if not isinstance(body, bytes):
            # It may have grown since, but no further than its bucket lets it.
            collected = Collector()
            await body.startProducing(collected)
            body = b"".join(collected.parts)
        url = object_url(context.base_url + self._prefix, found.bucket, found.key)
        block = await self._store.threads.run(content, body, found.content_type, url)
        return ToolResult([block], msgspec.to_builtins(shown(found)))

    async def _delete(self, asked: OfObject, context: ToolContext) -> Deleted:
        bucket, _ = await self._writable(asked, context)
        was_there = await self._store.delete(bucket, asked.key)
        return Deleted(bucket.name, asked.key, was_there)

    async def _list(self, asked: Listed, context: ToolContext) -> ObjectList:
        bucket = await self._readable(asked, context)
        page = await self._store.list_page(
            bucket, asked.prefix, "", asked.start_after, asked.max_keys
        )
        return ObjectList(bucket.name, [shown(found) for found in page.objects])

    async def _list_buckets(self, asked: Keyed, context: ToolContext) -> BucketNames:
        key = self._key(asked, context)
        if key is None:
            raise ToolError("An auth_key is needed.")
        return BucketNames([bucket.name for bucket in await self._buckets.visible_to(key)])

    async def _info(self, asked: OfObject, context: ToolContext) -> ObjectInfo:
        bucket = await self._readable(asked, context)
        return shown(await self._store.head(bucket, asked.key))

    async def _presign(self, asked: Presign, context: ToolContext) -> PresignedURL:
        bucket, key = await self._writable(asked, context)
        signer = self._keys.opening(bucket) if key is _OPERATOR else key
        if signer is None:
            raise ToolError(f"No key opens the bucket {bucket.name!r}: nothing can sign its URLs.")
        return presigned(
            context.base_url,
            self._prefix,
            bucket,
            checked_key(asked.key),
            asked.method,
            asked.expires,
            signer,
            self._store.now(),
        )
