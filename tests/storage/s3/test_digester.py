"""What a client says of its body is held against the body."""

from __future__ import annotations

import base64
import hashlib
import zlib

from twisted.trial.unittest import SynchronousTestCase

from tests.storage.s3.wire import parsed, signed
from twisted_aigate.storage.models import Checksum
from twisted_aigate.storage.s3.canonical import SignedRequest
from twisted_aigate.storage.s3.checksums import Algorithm
from twisted_aigate.storage.s3.digester import Announced, Digester, announced, object_checksum
from twisted_aigate.storage.s3.errors import S3Error

_DATA = b"some data"
_CRC = base64.b64encode(zlib.crc32(_DATA).to_bytes(4, "big"))
_MD5 = base64.b64encode(hashlib.md5(_DATA).digest())
_SHA256 = base64.b64encode(hashlib.sha256(_DATA).digest())


def _request(*headers: tuple[bytes, bytes]) -> SignedRequest:
    return SignedRequest("PUT", b"/b/k", b"", headers)


def _said(*headers: tuple[bytes, bytes]) -> Announced:
    return announced(_request(*headers), None)


class AnnouncedTests(SynchronousTestCase):
    def refuse(self, code: str, *headers: tuple[bytes, bytes]) -> None:
        error = self.assertRaises(S3Error, _said, *headers)
        self.assertEqual(error.code, code, error.message)

    def test_nothing(self) -> None:
        said = _said((b"x-amz-checksum-mode", b"ENABLED"), (b"x-amz-checksum-algorithm", b"SHA1"))
        self.assertEqual(said, Announced())
        self.assertFalse(said.checked)

    def test_all(self) -> None:
        said = _said(
            (b"content-md5", _MD5),
            (b"x-amz-sdk-checksum-algorithm", b"crc32"),
            (b"x-amz-checksum-crc32", _CRC),
        )
        self.assertEqual(said.md5, hashlib.md5(_DATA).digest())
        self.assertEqual((said.algorithm, said.value), (Algorithm.CRC32, base64.b64decode(_CRC)))
        self.assertTrue(said.checked)

    def test_the_signed_hash(self) -> None:
        request = signed("PUT", data=_DATA)
        said = announced(request, parsed(request))
        self.assertEqual(said.sha256, hashlib.sha256(_DATA).hexdigest())
        self.assertFalse(said.checked)

    def test_in_a_trailer(self) -> None:
        said = _said((b"x-amz-trailer", b"x-other, X-Amz-Checksum-SHA1"))
        self.assertEqual(said, Announced(algorithm=Algorithm.SHA1))
        self.assertTrue(said.checked)

    def test_what_cannot_be(self) -> None:
        for value in (b"", b"x", _MD5[:-2], _CRC, b"\xff"):
            self.refuse("InvalidDigest", (b"content-md5", value))
        self.refuse("InvalidDigest", (b"content-md5", _MD5), (b"content-md5", _MD5[::-1]))
        for value in (b"", b"x", _MD5, _CRC + b"-1"):
            self.refuse("InvalidRequest", (b"x-amz-checksum-crc32", value))
        crc = (b"x-amz-checksum-crc32", _CRC)
        self.refuse("InvalidRequest", crc, (b"x-amz-checksum-sha256", _SHA256))
        self.refuse("InvalidRequest", crc, crc)
        self.refuse("InvalidRequest", crc, (b"x-amz-trailer", b"x-amz-checksum-crc32"))
        self.refuse("InvalidRequest", (b"x-amz-sdk-checksum-algorithm", b"CRC32"))
        self.refuse("BadDigest", crc, (b"x-amz-sdk-checksum-algorithm", b"SHA1"))
        self.refuse("InvalidRequest", (b"x-amz-checksum-crc31", _CRC))
        self.refuse("NotImplemented", (b"x-amz-checksum-xxhash3", _CRC))

    def test_of_the_object_that_parts_make(self) -> None:
        self.assertIsNone(object_checksum(_request((b"x-amz-checksum-type", b"COMPOSITE"))))
        request = _request((b"x-amz-checksum-sha256", b"abc=-3"))
        self.assertEqual(object_checksum(request), (Algorithm.SHA256, "abc=-3"))
        crc = (b"x-amz-checksum-crc32", _CRC)
        self.assertRaises(S3Error, object_checksum, _request(crc, crc))


class DigesterTests(SynchronousTestCase):
    def verdict(
        self, said: Announced, data: bytes = _DATA, trailers: dict[str, str] | None = None
    ) -> Checksum | None:
        digester = Digester(said)
        for start in range(0, len(data), 4):
            digester.update(data[start : start + 4])
        self.assertEqual(digester.size, len(data))
        self.assertEqual(digester.md5, hashlib.md5(data).hexdigest())
        return digester.verify(trailers or {})

    def refuse(self, code: str, said: Announced, trailers: dict[str, str] | None = None) -> S3Error:
        error = self.assertRaises(S3Error, self.verdict, said, b"other data", trailers)
        self.assertEqual(error.code, code)
        return error

    def test_nothing_announced(self) -> None:
        self.assertIsNone(self.verdict(Announced()))
        self.assertIsNone(Digester(Announced()).checksum)

    def test_md5(self) -> None:
        said = _said((b"content-md5", _MD5))
        self.assertIsNone(self.verdict(said))
        error = self.refuse("BadDigest", said)
        self.assertEqual(error.extra["ExpectedDigest"], _MD5.decode())

    def test_the_signed_hash(self) -> None:
        digest = hashlib.sha256(_DATA).hexdigest()
        said = Announced(sha256=digest)
        self.assertIsNone(self.verdict(said))
        error = self.refuse("XAmzContentSHA256Mismatch", said)
        self.assertEqual(error.extra["ClientComputedContentSHA256"], digest)

    def test_the_signed_hash_and_a_checksum_of_the_same_kind(self) -> None:
        said = Announced(
            sha256=hashlib.sha256(_DATA).hexdigest(),
            algorithm=Algorithm.SHA256,
            value=hashlib.sha256(_DATA).digest(),
        )
        self.assertEqual(self.verdict(said), Checksum("SHA256", _SHA256.decode()))

    def test_a_checksum_in_a_header(self) -> None:
        said = _said((b"x-amz-checksum-crc32", _CRC))
        self.assertEqual(self.verdict(said), Checksum("CRC32", _CRC.decode()))
        self.refuse("BadDigest", said)

    def test_a_checksum_in_a_trailer(self) -> None:
        said = _said((b"x-amz-trailer", b"x-amz-checksum-crc32"))
        trailers = {"x-amz-checksum-crc32": _CRC.decode()}
        self.assertEqual(self.verdict(said, trailers=trailers), Checksum("CRC32", _CRC.decode()))
        self.refuse("BadDigest", said, trailers)
        self.refuse("InvalidRequest", said, {})
        self.refuse("InvalidRequest", said, {"x-amz-checksum-crc32": "x"})

    def test_a_checksum_that_is_only_computed(self) -> None:
        digester = Digester(Announced(algorithm=Algorithm.CRC32))
        digester.update(_DATA)
        self.assertEqual(digester.checksum, Checksum("CRC32", _CRC.decode()))
