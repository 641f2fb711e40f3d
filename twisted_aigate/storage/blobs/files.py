"""
Blobs as flat files.

A blob is written under C{incoming/}, and moved to its place among the others only when metadata
refers to it. So a crash leaves its litter in C{incoming/} alone, where the next start finds it
without looking at every blob that there is: what metadata refers to is moved, the rest removed.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from twisted_aigate.storage.models import BlobRef

_FAN_OUT = 2
"""Hex digits that name a blob's folder: 256 folders."""

_READ_AHEAD = 0
"""Python's own buffer is of no use to those who read in large pieces."""


class FileBlobs:
    """
    A L{twisted_aigate.storage.blobs.interface.BlobStore} in a folder.

    @param folder: Made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._incoming = folder / "incoming"
        self._settled = folder / "blobs"

    def _place(self, blob_id: str) -> Path:
        return self._settled / blob_id[:_FAN_OUT] / blob_id

    def start(self) -> list[str]:
        """See C{BlobStore}."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        for number in range(16**_FAN_OUT):
            (self._settled / f"{number:0{_FAN_OUT}x}").mkdir(parents=True, exist_ok=True)
        return os.listdir(self._incoming)

    def create(self) -> FileWriter:
        """See C{BlobStore}."""
        blob_id = uuid.uuid4().hex
        return FileWriter(blob_id, self._incoming / blob_id, self._place(blob_id))

    def settle(self, ids: Iterable[str]) -> None:
        """See C{BlobStore}."""
        for blob_id in ids:
            with contextlib.suppress(FileNotFoundError):
                os.rename(self._incoming / blob_id, self._place(blob_id))

    def open(self, blob: BlobRef, offset: int = 0) -> BinaryIO:
        """See C{BlobStore}."""
        place = self._place(blob.id)
        try:
            file = place.open("rb", buffering=_READ_AHEAD)
        except FileNotFoundError:
            try:
                file = (self._incoming / blob.id).open("rb", buffering=_READ_AHEAD)
            except FileNotFoundError:
                # It was moved between the two looks.
                file = place.open("rb", buffering=_READ_AHEAD)
        if offset:
            file.seek(offset)
        return file

    def delete(self, ids: Iterable[str]) -> None:
        """See C{BlobStore}."""
        for blob_id in ids:
            # In this order: one that is settled meanwhile is found where it came to.
            (self._incoming / blob_id).unlink(missing_ok=True)
            self._place(blob_id).unlink(missing_ok=True)


class FileWriter:
    """
    A L{twisted_aigate.storage.blobs.interface.BlobWriter}.

    @param path: Where it is written.
    @param place: Where it may have been moved to since.
    """

    def __init__(self, blob_id: str, path: Path, place: Path) -> None:
        self._id = blob_id
        self._path = path
        self._place = place
        self._size = 0
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, data: bytes) -> None:
        """See C{BlobWriter}."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._size += len(data)

    def finish(self) -> BlobRef:
        """See C{BlobWriter}."""
        os.fdatasync(self._descriptor)
        self._close()
        return BlobRef(self._id, self._size)

    def discard(self) -> None:
        """See C{BlobWriter}."""
        self._close()
        self._path.unlink(missing_ok=True)
        self._place.unlink(missing_ok=True)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
