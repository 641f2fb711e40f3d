"""What storage asks of a place for bytes. All of it blocks: it is called in threads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from twisted_aigate.storage.models import BlobRef


class BlobReader(Protocol):
    """An open blob. It stays readable when the blob is deleted meanwhile."""

    def read(self, size: int) -> bytes:
        """The next bytes, at most C{size}; none at the end."""

    def close(self) -> None:
        """Let go of it."""


class BlobWriter(Protocol):
    """A blob that is being written."""

    def write(self, data: bytes) -> None:
        """
        Add bytes.

        @raise OSError: There is no room, or the disk fails.
        """

    def finish(self) -> BlobRef:
        """
        Have it on stable storage.

        It is litter until metadata refers to it and L{BlobStore.settle} was called.

        @raise OSError: There is no room, or the disk fails.
        """

    def discard(self) -> None:
        """Drop it; also after L{finish}, when its metadata could not be written."""


class BlobStore(Protocol):
    """The place."""

    def start(self) -> list[str]:
        """
        Make it ready.

        @return: The blobs that a crash has left unsettled: those that metadata refers to are to be
            settled now, the others to be deleted.
        """

    def create(self) -> BlobWriter:
        """Begin a blob."""

    def settle(self, ids: Iterable[str]) -> None:
        """These blobs are referred to by metadata that is committed."""

    def open(self, blob: BlobRef, offset: int = 0) -> BlobReader:
        """
        Open a blob, to be read from C{offset} on.

        @raise FileNotFoundError: It is not there.
        """

    def delete(self, ids: Iterable[str]) -> None:
        """Remove blobs; those that are not there are no fault."""
