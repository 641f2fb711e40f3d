"""The buckets that there are: the configuration's, and those made through S3."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from twisted_aigate.kernel.database import Database
from twisted_aigate.storage.access import owns
from twisted_aigate.storage.buckets import AccessKey, valid_bucket_name
from twisted_aigate.storage.metadata import buckets, objects, uploads
from twisted_aigate.storage.models import Bucket
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error


class BucketRegistry:
    """
    The buckets.

    @param configured: The configuration's.
    @param database: Where the others are kept: another process may make and delete them too.
    """

    def __init__(self, configured: Iterable[Bucket], database: Database) -> None:
        self._database = database
        self.replace(configured)

    def replace(self, configured: Iterable[Bucket]) -> None:
        """Have these of the configuration in place of those that there are."""
        self._configured = {bucket.name: bucket for bucket in configured}

    async def find(self, name: str) -> Bucket:
        """
        The bucket of a name.

        @raise S3Error: C{NoSuchBucket}.
        """
        bucket = self._configured.get(name)
        if bucket is None and valid_bucket_name(name):
            bucket = await self._database.read(lambda connection: buckets.get(connection, name))
        if bucket is None:
            raise S3Error(ErrorCode.NoSuchBucket, extra={"BucketName": name})
        return bucket

    async def visible_to(self, key: AccessKey) -> list[Bucket]:
        """The buckets that a key owns, by name."""
        made = await self._database.read(buckets.list_all)
        there = {bucket.name: bucket for bucket in made} | self._configured
        return [there[name] for name in sorted(there) if owns(key, there[name])]

    async def make(self, name: str, key: AccessKey, now: float) -> None:
        """
        Make a bucket, private and without limits.

        @raise S3Error: There is one of that name, or it is no name for a bucket.
        """
        there = self._configured.get(name)
        if there is None:
            if not valid_bucket_name(name):
                raise S3Error(ErrorCode.InvalidBucketName, extra={"BucketName": name})
            bucket = Bucket(name, key.owner, False, 0.0, 0, now)

            def change(connection: Connection) -> Bucket | None:
                made = buckets.create(connection, bucket)
                return None if made else buckets.get(connection, name)

            there = await self._database.write(change)
            if there is None:
                return
        code = ErrorCode.BucketAlreadyOwnedByYou
        if not owns(key, there):
            code = ErrorCode.BucketAlreadyExists
        raise S3Error(code, extra={"BucketName": name})

    async def delete(self, bucket: Bucket, now: float) -> None:
        """
        Delete a bucket; the uploads that are under way in it are aborted.

        @raise S3Error: It is not empty, or comes from the configuration.
        """
        if bucket.configured:
            raise S3Error(
                ErrorCode.MethodNotAllowed, "A bucket of the configuration is deleted there."
            )

        def change(connection: Connection) -> None:
            if not objects.is_empty(connection, bucket.name, now):
                raise S3Error(ErrorCode.BucketNotEmpty, extra={"BucketName": bucket.name})
            uploads.abort_all(connection, bucket.name)
            buckets.delete(connection, bucket.name)

        await self._database.write(change)
