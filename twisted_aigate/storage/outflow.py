"""
Giving out an object's bytes.

What the kernel has of a file in memory goes from there to a client's socket where it can, and is
read on the spot where it cannot; for the rest a thread waits for the disk.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from io import FileIO

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer

from twisted_aigate.kernel.lent import Lent
from twisted_aigate.kernel.page_cache import WINDOW, CachedSender, fetch, read_cached
from twisted_aigate.kernel.producers import CoroutineProducer
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import KB
from twisted_aigate.storage.blobs.interface import BlobReader, BlobStore
from twisted_aigate.storage.models import BlobRef

PIECE = 256 * KB


@frozen
class Stretch:
    """
    Part of a blob.

    @ivar offset: Where it starts in the blob.
    @ivar size: How many bytes it has.
    """

    blob: BlobRef
    offset: int
    size: int


def stretches(blobs: Sequence[BlobRef], start: int, size: int) -> list[Stretch]:
    """
    Where the bytes C{start} up to C{start + size} of an object lie.

    @param blobs: The object's blobs.
    """
    found = []
    for blob in blobs:
        if size <= 0:
            break
        if start < blob.size:
            taken = min(blob.size - start, size)
            found.append(Stretch(blob, start, taken))
            size -= taken
            start = 0
        else:
            start -= blob.size
    return found


class Pins:
    """
    Blobs that are being read: whoever removes garbage leaves them for the next time.

    An object's first blob is open from the start, but those behind it are opened one by one.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def __contains__(self, blob_id: str) -> bool:
        """Whether it is being read."""
        return blob_id in self._counts

    def __len__(self) -> int:
        """How many there are."""
        return len(self._counts)

    def add(self, ids: Iterable[str]) -> None:
        """They are being read, once more."""
        self._counts.update(ids)

    def remove(self, ids: Iterable[str]) -> None:
        """They are not, once."""
        self._counts.subtract(ids)
        self._counts = +self._counts


class ObjectBody(CoroutineProducer):
    """
    An object's bytes, or some of them.

    @param blobs: Where they lie.
    @param threads: Where they are read.
    @param wanted: Which.
    @param first: The first of C{wanted}, open at its offset; C{None} when nothing is wanted.
    @param pins: Where the blobs are pinned already, until this body is given or stopped.
    """

    def __init__(
        self,
        blobs: BlobStore,
        threads: Threads,
        wanted: Sequence[Stretch],
        first: BlobReader | None,
        pins: Pins,
    ) -> None:
        self._blobs = blobs
        self._threads = threads
        self._wanted = wanted
        self._reader = first
        self._pins: Pins | None = pins
        self._lent = Lent(threads, self._close_reader)
        self._sender: CachedSender | None = None
        super().__init__(sum(stretch.size for stretch in wanted), self._give)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See L{CoroutineProducer}."""
        self._sender = CachedSender(consumer)
        return super().startProducing(consumer)

    async def _give(self, producer: CoroutineProducer, write: Callable[[bytes], None]) -> None:
        try:
            await producer.ready()
            for stretch in self._wanted:
                if self._reader is None:
                    await self._lent.run(self._open, stretch)
                offset, left = stretch.offset, stretch.size
                while left:
                    count = await self._send_cached(offset, left)
                    if not count:
                        piece = self._read_cached(offset, min(PIECE, left))
                        if piece is None:
                            piece = await self._lent.run(self._read, left)
                        if not piece:
                            raise OSError(f"the blob {stretch.blob.id} is shorter than it was")
                        count = len(piece)
                        write(piece)
                    offset += count
                    left -= count
                    await producer.ready()
                self._close_reader()
        finally:
            self.close()

    def _open(self, stretch: Stretch) -> None:
        self._reader = self._blobs.open(stretch.blob, stretch.offset)

    def _read(self, left: int) -> bytes:
        assert self._reader is not None
        if isinstance(self._reader, FileIO):
            fetch(self._reader.fileno(), self._reader.tell(), min(2 * WINDOW, left))
        return self._reader.read(min(PIECE, left))

    async def _send_cached(self, offset: int, left: int) -> int:
        if self._sender is None or not isinstance(self._reader, FileIO):
            return 0
        count = await self._sender.send(self._reader.fileno(), offset, left)
        self._reader.seek(offset + count)
        return count

    def _read_cached(self, offset: int, size: int) -> bytes | None:
        if not isinstance(self._reader, FileIO):
            return None
        piece = read_cached(self._reader.fileno(), offset, size)
        self._reader.seek(offset + len(piece or b""))
        return piece

    def stopProducing(self) -> None:
        """See L{CoroutineProducer}."""
        super().stopProducing()
        self.close()

    def close(self) -> None:
        """Let go of the blobs."""
        self._lent.close()
        pins, self._pins = self._pins, None
        if pins is not None:
            pins.remove(stretch.blob.id for stretch in self._wanted)

    def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is None:
            return
        if isinstance(reader, FileIO) and os.fstat(reader.fileno()).st_nlink:
            # Nothing is freed: a thread is needed for the last of a file that was removed.
            reader.close()
        else:
            self._threads.run(reader.close)
