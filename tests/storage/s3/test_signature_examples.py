"""The examples that AWS publishes for Signature V4 and S3."""

from __future__ import annotations

import hashlib

from twisted.trial.unittest import SynchronousTestCase

from tests.storage.s3.wire import parsed
from twisted_aigate.storage.s3.canonical import SignedRequest
from twisted_aigate.storage.s3.presign import presign
from twisted_aigate.storage.s3.signature import verify

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NOW = 1369353600.0
_EMPTY = hashlib.sha256().hexdigest().encode()


def example(
    method: str,
    path: bytes,
    signed_headers: str,
    signature: str,
    headers: list[tuple[bytes, bytes]],
    query: bytes = b"",
    payload: bytes = _EMPTY,
    host: bytes = b"examplebucket.s3.amazonaws.com",
) -> SignedRequest:
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={signed_headers},Signature={signature}"
    )
    return SignedRequest(
        method,
        path,
        query,
        [
            (b"host", host),
            (b"authorization", authorization.encode()),
            (b"x-amz-date", b"20130524T000000Z"),
            (b"x-amz-content-sha256", payload),
            *headers,
        ],
    )


class ExampleTests(SynchronousTestCase):
    """
    @see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html}
    """

    def accept(self, request: SignedRequest) -> None:
        verify(request, parsed(request), SECRET, NOW)

    def test_get_object(self) -> None:
        self.accept(
            example(
                "GET",
                b"/test.txt",
                "host;range;x-amz-content-sha256;x-amz-date",
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
                [(b"range", b"bytes=0-9")],
            )
        )

    def test_put_object(self) -> None:
        """On the wire it is C{$}, in what was signed C{%24}."""
        for path in (b"/test$file.text", b"/test%24file.text"):
            self.accept(
                example(
                    "PUT",
                    path,
                    "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
                    [
                        (b"date", b"Fri, 24 May 2013 00:00:00 GMT"),
                        (b"x-amz-storage-class", b"REDUCED_REDUNDANCY"),
                    ],
                    payload=hashlib.sha256(b"Welcome to Amazon S3.").hexdigest().encode(),
                )
            )

    def test_get_bucket_lifecycle(self) -> None:
        self.accept(
            example(
                "GET",
                b"/",
                "host;x-amz-content-sha256;x-amz-date",
                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
                [],
                query=b"lifecycle",
            )
        )

    def test_list_objects(self) -> None:
        for query in (b"max-keys=2&prefix=J", b"prefix=J&max-keys=2"):
            self.accept(
                example(
                    "GET",
                    b"/",
                    "host;x-amz-content-sha256;x-amz-date",
                    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
                    [],
                    query=query,
                )
            )

    def test_presigned_url(self) -> None:
        """
        @see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html}
        """
        url = (
            "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
            "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
            "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
            "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        )
        self.assertEqual(
            presign(
                "GET",
                "https://examplebucket.s3.amazonaws.com:443",
                b"/test.txt",
                ACCESS_KEY,
                SECRET,
                "us-east-1",
                86400,
                NOW,
            ),
            url,
        )
        self.accept(
            SignedRequest(
                "GET",
                b"/test.txt",
                url.partition("?")[2].encode(),
                [(b"host", b"examplebucket.s3.amazonaws.com")],
            )
        )
