"""Bodies and checksums as boto3 sends them by default, from its request to our verdict."""

from __future__ import annotations

import io
from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.s3.wire import ENDPOINT, SECRET, accept, captured
from twisted_aigate.storage.models import Checksum
from twisted_aigate.storage.s3.canonical import SignedRequest
from twisted_aigate.storage.s3.checksums import Algorithm
from twisted_aigate.storage.s3.chunked import decoder_for
from twisted_aigate.storage.s3.digester import Announced, Digester, announced
from twisted_aigate.storage.s3.errors import S3Error
from twisted_aigate.storage.s3.payload import PayloadMode

_TLS = ENDPOINT.replace("http:", "https:")
_DATA = bytes(range(256)) * 9000


def _upload(request: SignedRequest, body: bytes) -> tuple[bytes, Announced, Checksum | None]:
    """What a server does with an upload."""
    credential = accept(request)
    decoder = decoder_for(request, credential, SECRET)
    said = announced(request, credential)
    digester = Digester(said)
    data = b""
    for start in range(0, len(body), 4000):
        part = body[start : start + 4000]
        for piece in decoder.feed(part) if decoder else [part]:
            digester.update(piece)
            data += piece
    if decoder is not None:
        decoder.finish()
    return data, said, digester.verify(decoder.trailers if decoder else {})


class UploadTests(SynchronousTestCase):
    def put(self, endpoint: str = ENDPOINT, **arguments: Any) -> tuple[SignedRequest, bytes]:
        arguments = {"Body": _DATA, **arguments}
        return captured(lambda s3: s3.put_object(Bucket="b", Key="k", **arguments), endpoint)

    def test_the_default_over_tls_is_a_trailer(self) -> None:
        request, body = self.put(_TLS)
        self.assertIs(accept(request).payload, PayloadMode.UNSIGNED_TRAILER)
        self.assertNotEqual(body, _DATA)
        data, said, checksum = _upload(request, body)
        self.assertEqual(data, _DATA)
        self.assertIsNone(said.value)
        assert checksum is not None
        self.assertEqual((checksum.algorithm, checksum.type), ("CRC32", "FULL_OBJECT"))

    def test_the_default_without_tls_is_a_header_and_a_signed_body(self) -> None:
        request, body = self.put()
        self.assertIs(accept(request).payload, PayloadMode.HASH)
        self.assertEqual(body, _DATA)
        _, said, checksum = _upload(request, body)
        self.assertIsNotNone(said.value)
        self.assertIsNotNone(said.sha256)
        assert checksum is not None
        self.assertEqual(checksum.algorithm, "CRC32")

    def test_every_algorithm(self) -> None:
        for algorithm in Algorithm:
            for endpoint in (ENDPOINT, _TLS):
                for body in (_DATA, b"", io.BytesIO(_DATA)):
                    with self.subTest((algorithm, endpoint)):
                        request, sent = self.put(
                            endpoint, ChecksumAlgorithm=algorithm.value, Body=body
                        )
                        data, _, checksum = _upload(request, sent)
                        self.assertEqual(data, b"" if body == b"" else _DATA)
                        assert checksum is not None
                        self.assertEqual(checksum.algorithm, algorithm.value)

    def test_a_part(self) -> None:
        request, body = captured(
            lambda s3: s3.upload_part(Bucket="b", Key="k", PartNumber=1, UploadId="u", Body=_DATA),
            _TLS,
        )
        self.assertEqual(_upload(request, body)[0], _DATA)

    def test_a_list_to_delete(self) -> None:
        request, body = captured(
            lambda s3: s3.delete_objects(Bucket="b", Delete={"Objects": [{"Key": "k"}]})
        )
        self.assertTrue(_upload(request, body)[1].checked)

    def test_what_we_do_not_offer_is_said_to_be(self) -> None:
        request, body = self.put(ChecksumAlgorithm="SHA512")
        error = self.assertRaises(S3Error, _upload, request, body)
        self.assertEqual(error.code, "NotImplemented")

    def test_corrupted_bodies(self) -> None:
        for endpoint, code in ((ENDPOINT, "XAmzContentSHA256Mismatch"), (_TLS, "BadDigest")):
            request, body = self.put(endpoint)
            changed = bytearray(body)
            changed[5000] ^= 1
            error = self.assertRaises(S3Error, _upload, request, bytes(changed))
            self.assertEqual(error.code, code)

    def test_the_trailer_that_is_announced_is_signed(self) -> None:
        request, body = self.put(_TLS)
        headers = [
            (name, b"x-amz-checksum-sha1" if name == b"x-amz-trailer" else value)
            for name, value in request.headers
        ]
        error = self.assertRaises(S3Error, _upload, evolve(request, headers=headers), body)
        self.assertEqual(error.code, "SignatureDoesNotMatch")
