"""
Taking in an object's bytes.

Few of them are hashed and checked here and now, and stay in memory until they are in the object's
row; more are hashed, written and synced in a thread as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.interfaces import IConsumer
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer

from twisted_aigate.kernel.collector import Collector
from twisted_aigate.kernel.offload import Offload
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import KB
from twisted_aigate.storage.blobs.interface import BlobStore, BlobWriter
from twisted_aigate.storage.content_types import SNIFFED, detect
from twisted_aigate.storage.models import BlobRef, Checksum
from twisted_aigate.storage.s3.chunked import AwsChunkedDecoder
from twisted_aigate.storage.s3.digester import Digester
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error

MOST_INLINE = 16 * KB
"""
Bytes that an object's row takes at the most.

A file costs two system calls that wait for the disk and a row anyway; but rows are read by lists,
and are copied into the write-ahead log.
"""

_log = Logger()


class ByteSource(Protocol):
    """
    Where an object's bytes come from: a request's body, say.

    @ivar length: How many bytes it will deliver; C{None}: not known.
    """

    @property
    def length(self) -> int | None:
        """As above."""

    def arrived(self) -> bytes | None:
        """Take all of them, if they are here already."""

    def deliver(self, consumer: IConsumer, limit: int) -> Deferred[None]:
        """Stream all of them; more than C{limit} (0: no limit) is a failure."""


@frozen
class Taken:
    """
    Bytes that were taken in.

    @ivar size: How many.
    @ivar blob: Where they are on stable storage; C{None}: they are C{content}.
    @ivar content: They themselves, when they are few.
    @ivar md5: In hex.
    @ivar checksum: The additional checksum, if the client announced one.
    @ivar detected_type: The media type that they look like.
    @ivar discard: Removes the blob again; blocks.
    """

    size: int
    blob: BlobRef | None
    content: bytes | None
    md5: str
    checksum: Checksum | None
    detected_type: str
    discard: Callable[[], None]


class Intake:
    """
    One object's way in.

    @param blobs: Where the bytes go.
    @param threads: Where they are hashed and written.
    @param digester: Hashes them; its checks are made at the end.
    @param decoder: Takes the C{aws-chunked} framing off; C{None}: there is none.
    @param limit: The most bytes of the object; 0: no limit.
    @param inline: The most bytes that do not become a blob; C{None}: all become one.
    """

    def __init__(
        self,
        blobs: BlobStore,
        threads: Threads,
        digester: Digester,
        decoder: AwsChunkedDecoder | None,
        limit: int,
        inline: int | None = None,
    ) -> None:
        self._blobs = blobs
        self._threads = threads
        self._digester = digester
        self._decoder = decoder
        self._limit = limit
        self._inline = inline
        self._held: list[bytes] = []
        self._size = 0
        self._beginning = b""
        self._writer: BlobWriter | None = None
        self._at_work: Deferred[None] = succeed(None)

    async def take(self, source: ByteSource) -> Taken:
        """
        Take all of the bytes in.

        @raise S3Error: They are too many, or not what the client said that they are.
        @raise OSError: There is no room, or the disk fails.
        """
        whole = await self._whole(source)
        if whole is not None and self._is_small(len(whole)):
            # Nothing of it waits for a disk, and hashing takes less time than a hand-over.
            return self._take_at_once(whole)
        offload = Offload(self._threads, self._work)
        try:
            if whole is not None:
                return await self._in_thread(lambda: self._take_at_once(whole))
            await offload.take(lambda consumer: source.deliver(consumer, 0))
            return await self._in_thread(self._finish)
        except BaseException:
            offload.stop()
            # When a thread has the writer in hand, as soon as it is done.
            DeferredList([offload.settled(), self._at_work]).addCallback(self._give_up)
            raise

    async def _whole(self, source: ByteSource) -> bytes | None:
        whole = source.arrived()
        if whole is None and source.length is not None and self._is_small(source.length):
            collected = Collector()
            await source.deliver(collected, 0)
            whole = b"".join(collected.parts)
        return whole

    def _is_small(self, size: int) -> bool:
        # With framing around it, it is smaller still.
        return self._inline is not None and size <= self._inline

    async def _in_thread(self, work: Callable[[], Taken]) -> Taken:
        # A thread cannot be cancelled: who is cancelled while it works must know when it is done.
        outcome: Deferred[Taken] = Deferred()
        self._at_work = Deferred()
        at_work = self._at_work

        def done(result: Taken | Failure) -> None:
            if isinstance(result, Failure):
                outcome.errback(result)
            else:
                outcome.callback(result)
            at_work.callback(None)

        self._threads.run(work).addBoth(done)
        return await outcome

    def _give_up(self, _: object) -> None:
        self._threads.run(self._discard).addErrback(_litter)

    def _take_at_once(self, data: bytes) -> Taken:
        if data:
            self._work(data)
        return self._finish()

    def _work(self, data: bytes) -> None:
        pieces = [data] if self._decoder is None else self._decoder.feed(data)
        for piece in pieces:
            self._size += len(piece)
            if self._limit and self._size > self._limit:
                raise too_large(self._limit)
            if len(self._beginning) < SNIFFED:
                self._beginning += piece[: SNIFFED - len(self._beginning)]
            self._digester.update(piece)
            self._held.append(piece)
            if not self._is_small(self._size):
                held, self._held = self._held, []
                for each in held:
                    self._open().write(each)

    def _open(self) -> BlobWriter:
        if self._writer is None:
            self._writer = self._blobs.create()
        return self._writer

    def _finish(self) -> Taken:
        trailers: Mapping[str, str] = {}
        if self._decoder is not None:
            self._decoder.finish()
            trailers = self._decoder.trailers
        checksum = self._digester.verify(trailers)
        blob, content = None, None
        if self._is_small(self._size):
            content = b"".join(self._held)
        else:
            blob = self._open().finish()
        return Taken(
            self._size,
            blob,
            content,
            self._digester.md5,
            checksum,
            detect(self._beginning),
            self._discard,
        )

    def _discard(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.discard()


def _litter(failure: Failure) -> None:
    _log.failure("a blob could not be removed; the next start does it", failure)


def too_large(limit: int) -> S3Error:
    """The refusal of an object over the bucket's limit."""
    message = f"An object of this bucket has at most {limit} bytes."
    return S3Error(ErrorCode.EntityTooLarge, message)


def source_of(body: bytes | IBodyProducer) -> ByteSource:
    """Bytes that are here already, or another object's."""
    return _Body(body)


class _Body:
    def __init__(self, body: bytes | IBodyProducer) -> None:
        self._body = body

    @property
    def length(self) -> int | None:
        if isinstance(self._body, bytes):
            return len(self._body)
        return self._body.length if isinstance(self._body.length, int) else None

    def arrived(self) -> bytes | None:
        return self._body if isinstance(self._body, bytes) else None

    def deliver(self, consumer: IConsumer, limit: int) -> Deferred[None]:
        if isinstance(self._body, bytes):
            consumer.write(self._body)
            return succeed(None)
        consumer.registerProducer(self._body, True)
        done: Deferred[None] = self._body.startProducing(consumer)

        def unregister(result: object) -> object:
            consumer.unregisterProducer()
            return result

        done.addBoth(unregister)
        return done
