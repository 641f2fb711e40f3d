"""What botocore signs is accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.s3.wire import (
    ACCESS_KEY,
    ENDPOINT,
    KEYS,
    accept,
    captured,
    client,
    presigned,
    received,
    signed,
)
from twisted_aigate.storage.s3.payload import PayloadMode

_KEY = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)


class SignerTests(SynchronousTestCase):
    def test_every_kind_of_key_in_the_header(self) -> None:
        for key in KEYS:
            with self.subTest(key):
                credential = accept(signed("PUT", key, data=b"data"))
                self.assertEqual(credential.access_key, ACCESS_KEY)
                self.assertFalse(credential.presigned)
                self.assertIs(credential.payload, PayloadMode.HASH)

    def test_every_kind_of_key_presigned(self) -> None:
        for key in KEYS:
            for method in ("GET", "PUT", "HEAD", "DELETE"):
                with self.subTest((method, key)):
                    credential = accept(presigned(method, key))
                    self.assertTrue(credential.presigned)
                    self.assertIs(credential.payload, PayloadMode.UNSIGNED)

    @given(_KEY)
    @settings(max_examples=200, deadline=None)
    def test_any_key(self, key: str) -> None:
        accept(signed("GET", key))
        accept(presigned("GET", key))

    def test_any_region(self) -> None:
        for region in ("us-east-1", "auto", "garage", "US", "x_y-1"):
            self.assertEqual(accept(signed(region=region)).region, region)

    def test_values_of_headers(self) -> None:
        for value in ("a  b", " a ", "a\tb", "a,b", '"a  b"', ""):
            accept(signed("PUT", headers={"x-amz-meta-a": value, "content-type": "a/b;  c=d"}))

    def test_a_date_in_place_of_x_amz_date(self) -> None:
        request = signed(headers={"Date": "any"})
        self.assertEqual(request.values(b"x-amz-date"), [])
        accept(request)

    def test_signed_headers_of_a_presigned_request(self) -> None:
        accept(presigned("PUT", headers={"x-amz-meta-a": "b", "content-type": "text/plain"}))

    def test_the_hash_of_a_presigned_body(self) -> None:
        digest = "0" * 64
        request = presigned("PUT", headers={"x-amz-content-sha256": digest})
        credential = accept(request)
        self.assertIs(credential.payload, PayloadMode.HASH)
        self.assertEqual(credential.payload_hash, digest.encode())


_OPERATIONS: dict[str, Callable[[Any], object]] = {
    "get": lambda s3: s3.get_object(
        Bucket="b", Key="a b+c/%~*", Range="bytes=0-9", ResponseContentType="text/a b+c&d"
    ),
    "put": lambda s3: s3.put_object(
        Bucket="b", Key="ü/..//x", Body=b"data", Metadata={"a": "b  c"}, ContentType="text/plain"
    ),
    "head": lambda s3: s3.head_object(Bucket="b", Key="k"),
    "delete": lambda s3: s3.delete_object(Bucket="b", Key="k"),
    "copy": lambda s3: s3.copy_object(Bucket="b", Key="k", CopySource={"Bucket": "b", "Key": "ü"}),
    "delete many": lambda s3: s3.delete_objects(Bucket="b", Delete={"Objects": [{"Key": "k"}]}),
    "list": lambda s3: s3.list_objects(Bucket="b", Prefix="a b+c/&", Delimiter="/", Marker="é~*"),
    "list v2": lambda s3: s3.list_objects_v2(Bucket="b", ContinuationToken="a/b+c=="),
    "create upload": lambda s3: s3.create_multipart_upload(Bucket="b", Key="k"),
    "part": lambda s3: s3.upload_part(
        Bucket="b", Key="k", PartNumber=1, UploadId="a+b/=", Body=b"part"
    ),
    "complete": lambda s3: s3.complete_multipart_upload(
        Bucket="b", Key="k", UploadId="u", MultipartUpload={"Parts": []}
    ),
    "tagging": lambda s3: s3.put_object_tagging(
        Bucket="b", Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}
    ),
    "location": lambda s3: s3.get_bucket_location(Bucket="b"),
    "buckets": lambda s3: s3.list_buckets(),
    "create bucket": lambda s3: s3.create_bucket(Bucket="bucket"),
}


class ClientTests(SynchronousTestCase):
    def test_operations(self) -> None:
        for name, operation in _OPERATIONS.items():
            with self.subTest(name):
                request, _ = captured(operation)
                self.assertTrue(request.raw_path.startswith(b"/storage"))
                self.assertEqual(accept(request).region, "eu-central-1")

    def test_presigned_urls(self) -> None:
        s3 = client()
        for operation, method, parameters in (
            ("get_object", "GET", {"ResponseContentDisposition": 'attachment; filename="a b"'}),
            ("put_object", "PUT", {}),
            ("head_object", "HEAD", {}),
            ("delete_object", "DELETE", {}),
            ("upload_part", "PUT", {"UploadId": "a+b/=", "PartNumber": 3}),
        ):
            for key in KEYS:
                with self.subTest((operation, key)):
                    url = s3.generate_presigned_url(
                        operation, {"Bucket": "uploads", "Key": key, **parameters}, 60
                    )
                    request = received(method, url, {})
                    self.assertTrue(url.startswith(ENDPOINT))
                    self.assertEqual(accept(request).expires, 60)
                    # A client that adds what is neither host nor x-amz-* may.
                    headers = [*request.headers, (b"content-type", b"image/png")]
                    accept(evolve(request, headers=headers))

    def test_unsigned_payload(self) -> None:
        request, _ = captured(_OPERATIONS["put"], payload_signing_enabled=False)
        self.assertIs(accept(request).payload, PayloadMode.UNSIGNED)
