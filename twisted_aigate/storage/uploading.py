"""The bucket C{uploads} as the place for what others make."""

from __future__ import annotations

from twisted_aigate.interfaces import ToolError
from twisted_aigate.storage.access import AccessKeys
from twisted_aigate.storage.intake import source_of
from twisted_aigate.storage.registry import BucketRegistry
from twisted_aigate.storage.s3.credential import MOST_EXPIRES
from twisted_aigate.storage.s3.digester import Announced, Digester
from twisted_aigate.storage.service import ObjectHeaders, ObjectStore
from twisted_aigate.storage.tools import refusals
from twisted_aigate.storage.views import presigned

_BUCKET = "uploads"


class StorageUploads:
    """
    The bucket; a L{twisted_aigate.interfaces.Uploads}.

    @param store: The objects.
    @param buckets: The buckets.
    @param keys: The keys, of which one signs the URLs when the bucket is not public.
    @param prefix: The path that stands before buckets, without a slash at its end.
    """

    def __init__(
        self, store: ObjectStore, buckets: BucketRegistry, keys: AccessKeys, prefix: str
    ) -> None:
        self._store = store
        self._buckets = buckets
        self._keys = keys
        self._prefix = prefix

    async def keep(self, data: bytes, name: str, content_type: str, base_url: str) -> str:
        """See L{twisted_aigate.interfaces.Uploads}."""
        with refusals():
            bucket = await self._buckets.find(_BUCKET)
            signer = self._keys.opening(bucket)
            if signer is None:
                raise ToolError(f"No key opens the bucket {_BUCKET!r}.")
            source, headers = source_of(data), ObjectHeaders(content_type)
            await self._store.put(bucket, name, source, headers, Digester(Announced()))
            now = self._store.now()
            made = presigned(base_url, self._prefix, bucket, name, "GET", MOST_EXPIRES, signer, now)
            return made.url
