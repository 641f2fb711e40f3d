"""The files of workspaces: written, read, listed and removed; paths begin with the workspace."""

from __future__ import annotations

import mimetypes
import os
import stat
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Literal, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.paths import normalised, refusals
from twisted_aigate.kernel import beneath
from twisted_aigate.kernel.file_body import FileBody, close_in_thread
from twisted_aigate.kernel.offload import Offload
from twisted_aigate.kernel.threads import Threads

_log = Logger()
_T = TypeVar("_T")
_UNKNOWN_TYPE = "application/octet-stream"


class IsADirectory(ClaudeboxError):
    """A directory is where a file is wanted."""


@frozen
class Entry:
    """
    Something in a directory.

    @ivar size: In bytes; 0 for a directory.
    """

    name: str
    type: Literal["file", "dir"]
    size: int


@frozen
class Listing:
    """
    What is in a directory.

    @ivar path: Its path; empty for the root.
    @ivar entries: By name.
    """

    path: str
    entries: list[Entry]


@frozen
class OpenFile:
    """
    A file that is open until its L{body} is given or stopped, or L{close} is called.

    @ivar size: In bytes.
    @ivar modified: When it was written last, in seconds since the epoch.
    @ivar etag: The entity tag, without quotes.
    @ivar content_type: The media type that its name says.
    """

    size: int
    modified: float
    etag: str
    content_type: str
    _file: FileIO
    _threads: Threads

    def body(self, start: int, size: int) -> FileBody:
        """The C{size} bytes from C{start} on."""
        return FileBody(self._threads, self._file, start, size)

    def close(self) -> None:
        """No bytes are wanted."""
        close_in_thread(self._threads, self._file)


class Files:
    """
    All files of an instance's workspaces.

    @param root: The directory that the workspaces are in; it is there already.
    @param threads: Where the disk is asked.
    """

    def __init__(self, root: Path, threads: Threads) -> None:
        self._root = root
        self._threads = threads

    async def write(self, path: str, deliver: Callable[[IConsumer], Deferred[None]]) -> int:
        """
        Write a file, in place of the one that may be there once all of it has come.

        @param deliver: Streams its bytes.
        @return: How many they were.
        @raise ClaudeboxError: 400, 409 (a directory is there, or a file where a directory should
            be) or 507; the file that was there is then as it was.
        """
        path = normalised(path)
        with refusals(path, missing=409, not_a_directory=409):
            new = await self._in_thread(
                lambda: beneath.create(self._root, path), lambda late: self._discard(late)
            )
            offload = Offload(self._threads, new.write)
            try:
                await offload.take(deliver)
            except BaseException:
                offload.stop()
                # When a thread has it in hand, as soon as it is done.
                offload.settled().addCallback(lambda _: self._discard(new))
                raise
            return await self._threads.run(new.commit)

    async def open(self, path: str) -> OpenFile:
        """
        Open a file.

        @raise IsADirectory: It is one.
        @raise ClaudeboxError: 400, 404, or 409: it is no regular file.
        """
        path = normalised(path)
        with refusals(path):
            try:
                return await self._in_thread(lambda: self._open(path), OpenFile.close)
            except IsADirectoryError:
                raise IsADirectory(409, f"{path!r} is a directory.") from None

    def _open(self, path: str) -> OpenFile:
        file = beneath.open_file(self._root, path)
        status = os.fstat(file.fileno())
        etag = f"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"
        return OpenFile(
            status.st_size, status.st_mtime, etag, _content_type(path), file, self._threads
        )

    async def list(self, path: str) -> Listing:
        """
        What is in a directory.

        @param path: Empty for the root, which has the workspaces.
        @raise ClaudeboxError: 400, 404, or 409: it is no directory.
        """
        path = normalised(path)
        with refusals(path, not_a_directory=409):
            return await self._threads.run(self._list, path)

    def _list(self, path: str) -> Listing:
        listed = []
        for found in beneath.scandir(self._root, path):
            # Names that are not UTF-8 cannot be asked for, but it should be seen that they exist.
            name = os.fsencode(found.name).decode("utf-8", "replace")
            if stat.S_ISDIR(found.status.st_mode):
                listed.append(Entry(name, "dir", 0))
            elif stat.S_ISREG(found.status.st_mode):
                listed.append(Entry(name, "file", found.status.st_size))
        return Listing(path, sorted(listed, key=lambda entry: entry.name))

    async def delete(self, path: str) -> None:
        """
        Remove a file, a symbolic link, or a directory and all that is in it.

        @raise ClaudeboxError: 400 (also for the root), 404 or 409.
        """
        path = normalised(path)
        if not path:
            raise ClaudeboxError(400, "The root of the workspaces cannot be removed.")
        with refusals(path):
            await self._threads.run(beneath.remove, self._root, path)

    def _in_thread(self, work: Callable[[], _T], late: Callable[[_T], None]) -> Deferred[_T]:
        # A thread cannot be cancelled: what it makes when nobody waits any more goes to `late`.
        outcome: Deferred[_T] = Deferred()

        def done(result: _T | Failure) -> None:
            if isinstance(result, Failure):
                outcome.errback(result)
            elif outcome.called:
                late(result)
            else:
                outcome.callback(result)

        self._threads.run(work).addBoth(done)
        return outcome

    def _discard(self, new: beneath.NewFile) -> None:
        self._threads.run(new.discard).addErrback(_litter)


def _litter(failure: Failure) -> None:
    _log.failure("a file that was not written to its end could not be removed", failure)


def _content_type(path: str) -> str:
    guessed, encoding = mimetypes.guess_type(f"./{path}", strict=False)
    return guessed if guessed and encoding is None else _UNKNOWN_TYPE
