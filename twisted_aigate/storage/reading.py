"""Reading objects: what is there, and its bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import frozen
from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.locks import KeyLocks, LockExpired, LockLost, LockUnavailable
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.storage.blobs.interface import BlobReader, BlobStore
from twisted_aigate.storage.metadata import objects
from twisted_aigate.storage.models import Bucket, Listing, StoredObject
from twisted_aigate.storage.outflow import PIECE, ObjectBody, Pins, Stretch, stretches
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error

Key = tuple[str, str]
"""A bucket's name and an object's key."""


Condition = Callable[[StoredObject | None], None]
"""Raises L{S3Error} when what is there is not as the client asked for."""

Span = Callable[[StoredObject], tuple[int, int]]
"""Which bytes of an object are wanted: (start, size); raises L{S3Error}."""


def no_condition(found: StoredObject | None) -> None:
    """Whatever is there is well."""


def whole(found: StoredObject) -> tuple[int, int]:
    """All of its bytes are wanted."""
    return 0, found.size


def no_such_key(key: str) -> S3Error:
    """There is no such object."""
    return S3Error(ErrorCode.NoSuchKey, extra={"Key": key})


@frozen
class _Opened:
    wanted: list[Stretch]
    first: BlobReader


@contextmanager
def unavailable() -> Iterator[None]:
    """Have a lock that is not to be had become S3's error."""
    try:
        yield
    except LockUnavailable as error:
        message = f"The key is locked: {error}."
        raise S3Error(ErrorCode.ServiceUnavailable, message) from None
    except LockExpired:
        message = "The request held the key's lock for too long."
        raise S3Error(ErrorCode.ServiceUnavailable, message) from None
    except LockLost:
        message = "The key's lock was lost: the request may or may not have been done."
        raise S3Error(ErrorCode.ServiceUnavailable, message) from None


class ObjectReader:
    """
    The reading half of the store; see L{twisted_aigate.storage.service.ObjectStore}.

    @ivar blob_threads: Where blobs are opened and read that are far away; C{None}: they are near,
        and opening one takes no longer than a look at the database.
    """

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        threads: Threads,
        locks: KeyLocks[Key],
        clock: IReactorTime,
    ) -> None:
        self.database = database
        self.blobs = blobs
        self.threads = threads
        self.pins: Pins = Pins()
        self.blob_threads: Threads | None = None
        self._locks = locks
        self._clock = clock

    @property
    def reading_threads(self) -> Threads:
        """Where blobs are read."""
        return self.threads if self.blob_threads is None else self.blob_threads

    def now(self) -> float:
        """Seconds since the epoch."""
        return float(self._clock.seconds())

    # Reading.

    async def head(
        self, bucket: Bucket, key: str, condition: Condition = no_condition
    ) -> StoredObject:
        """
        What is stored of an object.

        @raise S3Error: There is none, or it is not as C{condition} asks for.
        """
        look = self._look(bucket, key, condition)
        with unavailable():
            async with self._locks.reading((bucket.name, key)):
                return await self.database.read(look)

    def _look(
        self, bucket: Bucket, key: str, condition: Condition
    ) -> Callable[[Connection], StoredObject]:
        now = self.now()

        def look(connection: Connection) -> StoredObject:
            found = objects.get(connection, bucket.name, key, now)
            if found is None:
                raise no_such_key(key)
            condition(found)
            return found

        return look

    async def get(
        self, bucket: Bucket, key: str, span: Span = whole, condition: Condition = no_condition
    ) -> tuple[StoredObject, bytes | ObjectBody]:
        """
        An object and its bytes, or some of them.

        The lock is held until its first blob is open: a slow reader holds nobody up.

        @raise S3Error: There is none, it is not as C{condition} asks for, or C{span} refuses.
        """
        look = self._look(bucket, key, condition)

        def look_and_open(connection: Connection) -> tuple[StoredObject, bytes | _Opened]:
            found = look(connection)
            return found, self._open(found, span)

        with unavailable():
            async with self._locks.reading((bucket.name, key)):
                if self.blob_threads is None:
                    found, opened = await self._opened(self.database.read(look_and_open))
                else:
                    # A slow endpoint must not keep the database's threads.
                    known = await self.database.read(look)
                    if known.content is not None:
                        return known, _cut(known.content, span(known))
                    found, opened = await self._opened(
                        self.blob_threads.run(lambda: (known, self._open(known, span)))
                    )
                if isinstance(opened, bytes):
                    return found, opened
                self.pins.add(stretch.blob.id for stretch in opened.wanted)
        body = ObjectBody(self.blobs, self.reading_threads, opened.wanted, opened.first, self.pins)
        return found, body

    async def _opened(
        self, opening: Deferred[tuple[StoredObject, bytes | _Opened]]
    ) -> tuple[StoredObject, bytes | _Opened]:
        # Who leaves while the blob is being opened leaves it to be closed.
        outcome: Deferred[tuple[StoredObject, bytes | _Opened]] = Deferred()

        def done(result: tuple[StoredObject, bytes | _Opened] | Failure) -> None:
            if isinstance(result, Failure):
                outcome.errback(result)
            elif not outcome.called:
                outcome.callback(result)
            elif isinstance(result[1], _Opened):
                self.reading_threads.run(result[1].first.close)

        opening.addBoth(done)
        return await outcome

    def _open(self, found: StoredObject, span: Span) -> bytes | _Opened:
        start, size = span(found)
        if found.content is not None:
            return _cut(found.content, (start, size))
        wanted = stretches(found.blobs, start, size)
        if not wanted:
            return b""
        first = self.blobs.open(wanted[0].blob, wanted[0].offset)
        if len(wanted) > 1 or size > PIECE:
            return _Opened(wanted, first)
        # A small one is read here and now: another hand-over to a thread would cost more.
        try:
            pieces = []
            while size and (piece := first.read(size)):
                pieces.append(piece)
                size -= len(piece)
            if size:
                raise OSError(f"the blob {wanted[0].blob.id} is shorter than it was")
            return b"".join(pieces)
        finally:
            first.close()

    async def list_page(
        self, bucket: Bucket, prefix: str, delimiter: str, after: str, limit: int
    ) -> Listing:
        """A page of the keys of a bucket; see L{objects.list_page}."""
        now = self.now()
        return await self.database.read(
            lambda connection: objects.list_page(
                connection, bucket.name, prefix, delimiter, after, limit, now
            )
        )


def _cut(content: bytes, part: tuple[int, int]) -> bytes:
    start, size = part
    return content[start : start + size]
