"""What every place for blobs keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.storage.models import BlobRef


class BlobStoreContract:
    """
    Mixed into the tests of each.

    @ivar folder: Where files on the way lie.
    """

    make: Any
    folder: Path

    def setUp(self: Any) -> None:
        SynchronousTestCase.setUp(self)
        self.folder = Path(self.mktemp())
        self.blobs = self.make()
        self.assertEqual(self.blobs.start(), [])

    def written(self: Any, data: bytes = b"hello", *, settle: bool = True) -> BlobRef:
        writer = self.blobs.create()
        writer.write(data[:2])
        writer.write(data[2:])
        blob: BlobRef = writer.finish()
        if settle:
            self.blobs.settle([blob.id])
        return blob

    def read(self: Any, blob: BlobRef, offset: int = 0) -> bytes:
        reader = self.blobs.open(blob, offset)
        pieces = []
        while piece := reader.read(3):
            pieces.append(piece)
        reader.close()
        return b"".join(pieces)

    def assert_gone(self: Any, blob: BlobRef) -> None:
        self.assertRaises(FileNotFoundError, self.blobs.open, blob)
        self.assertEqual(list((self.folder / "incoming").iterdir()), [])

    def test_round_trip(self: Any) -> None:
        """Whole, or from an offset; before it is settled, and after."""
        for settle in (False, True):
            blob = self.written(settle=settle)
            self.assertEqual(blob.size, 5)
            self.assertEqual((self.read(blob), self.read(blob, 3)), (b"hello", b"lo"))

    def test_empty(self: Any) -> None:
        """No byte at all."""
        blob = self.blobs.create().finish()
        self.assertEqual((blob.size, self.read(blob)), (0, b""))

    def test_names_say_nothing(self: Any) -> None:
        """Each is new, and of characters that are safe everywhere."""
        first, second = self.written(), self.written()
        self.assertNotEqual(first.id, second.id)
        self.assertRegex(first.id, r"^[0-9a-f]{32}$")

    def test_left_by_a_crash(self: Any) -> None:
        """What is not settled is found at the next start: half written, or whole."""
        half = self.blobs.create()
        half.write(b"ha")
        whole = self.written(settle=False)
        settled = self.written()
        found = self.make().start()
        self.assertEqual(len(found), 2)
        self.assertIn(whole.id, found)
        self.assertNotIn(settled.id, found)
        self.blobs.settle([whole.id])
        self.blobs.delete(set(found) - {whole.id})
        self.assertEqual(self.make().start(), [])
        self.assertEqual((self.read(whole), self.read(settled)), (b"hello", b"hello"))
        half.discard()

    def test_discard(self: Any) -> None:
        """At any time, more than once too."""
        writer = self.blobs.create()
        writer.write(b"x")
        writer.discard()
        writer.discard()
        finished = self.blobs.create()
        blob = finished.finish()
        finished.discard()
        self.assert_gone(blob)
        self.assertEqual(self.make().start(), [])

    def test_delete(self: Any) -> None:
        """Settled or not; what is not there is no fault."""
        blobs = [self.written(settle=settle) for settle in (True, False)]
        for _ in range(2):
            self.blobs.delete([*(blob.id for blob in blobs), "0" * 32])
            for blob in blobs:
                self.assert_gone(blob)
        self.blobs.delete([])

    def test_settle_twice(self: Any) -> None:
        """What is settled stays so; what is unknown is no fault."""
        blob = self.written()
        self.blobs.settle([blob.id, "0" * 32])
        self.assertEqual(self.read(blob), b"hello")
