"""
What a run has printed: a file of JSON lines that the run appends to, and that any number read.

The file and not a pipe: it outlives the server, readers start where they like, and a slow one
holds nobody up.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
from attrs import frozen
from twisted.internet.defer import Deferred

from twisted_aigate.kernel.folder_watch import FolderWatch
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import KB, MB

_PIECE = 256 * KB
_LONGEST_LINE = 32 * MB
"""Bytes; a longer line is passed over: nothing that Claude Code prints comes near it."""

_RESULT = b'"type":"result"'


@frozen
class Line:
    """
    A line.

    @ivar end: Where the next one begins, in bytes from the start of the file.
    @ivar text: Its text, without the line's end.
    """

    end: int
    text: bytes


class LineSplitter:
    """
    Lines out of pieces of a file.

    @param offset: Where in the file the first piece begins.
    """

    def __init__(self, offset: int = 0) -> None:
        self._end = offset
        self._rest: list[bytes] = []
        self._rest_bytes = 0
        self._skipping = False

    def feed(self, piece: bytes) -> list[Line]:
        """The lines that a piece completes."""
        lines = []
        *whole, rest = piece.split(b"\n")
        for part in whole:
            self._end += len(part) + 1
            text = b"".join((*self._rest, part))
            if text.strip() and not self._skipping:
                lines.append(Line(self._end, text))
            self._rest, self._rest_bytes, self._skipping = [], 0, False
        if rest:
            self._end += len(rest)
            if self._rest_bytes + len(rest) > _LONGEST_LINE:
                self._rest, self._rest_bytes, self._skipping = [], 0, True
            else:
                self._rest.append(rest)
                self._rest_bytes += len(rest)
        return lines


class TranscriptReader:
    """
    Reads a transcript's lines while the run appends to it.

    @param path: The transcript.
    @param threads: Where it is read.
    @param offset: Where to begin: 0, or the end of a line.
    """

    def __init__(self, path: Path, threads: Threads, offset: int = 0) -> None:
        self._path = path
        self._threads = threads
        self._offset = offset
        self._splitter = LineSplitter(offset)

    async def lines(self) -> list[Line]:
        """
        The next lines, a few hundred kilobytes at a time.

        @return: None: no further line is whole yet.
        """
        while True:
            piece = await self._threads.run(self._read)
            if not piece:
                return []
            self._offset += len(piece)
            lines = self._splitter.feed(piece)
            if lines:
                return lines

    def _read(self) -> bytes:
        # Opened anew each time: nothing is left open when whoever reads is cancelled meanwhile.
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        try:
            return os.pread(descriptor, _PIECE, self._offset)
        finally:
            os.close(descriptor)


class Growth:
    """
    Waiting until a transcript has grown.

    @param watch: Watches the folder of the transcripts.
    @param name: The transcript's file name.
    """

    def __init__(self, watch: FolderWatch, name: str) -> None:
        self._grown = False
        self._waiting: Deferred[None] | None = None
        self._end: Callable[[], None] = watch.subscribe(name, self.tell)

    def tell(self) -> None:
        """It has grown, or no longer will."""
        self._grown = True
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    async def wait(self) -> None:
        """Wait until it has grown since the last wait."""
        if not self._grown:
            self._waiting = Deferred()
            try:
                await self._waiting
            finally:
                self._waiting = None
        self._grown = False

    def stop(self) -> None:
        """Wait no more."""
        self._end()


def find_result(path: Path) -> bytes | None:
    """
    The last line of a transcript that says how the run went. For threads.

    @return: C{None}: there is none.
    """
    found = None
    splitter = LineSplitter()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                for line in splitter.feed(piece):
                    if _RESULT in line.text[:64] and _is_result(line.text):
                        found = line.text
    except FileNotFoundError:
        return None
    return found


class _Typed(msgspec.Struct):
    type: str


_typed = msgspec.json.Decoder(_Typed)


def _is_result(text: bytes) -> bool:
    return line_type(text) == "result"


def line_type(text: bytes) -> str | None:
    """What kind of line one is; C{None}: it is not one of Claude Code's."""
    try:
        return _typed.decode(text).type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
