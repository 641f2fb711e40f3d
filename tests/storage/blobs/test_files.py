"""Blobs as flat files."""

from __future__ import annotations

import gc
import os
import stat

from twisted.trial.unittest import SynchronousTestCase

from tests.storage.blobs.contract import BlobStoreContract
from twisted_aigate.storage.blobs.files import FileBlobs


class FileBlobsTests(BlobStoreContract, SynchronousTestCase):
    """The contract, and what is the files' own."""

    def make(self) -> FileBlobs:
        return FileBlobs(self.folder)

    def test_deleted_while_open(self) -> None:
        """Who reads, reads on."""
        blob = self.written()
        reader = self.blobs.open(blob)
        self.blobs.delete([blob.id])
        self.assertEqual(reader.read(10), b"hello")
        reader.close()

    def test_permissions(self) -> None:
        """Nobody but us reads what users store."""
        blob = self.written()
        mode = (self.folder / "blobs" / blob.id[:2] / blob.id).stat().st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_no_descriptor_stays(self) -> None:
        """Of any way that a blob goes."""
        gc.collect()
        before = sorted(os.listdir("/proc/self/fd"))
        self.written()
        self.blobs.create().discard()
        writer = self.blobs.create()
        writer.finish()
        writer.discard()
        self.read(self.written())
        self.assertEqual(sorted(os.listdir("/proc/self/fd")), before)
