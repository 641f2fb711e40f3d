"""Checksums, and what is made of those of parts."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

import twisted_aigate
from twisted_aigate.storage.models import Checksum
from twisted_aigate.storage.s3.checksums import (
    COMPOSITE,
    FULL_OBJECT,
    Algorithm,
    algorithm_named,
    decode_base64,
    encode_base64,
    multipart_checksum,
    multipart_etag,
    multipart_type,
    running,
)
from twisted_aigate.storage.s3.errors import S3Error

# The catalogue of parametrised CRC algorithms has them as "check".
_CHECK = {
    Algorithm.CRC32: "cbf43926",
    Algorithm.CRC32C: "e3069283",
    Algorithm.CRC64NVME: "ae8b14860a799888",
    Algorithm.SHA1: hashlib.sha1(b"123456789").hexdigest(),
    Algorithm.SHA256: hashlib.sha256(b"123456789").hexdigest(),
}
_CRCS = (Algorithm.CRC32, Algorithm.CRC32C, Algorithm.CRC64NVME)


def _digest(algorithm: Algorithm, *pieces: bytes) -> bytes:
    checksum = running(algorithm)
    for piece in pieces:
        checksum.update(piece)
    return checksum.digest()


class RunningTests(SynchronousTestCase):
    def test_known_values(self) -> None:
        for algorithm, value in _CHECK.items():
            self.assertEqual(_digest(algorithm, b"1234", b"", b"56789").hex(), value)
            self.assertEqual(len(_digest(algorithm)), algorithm.size)

    def test_names(self) -> None:
        self.assertEqual(Algorithm.CRC64NVME.header, "x-amz-checksum-crc64nvme")
        self.assertIs(algorithm_named("sha256"), Algorithm.SHA256)
        for name, code in (("SHA512", "NotImplemented"), ("x", "InvalidRequest")):
            error = self.assertRaises(S3Error, algorithm_named, name)
            self.assertEqual(error.code, code)

    def test_awscrt_is_loaded_for_those_that_need_it_alone(self) -> None:
        program = (
            "import sys; from twisted_aigate.storage.s3 import checksums as c, digester\n"
            "[c.running(c.Algorithm(n)).update(b'x') for n in ('CRC32', 'SHA1', 'SHA256')]\n"
            "assert 'awscrt' not in sys.modules\n"
            "c.running(c.Algorithm.CRC32C).update(b'x'); assert 'awscrt' in sys.modules"
        )
        root = Path(twisted_aigate.__file__).parents[1]
        subprocess.run([sys.executable, "-c", program], check=True, cwd=root)

    def test_base64(self) -> None:
        self.assertEqual(decode_base64("AAAAAQ==", 4), b"\0\0\0\1")
        for value in ("", "AAAAAQ", "AAAA", "AAAAAQ==\n", "!AAAAQ==", "é", "AAAAAQ==-2"):
            self.assertIsNone(decode_base64(value, 4))


class MultipartTests(SynchronousTestCase):
    def test_etag(self) -> None:
        md5s = [hashlib.md5(part).hexdigest() for part in (b"a", b"b")]
        joined = b"".join(bytes.fromhex(md5) for md5 in md5s)
        self.assertEqual(multipart_etag(md5s), hashlib.md5(joined).hexdigest() + "-2")

    def test_types(self) -> None:
        for algorithm, wanted, kind in (
            (Algorithm.CRC32, None, COMPOSITE),
            (Algorithm.CRC32, "full_object", FULL_OBJECT),
            (Algorithm.CRC32C, "COMPOSITE", COMPOSITE),
            (Algorithm.CRC64NVME, None, FULL_OBJECT),
            (Algorithm.SHA256, None, COMPOSITE),
        ):
            self.assertEqual(multipart_type(algorithm, wanted), kind)
        for algorithm, wanted in (
            (Algorithm.CRC64NVME, "COMPOSITE"),
            (Algorithm.SHA1, "FULL_OBJECT"),
            (Algorithm.CRC32, "x"),
        ):
            error = self.assertRaises(S3Error, multipart_type, algorithm, wanted)
            self.assertEqual(error.code, "InvalidRequest")

    def test_composite(self) -> None:
        parts = [hashlib.sha256(part).digest() for part in (b"a", b"b", b"c")]
        self.assertEqual(
            multipart_checksum(
                Algorithm.SHA256, COMPOSITE, [(encode_base64(part), 1) for part in parts]
            ),
            Checksum(
                "SHA256",
                base64.b64encode(hashlib.sha256(b"".join(parts)).digest()).decode() + "-3",
                "COMPOSITE",
            ),
        )
        crcs = [zlib.crc32(part).to_bytes(4, "big") for part in (b"a", b"b")]
        value = zlib.crc32(b"".join(crcs)).to_bytes(4, "big")
        self.assertEqual(
            multipart_checksum(
                Algorithm.CRC32, COMPOSITE, [(encode_base64(crc), 1) for crc in crcs]
            ).value,
            encode_base64(value) + "-2",
        )

    @given(st.lists(st.binary(max_size=200), min_size=1, max_size=6))
    def test_full_object(self, parts: list[bytes]) -> None:
        for algorithm in _CRCS:
            made = multipart_checksum(
                algorithm,
                FULL_OBJECT,
                [(encode_base64(_digest(algorithm, part)), len(part)) for part in parts],
            )
            self.assertEqual(
                made, Checksum(algorithm, encode_base64(_digest(algorithm, *parts)), FULL_OBJECT)
            )
