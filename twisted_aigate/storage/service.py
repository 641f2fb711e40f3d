"""
The object store: what can be done with objects, whoever asks and however.

Every change of an object happens under its key's lock and in one transaction; bytes are on stable
storage before it, and old bytes are removed after it, so that a crash at any moment leaves the old
object or the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from functools import cached_property
from typing import Any, TypeVar

from attrs import Factory, evolve, frozen
from sqlalchemy import Connection
from twisted.internet.defer import Deferred

from twisted_aigate.storage.commits import Commits
from twisted_aigate.storage.content_types import content_type
from twisted_aigate.storage.intake import MOST_INLINE, ByteSource, Intake, Taken, source_of
from twisted_aigate.storage.metadata import buckets, objects
from twisted_aigate.storage.models import BlobRef, Bucket, StoredObject
from twisted_aigate.storage.reading import (
    Condition,
    Key,
    ObjectReader,
    no_condition,
    no_such_key,
    unavailable,
)
from twisted_aigate.storage.s3.chunked import AwsChunkedDecoder
from twisted_aigate.storage.s3.digester import Digester
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error

_T = TypeVar("_T")


@frozen
class ObjectHeaders:
    """
    What a client says of an object beside its bytes.

    @ivar content_type: The media type; C{None}: it is found out.
    @ivar headers: As in L{StoredObject}.
    @ivar metadata: As in L{StoredObject}.
    @ivar tags: As in L{StoredObject}.
    """

    content_type: str | None = None
    headers: Mapping[str, str] = Factory(dict)
    metadata: Mapping[str, str] = Factory(dict)
    tags: Mapping[str, str] = Factory(dict)


class ObjectStore(ObjectReader):
    """
    The store; as L{ObjectReader}, which it is too, with what changes objects.

    @ivar most_inline: The most bytes of an object that are kept in its row; C{None}: none are.
    """

    most_inline: int | None = MOST_INLINE

    @cached_property
    def _commits(self) -> Commits:
        return Commits(self.database, self.blobs, self.threads)

    # Locks.

    async def locked(self, key: Key, work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """
        Do something as the only one at a key.

        @raise S3Error: C{ServiceUnavailable}: the lock was not to be had, or held for too long.
        """
        with unavailable():
            async with self._locks.writing(key) as lease:
                return await lease.limit(Deferred.fromCoroutine(work()))

    # Writing.

    async def put(
        self,
        bucket: Bucket,
        key: str,
        source: ByteSource,
        given: ObjectHeaders,
        digester: Digester,
        decoder: AwsChunkedDecoder | None = None,
        condition: Condition = no_condition,
    ) -> StoredObject:
        """
        Store an object.

        @param source: Its bytes.
        @param given: What the client says of it.
        @param digester: Hashes and checks the bytes.
        @param decoder: Takes the C{aws-chunked} framing off, if there is one.
        @raise S3Error: It is refused; what was there is still there.
        """

        async def work() -> StoredObject:
            intake = self._intake(bucket, digester, decoder, self.most_inline)
            taken = await intake.take(source)
            now = self.now()
            stored = StoredObject(
                bucket=bucket.name,
                key=key,
                blobs=() if taken.blob is None else (taken.blob,),
                size=taken.size,
                etag=taken.md5,
                content_type=content_type(given.content_type, key, taken.detected_type),
                uploaded_at=now,
                expires_at=now + bucket.ttl if bucket.ttl else None,
                headers=given.headers,
                metadata=given.metadata,
                checksum=taken.checksum,
                tags=given.tags,
                content=taken.content,
            )
            return await self._commits.commit(taken, _replacing(bucket, stored, condition, now))

        return await self.locked((bucket.name, key), work)

    def _intake(
        self,
        bucket: Bucket,
        digester: Digester,
        decoder: AwsChunkedDecoder | None,
        inline: int | None,
    ) -> Intake:
        limit = bucket.max_file_size
        return Intake(self.blobs, self.threads, digester, decoder, limit, inline)

    async def put_blob(
        self,
        bucket: Bucket,
        source: ByteSource,
        digester: Digester,
        decoder: AwsChunkedDecoder | None,
        change: Callable[[Taken, BlobRef], Callable[[Connection], _T]],
    ) -> _T:
        """
        Store bytes that are not an object of their own, however few they are.

        @param bucket: Whose limit they keep.
        @param change: Makes what has metadata refer to them.
        """
        taken = await self._intake(bucket, digester, decoder, None).take(source)
        assert taken.blob is not None
        return await self._commits.commit(taken, change(taken, taken.blob))

    async def copy(
        self,
        source: tuple[Bucket, str],
        target: tuple[Bucket, str],
        given: ObjectHeaders | None,
        digester: Callable[[StoredObject], Digester],
        condition: Condition = no_condition,
        target_condition: Condition = no_condition,
        *,
        tags: Mapping[str, str] | None = None,
    ) -> StoredObject:
        """
        Store an object's bytes under another key, or under its own with other headers.

        @param given: What it has beside its bytes; C{None}: what the source has.
        @param digester: Makes what hashes the bytes.
        @param condition: What the source must be.
        @param target_condition: What the object that is there must be.
        @param tags: Its tags; C{None}: the source's.
        @raise S3Error: There is no source, or one of them is not as it must be.
        """
        found, body = await self.get(*source, condition=condition)
        try:
            given = given or ObjectHeaders(found.content_type, found.headers, found.metadata)
            if given.content_type is None:
                given = evolve(given, content_type=found.content_type)
            given = evolve(given, tags=found.tags if tags is None else tags)
            source_bytes = source_of(body)
            return await self.put(
                *target, source_bytes, given, digester(found), condition=target_condition
            )
        finally:
            # Unless it was read to its end, it is open still.
            if not isinstance(body, bytes):
                body.close()

    async def delete(self, bucket: Bucket, key: str, condition: Condition = no_condition) -> bool:
        """
        Remove an object.

        @return: Whether there was one.
        @raise S3Error: It is not as C{condition} asks for.
        """
        now = self.now()

        def change(connection: Connection) -> bool:
            if condition is not no_condition:
                condition(objects.get(connection, bucket.name, key, now))
            return objects.delete(connection, bucket.name, key)

        async def work() -> bool:
            return await self.database.write(change)

        return await self.locked((bucket.name, key), work)

    async def set_tags(self, bucket: Bucket, key: str, tags: Mapping[str, str]) -> None:
        """
        Give an object other tags; the object itself does not change.

        @raise S3Error: There is none.
        """
        now = self.now()

        def change(connection: Connection) -> None:
            if objects.get(connection, bucket.name, key, now) is None:
                raise no_such_key(key)
            objects.set_tags(connection, bucket.name, key, tags)

        async def work() -> None:
            await self.database.write(change)

        await self.locked((bucket.name, key), work)


def still_there(connection: Connection, bucket: Bucket) -> None:
    """
    Make sure, in the transaction that adds to it, that a bucket has not been deleted meanwhile.

    @raise S3Error: C{NoSuchBucket}.
    """
    if not bucket.configured and buckets.get(connection, bucket.name) is None:
        raise S3Error(ErrorCode.NoSuchBucket, extra={"BucketName": bucket.name})


def _replacing(
    bucket: Bucket, stored: StoredObject, condition: Condition, now: float
) -> Callable[[Connection], StoredObject]:
    def change(connection: Connection) -> StoredObject:
        still_there(connection, bucket)
        if condition is not no_condition:
            condition(objects.get(connection, stored.bucket, stored.key, now))
        objects.put(connection, stored)
        return stored

    return change
