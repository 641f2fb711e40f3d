"""
The object store: what can be done with objects, whoever asks and however.

Every change of an object happens under its key's lock and in one transaction; bytes are on stable
storage before it, and old bytes are removed after it, so that a crash at any moment leaves the old
object or the new one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, TypeVar

from attrs import Factory, evolve, frozen
from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.locks import KeyLocks
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.storage.blobs.interface import BlobStore
from twisted_aigate.storage.content_types import content_type
from twisted_aigate.storage.intake import ByteSource, Intake, Taken, source_of
from twisted_aigate.storage.metadata import buckets, garbage, objects
from twisted_aigate.storage.models import Bucket, StoredObject
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

_log = Logger()
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
    The store.

    @param database: Where metadata is.
    @param blobs: Where bytes are.
    @param threads: Where bytes are hashed, written and read.
    @param locks: By bucket and key.
    @param clock: What time it is.
    """

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        threads: Threads,
        locks: KeyLocks[Key],
        clock: IReactorTime,
    ) -> None:
        super().__init__(database, blobs, threads, locks, clock)
        self._unsettled: deque[str] = deque()
        self._settling = False

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
            taken = await self.take(bucket, source, digester, decoder)
            now = self.now()
            stored = StoredObject(
                bucket=bucket.name,
                key=key,
                blobs=(taken.blob,),
                size=taken.blob.size,
                etag=taken.md5,
                content_type=content_type(given.content_type, key, taken.detected_type),
                uploaded_at=now,
                expires_at=now + bucket.ttl if bucket.ttl else None,
                headers=given.headers,
                metadata=given.metadata,
                checksum=taken.checksum,
                tags=given.tags,
            )
            return await self.commit(taken, _replacing(bucket, stored, condition, now))

        return await self.locked((bucket.name, key), work)

    async def take(
        self,
        bucket: Bucket,
        source: ByteSource,
        digester: Digester,
        decoder: AwsChunkedDecoder | None,
    ) -> Taken:
        """
        Take bytes in; see L{Intake.take}.

        @param bucket: Whose limit they keep.
        """
        intake = Intake(self.blobs, self.threads, digester, decoder, bucket.max_file_size)
        return await intake.take(source)

    async def commit(self, taken: Taken, change: Callable[[Connection], _T]) -> _T:
        """
        Have metadata refer to bytes that were taken in.

        What was begun is ended whether the caller waits for it or not: either the metadata is
        there and the bytes are settled, or the bytes are removed.
        """
        outcome: Deferred[_T] = Deferred()
        Deferred.fromCoroutine(self._commit(taken, change, outcome)).addErrback(_unsettled)
        return await outcome

    async def _commit(
        self, taken: Taken, change: Callable[[Connection], _T], outcome: Deferred[_T]
    ) -> None:
        try:
            result = await self.database.write(change)
        except S3Error:
            # The caller may have left: then nobody hears of it, as Twisted has it.
            outcome.errback(Failure())
            await self.threads.run(taken.discard)
        except Exception:
            outcome.errback(Failure())
            await self._find_out(taken)
        else:
            outcome.callback(result)
            self._settle(taken.blob.id)

    def _settle(self, blob_id: str) -> None:
        # What is committed together is settled together: one hand-over to a thread has all that
        # have come until it begins.
        self._unsettled.append(blob_id)
        if not self._settling:
            self._settling = True
            self.threads.run(self._settle_all).addErrback(_unsettled)

    def _settle_all(self) -> None:
        self._settling = False
        found = []
        while self._unsettled:
            found.append(self._unsettled.popleft())
        self.blobs.settle(found)

    async def _find_out(self, taken: Taken) -> None:
        # A commit that failed may have been done all the same. When that cannot be found out
        # either, the bytes stay on the way until the next start, which looks again.
        blob_id = taken.blob.id
        referenced = await self.database.read(partial(garbage.referenced, blob_ids=[blob_id]))
        if referenced:
            await self.threads.run(self.blobs.settle, referenced)
        else:
            await self.threads.run(taken.discard)

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


def _unsettled(failure: Failure) -> None:
    # Not lost: the next start moves, or removes, what stayed on the way.
    _log.failure("a blob stays on the way until the next start", failure)
