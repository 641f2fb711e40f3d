"""What of a file the kernel has in memory, so that giving it out waits for no disk."""

from __future__ import annotations

import ctypes
import mmap
import os

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


def fetch(descriptor: int, offset: int, size: int) -> None:
    """Have the kernel read ahead; to be called in a thread, since handing that over may wait."""
    os.posix_fadvise(descriptor, offset, size, os.POSIX_FADV_WILLNEED)
