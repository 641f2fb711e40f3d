"""Multipart uploads: which parts make an object, and which do not."""

from __future__ import annotations

import base64
import zlib
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred

from tests.storage.test_intake import Arriving
from tests.support.storage import PRIVATE, UPLOADS, StorageCase, plain_digester
from tests.support.streams import RecordingConsumer
from twisted_aigate.storage import uploads as module
from twisted_aigate.storage.intake import source_of
from twisted_aigate.storage.models import Part, StoredObject, Upload
from twisted_aigate.storage.s3.checksums import Algorithm
from twisted_aigate.storage.s3.digester import Announced, Digester
from twisted_aigate.storage.s3.errors import S3Error
from twisted_aigate.storage.service import ObjectHeaders
from twisted_aigate.storage.uploads import NamedPart


def _crc32(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")


class UploadsTests(StorageCase):
    """Parts and wholes, with parts of ten bytes in place of five megabytes."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(module, "LEAST_PART", 10)

    def begin(self, bucket: Any = PRIVATE, algorithm: Any = None, kind: Any = None) -> Upload:
        given = ObjectHeaders("text/x", {"expires": "0"}, {"a": "b"}, {"t": "u"})
        found: Upload = self.result(self.uploads.create(bucket, "k", "me", given, algorithm, kind))
        return found

    def part(self, upload: Upload, number: int, data: bytes, **more: Any) -> Part:
        digester = plain_digester()
        if upload.checksum_algorithm == "CRC32" and more.get("checked", True):
            digester = Digester(Announced(algorithm=Algorithm.CRC32, value=_crc32(data)))
        found: Part = self.result(
            self.uploads.put_part(PRIVATE, upload, number, source_of(data), digester)
        )
        return found

    def completing(self, upload: Upload, *parts: Part | NamedPart, **more: Any) -> Any:
        named = [NamedPart(part.number, part.etag) if isinstance(part, Part) else part
                 for part in parts]  # fmt: skip
        return self.uploads.complete(more.pop("bucket", PRIVATE), upload, named, **more)

    def complete(self, upload: Upload, *parts: Part | NamedPart, **more: Any) -> StoredObject:
        found: StoredObject = self.result(self.completing(upload, *parts, **more))
        return found

    def refused(self, code: str, coroutine: Any) -> S3Error:
        error: S3Error = self.error(coroutine, S3Error)
        self.assertEqual(error.code, code)
        return error

    def read(self) -> bytes:
        _, body = self.result(self.store.get(PRIVATE, "k"))
        if isinstance(body, bytes):
            return body
        consumer = RecordingConsumer()
        self.successResultOf(body.startProducing(consumer))
        return consumer.data

    def test_whole(self) -> None:
        """Parts in any order; numbers may be left out; the last may be small."""
        upload = self.begin()
        last, first = self.part(upload, 7, b"end"), self.part(upload, 2, b"a" * 10)
        stored = self.complete(upload, first, last)
        self.assertEqual(self.read(), b"a" * 10 + b"end")
        self.assertEqual((stored.size, stored.part_sizes), (13, (10, 3)))
        self.assertEqual((stored.content_type, stored.headers, stored.metadata, stored.tags),
                         ("text/x", {"expires": "0"}, {"a": "b"}, {"t": "u"}))  # fmt: skip
        # md5(md5("a" * 10) + md5("end")), by md5sum.
        self.assertRegex(stored.etag, r"^[0-9a-f]{32}-2$")
        self.refused("NoSuchUpload", self.uploads.find(PRIVATE, "k", upload.id))

    def test_over_meanwhile(self) -> None:
        """Of two who complete at once the second is told that the upload is over."""
        upload = self.begin()
        part = self.part(upload, 1, b"x")
        self.complete(upload, part)
        self.refused("NoSuchUpload", self.completing(upload, part))

    def test_replaced_part(self) -> None:
        """The last of a number counts, and the etag of one before is no part any more."""
        upload = self.begin()
        before, after = self.part(upload, 1, b"before"), self.part(upload, 1, b"after")
        self.refused("InvalidPart", self.completing(upload, before))
        self.complete(upload, after)
        self.assertEqual(self.read(), b"after")

    def test_wrong_lists(self) -> None:
        """None, out of order, twice, unknown: nothing is made, and the upload goes on."""
        upload = self.begin()
        one, two = self.part(upload, 1, b"x" * 10), self.part(upload, 2, b"x")
        self.refused("MalformedXML", self.completing(upload))
        self.refused("InvalidPartOrder", self.completing(upload, two, one))
        self.refused("InvalidPartOrder", self.completing(upload, one, one))
        self.refused("InvalidPart", self.completing(upload, one, NamedPart(3, two.etag)))
        self.refused("InvalidPart", self.completing(upload, NamedPart(1, two.etag)))
        self.refused("NoSuchKey", self.store.get(PRIVATE, "k"))
        self.complete(upload, one, two)

    def test_too_small(self) -> None:
        """Every part but the last has the least size; the error says which has not."""
        upload = self.begin()
        one, two = self.part(upload, 1, b"x" * 9), self.part(upload, 2, b"x" * 10)
        error = self.refused("EntityTooSmall", self.completing(upload, one, two))
        self.assertEqual(error.extra, {"ProposedSize": "9", "MinSizeAllowed": "10",
                                       "PartNumber": "1"})  # fmt: skip
        self.complete(upload, one)

    def test_too_large(self) -> None:
        """The bucket's limit holds for a part, and for the whole."""
        upload = self.begin()
        one, two = self.part(upload, 1, b"x" * 600), self.part(upload, 2, b"x" * 600)
        limited = evolve(PRIVATE, max_file_size=1000)
        self.refused("EntityTooLarge", self.completing(upload, one, two, bucket=limited))
        source = source_of(b"x" * 1001)
        self.refused(
            "EntityTooLarge", self.uploads.put_part(UPLOADS, upload, 3, source, plain_digester())
        )

    def test_too_large_together(self) -> None:
        """A part that takes the sum over the bucket's limit is refused; the others stay."""
        upload = self.begin(UPLOADS)

        def put(number: int, data: Any, length: int | None = None) -> Any:
            source = source_of(data) if isinstance(data, bytes) else data
            return self.uploads.put_part(
                UPLOADS, upload, number, source, plain_digester(), length=length
            )

        for number, size in ((1, 600), (2, 400), (2, 300), (3, 100), (4, 0)):
            self.result(put(number, b"x" * size))
        # The same number again: what it replaces does not count.
        self.result(put(1, b"y" * 600))
        for number, size in ((1, 601), (4, 1), (2, 301), (5, 2)):
            error = self.refused("EntityTooLarge", put(number, b"x" * size))
            self.assertEqual(error.message, "An object of this bucket has at most 1000 bytes.")
        sizes = [part.blob.size for part in self.result(self.uploads.list_parts(upload, 0, 9))]
        self.assertEqual(sizes, [600, 300, 100, 0])
        # When its length is told nothing is read, and otherwise no more than there is room for.
        self.refused("EntityTooLarge", put(2, Arriving(), 301))
        source = Arriving()
        putting = Deferred.fromCoroutine(put(2, source))
        source.feed(b"x" * 300)
        self.assertNoResult(putting)
        source.feed(b"x")
        self.failureResultOf(putting, S3Error)

    def test_too_large_by_parts_that_come_together(self) -> None:
        """Each has room when it begins; not both are taken."""
        upload = self.begin(UPLOADS)
        sources = [Arriving(), Arriving()]
        putting = [
            Deferred.fromCoroutine(
                self.uploads.put_part(UPLOADS, upload, number, source, plain_digester())
            )
            for number, source in enumerate(sources, 1)
        ]
        for source in sources:
            source.feed(b"x" * 600)
            source.end()
        self.successResultOf(putting[0])
        error = self.failureResultOf(putting[1], S3Error).value
        self.assertEqual(error.code, "EntityTooLarge")
        self.assertEqual(len(self.blob_files()), 1)

    def test_unused_parts(self) -> None:
        """Parts that are not named become garbage."""
        upload = self.begin()
        self.part(upload, 1, b"unused")
        self.complete(upload, self.part(upload, 2, b"used"))
        self.assertEqual(self.read(), b"used")

    def test_composite_checksum(self) -> None:
        """The checksum of the parts' checksums."""
        upload = self.begin(algorithm="CRC32", kind="COMPOSITE")
        one, two = self.part(upload, 1, b"x" * 10), self.part(upload, 2, b"y")
        stored = self.complete(upload, one, two)
        expected = base64.b64encode(_crc32(_crc32(b"x" * 10) + _crc32(b"y"))).decode()
        assert stored.checksum is not None
        self.assertEqual((stored.checksum.value, stored.checksum.type),
                         (f"{expected}-2", "COMPOSITE"))  # fmt: skip

    def test_full_checksum(self) -> None:
        """The whole object's; what the client expects must be it."""
        for wrong in (True, False):
            upload = self.begin(algorithm="CRC32", kind="FULL_OBJECT")
            parts = self.part(upload, 1, b"x" * 10), self.part(upload, 2, b"y")
            value = base64.b64encode(_crc32(b"x" * 10 + b"y")).decode()
            expected = (Algorithm.CRC32, "AAAAAA==" if wrong else value)
            completing = self.completing(upload, *parts, expected=expected)
            if wrong:
                self.refused("BadDigest", completing)
            else:
                checksum = self.result(completing).checksum
                self.assertEqual((checksum.value, checksum.type), (value, "FULL_OBJECT"))

    def test_checksum_of_a_part(self) -> None:
        """What the client repeats must be what came; a part without one leaves the whole none."""
        upload = self.begin(algorithm="CRC32", kind="COMPOSITE")
        one = self.part(upload, 1, b"x" * 10)
        wrong = NamedPart(1, one.etag, "AAAAAA==")
        self.refused("InvalidPart", self.completing(upload, wrong))
        two = self.part(upload, 2, b"y", checked=False)
        self.assertIsNone(self.complete(upload, one, two).checksum)

    def test_expected_checksum_of_none(self) -> None:
        """A checksum that cannot be compared with anything is not taken for a match."""
        upload = self.begin()
        one = self.part(upload, 1, b"x")
        expected = (Algorithm.CRC32, "AAAAAA==")
        self.error(self.completing(upload, one, expected=expected), S3Error)

    def test_abort(self) -> None:
        """Once; then nothing is there, and a part that comes late is refused and dropped."""
        upload = self.begin()
        self.part(upload, 1, b"x")
        self.result(self.uploads.abort(upload))
        self.refused("NoSuchUpload", self.uploads.abort(upload))
        before = len(self.blob_files())
        late = self.uploads.put_part(PRIVATE, upload, 2, source_of(b"y"), plain_digester())
        self.refused("NoSuchUpload", late)
        self.assertEqual(len(self.blob_files()), before)

    def test_lists(self) -> None:
        """The parts by number, the uploads by key."""
        upload = self.begin()
        for number in (3, 1, 2):
            self.part(upload, number, b"x")
        parts = self.result(self.uploads.list_parts(upload, 1, 1))
        self.assertEqual([part.number for part in parts], [2])
        page = self.result(self.uploads.list_page(PRIVATE, "", "", ("", ""), 10))
        self.assertEqual(page.uploads, (upload,))
        self.refused("NoSuchUpload", self.uploads.find(PRIVATE, "other", upload.id))
        self.refused("NoSuchUpload", self.uploads.find(UPLOADS, "k", upload.id))
