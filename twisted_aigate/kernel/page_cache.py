"""What of a file the kernel has in memory, so that giving it out waits for no disk."""

from __future__ import annotations

import ctypes
import mmap
import os

from twisted.internet.interfaces import IConsumer

from twisted_aigate.kernel.transports import FileConsumer
from twisted_aigate.kernel.units import MB

WINDOW = 1 * MB
"""Bytes that are sent out of a file, or fetched from the disk, at once."""

_NO_ADDRESS = ctypes.c_void_p(-1).value
# PyDLL keeps the interpreter's lock: these calls take less time than handing it over.
_libc = ctypes.PyDLL(None)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int64,
)
_libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)


def cached(descriptor: int, offset: int, size: int) -> int:
    """
    How many bytes of a file, from C{offset} on, are in memory without a gap.

    @param descriptor: The file, open for reading.
    @param size: The most that is asked for, at least 1.
    @return: Up to C{size}; 0 also where it cannot be found out.
    """
    before = offset % mmap.PAGESIZE
    length = before + size
    # Nothing is read through the mapping: it only says which bytes are meant.
    address = _libc.mmap(None, length, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, offset - before)
    if address == _NO_ADDRESS:
        return 0
    pages = ctypes.create_string_buffer(-(-length // mmap.PAGESIZE))
    try:
        if _libc.mincore(address, length, pages):
            return 0
    finally:
        _libc.munmap(address, length)
    missing = pages.raw.find(b"\0")
    return size if missing < 0 else max(0, missing * mmap.PAGESIZE - before)


def read_cached(descriptor: int, offset: int, size: int) -> bytes | None:
    """
    Read what is in memory: a hand-over to a thread costs several times the copy.

    @return: Up to C{size} bytes, none at the file's end; C{None}: a thread must wait for the disk.
    """
    buffer = bytearray(size)
    try:
        count = os.preadv(descriptor, [buffer], offset, os.RWF_NOWAIT)
    except OSError:
        # It is not there, or the file system knows no such reading.
        return None
    return bytes(memoryview(buffer)[:count]) if count < size else bytes(buffer)


class CachedSender:
    """
    Sends what is in memory out of files, to a consumer that takes files.

    @param consumer: Any consumer.
    """

    def __init__(self, consumer: IConsumer) -> None:
        self._consumer = consumer if isinstance(consumer, FileConsumer) else None

    async def send(self, descriptor: int, offset: int, left: int) -> int:
        """
        Send some bytes of a file, from C{offset} on.

        @param left: The most, at least 1.
        @return: How many were sent; 0: they must be read.
        @raise OSError: The file is shorter, or the disk fails.
        """
        if self._consumer is None:
            return 0
        size = cached(descriptor, offset, min(WINDOW, left))
        if not size:
            return 0
        sending = self._consumer.send_file(descriptor, offset, size)
        if sending is None:
            self._consumer = None
            return 0
        await sending
        return size


def fetch(descriptor: int, offset: int, size: int) -> None:
    """Have the kernel read ahead; to be called in a thread, since handing that over may wait."""
    os.posix_fadvise(descriptor, offset, size, os.POSIX_FADV_WILLNEED)
