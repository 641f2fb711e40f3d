"""
Giving out an open file's bytes.

What the kernel has of it in memory goes from there to a client's socket where it can, and is read
on the spot where it cannot; for the rest a thread waits for the disk.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from io import FileIO

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.kernel.lent import Lent
from twisted_aigate.kernel.page_cache import WINDOW, CachedSender, fetch, read_cached
from twisted_aigate.kernel.producers import CoroutineProducer
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import KB

PIECE = 256 * KB
_log = Logger()


def close_in_thread(threads: Threads, file: FileIO) -> None:
    """Close a file where that may block: the last close of a removed one frees its blocks."""
    threads.run(file.close).addErrback(_not_closed)


def _not_closed(failure: Failure) -> None:
    _log.failure("a file could not be closed", failure)


def _read_from_disk(descriptor: int, position: int, left: int) -> bytes:
    fetch(descriptor, position, min(2 * WINDOW, left))
    return os.pread(descriptor, min(PIECE, left), position)


class FileBody(CoroutineProducer):
    """
    Some of a file's bytes.

    @param threads: Where it is read.
    @param file: Closed when the bytes are given, cannot be read, or are wanted no more.
    @param start: Where they begin.
    @param size: How many they are.
    """

    def __init__(self, threads: Threads, file: FileIO, start: int, size: int) -> None:
        self._threads = threads
        self._file: FileIO | None = file
        self._start = start
        self._lent = Lent(threads, self._let_go)
        self._sender: CachedSender | None = None
        super().__init__(size, self._give)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See L{CoroutineProducer}."""
        self._sender = CachedSender(consumer)
        return super().startProducing(consumer)

    async def _give(self, producer: CoroutineProducer, write: Callable[[bytes], None]) -> None:
        assert self._file is not None
        assert self._sender is not None
        descriptor, position, left = self._file.fileno(), self._start, self.length
        try:
            await producer.ready()
            while left:
                count = await self._sender.send(descriptor, position, left)
                if not count:
                    piece = read_cached(descriptor, position, min(PIECE, left))
                    if piece is None:
                        piece = await self._lent.run(_read_from_disk, descriptor, position, left)
                    if not piece:
                        raise OSError("the file is shorter than it was")
                    count = len(piece)
                    write(piece)
                position += count
                left -= count
                await producer.ready()
        finally:
            self.close()

    def stopProducing(self) -> None:
        """See L{CoroutineProducer}."""
        super().stopProducing()
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._lent.close()

    def _let_go(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            close_in_thread(self._threads, file)
