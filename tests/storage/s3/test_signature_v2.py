"""Presigned URLs of Signature Version 2: what botocore makes is accepted, all else is refused."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import boto3
from attrs import evolve
from botocore.auth import HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.s3.wire import ACCESS_KEY, ENDPOINT, KEYS, SECRET, received, with_header
from twisted_aigate.storage.s3.canonical import SignedRequest
from twisted_aigate.storage.s3.errors import S3Error
from twisted_aigate.storage.s3.signature_v2 import parse_presigned_v2, verify_v2

_PREFIX = b"/storage"


def presigned(
    method: str = "GET",
    key: str = "key",
    query: str = "",
    headers: Mapping[str, str] | None = None,
    prefix: str = "/storage",
) -> SignedRequest:
    """
    A request whose URL botocore presigned, with the headers that it was presigned with.

    @param prefix: What is signed before the bucket.
    """
    path = f"/uploads/{quote(key, safe='/~')}"
    url = f"http://localhost:4000/storage{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method=method, url=url, headers=dict(headers or {}))
    request.auth_path = prefix + path
    HmacV1QueryAuth(Credentials(ACCESS_KEY, SECRET), 3600).add_auth(request)
    return received(method, request.url, dict(headers or {}))


def accept(request: SignedRequest, secret: str = SECRET, after: float = 0.0) -> None:
    """Parse and verify a request, so many seconds from now."""
    credential = parse_presigned_v2(request)
    assert credential is not None
    assert credential.access_key == ACCESS_KEY
    subpath = request.raw_path.removeprefix(_PREFIX)
    verify_v2(request, subpath, credential, secret, time.time() + after)


class AcceptedTests(SynchronousTestCase):
    def test_methods_and_keys(self) -> None:
        """The path is signed as it is sent, or from the bucket on."""
        for prefix in ("/storage", ""):
            for method in ("GET", "PUT", "HEAD", "DELETE"):
                for key in KEYS:
                    with self.subTest((prefix, method, key)):
                        accept(presigned(method, key, prefix=prefix))

    def test_headers(self) -> None:
        """Those that are signed, and others, which are not."""
        headers = {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg==",
            "x-amz-meta-b": "b  c",
            "X-Amz-Meta-A": " é ",
        }
        request = presigned("PUT", headers=headers)
        accept(request)
        accept(with_header(request, b"range", b"bytes=0-1"))
        twice = presigned("PUT", headers={"x-amz-meta-a": "1,2"})
        once = with_header(twice, b"x-amz-meta-a", b"1")
        accept(evolve(once, headers=[*once.headers, (b"x-amz-meta-a", b"2")]))

    def test_subresources(self) -> None:
        for query in (
            "uploads", "uploads=", "tagging", "partNumber=3&uploadId=a%2Bb%2F%3D&x-id=UploadPart",
            "versionId=null&response-content-type=text%2Fx%20y%2Bz&response-expires=%C3%A9",
        ):  # fmt: skip
            with self.subTest(query):
                accept(presigned("GET", query=query))

    def test_what_boto3_makes_by_default(self) -> None:
        for style in ("auto", "path"):
            s3 = boto3.client(
                "s3", endpoint_url=ENDPOINT, aws_access_key_id=ACCESS_KEY,
                aws_secret_access_key=SECRET, region_name="us-east-1",
                config=Config(s3={"addressing_style": style}),
            )  # fmt: skip
            disposition = {"ResponseContentDisposition": 'attachment; filename="a b+c&d"'}
            for operation, method, more in (
                ("get_object", "GET", disposition),
                ("put_object", "PUT", {}),
                ("head_object", "HEAD", {}),
                ("delete_object", "DELETE", {}),
                ("upload_part", "PUT", {"UploadId": "a+b/=", "PartNumber": 3}),
            ):
                for key in KEYS:
                    with self.subTest((operation, key)):
                        parameters: dict[str, Any] = {"Bucket": "uploads", "Key": key, **more}
                        url = s3.generate_presigned_url(operation, parameters, 60)
                        self.assertIn("AWSAccessKeyId=", url)
                        accept(received(method, url, {}))


class RefusedTests(SynchronousTestCase):
    def refuse(self, code: str, request: SignedRequest, **more: Any) -> S3Error:
        error = self.assertRaises(S3Error, accept, request, **more)
        self.assertEqual(error.code, code, error.message)
        return error

    def test_other_requests(self) -> None:
        """Nothing of what is signed can be changed, and nothing added that changes the meaning."""
        headers = {"Content-Type": "a/b", "x-amz-meta-a": "b"}
        request = presigned("PUT", "a/b", "versionId=null", headers)
        accept(request)
        for change in (
            {"method": "DELETE"},
            {"raw_path": request.raw_path + b"x"},
            {"raw_path": request.raw_path.replace(b"uploads", b"private")},
            {"raw_path": request.raw_path.replace(b"a/b", b"a%2Fb")},
            {"raw_query": request.raw_query + b"&tagging"},
            {"raw_query": request.raw_query + b"&uploadId=a"},
            {"raw_query": request.raw_query.replace(b"null", b"nulL")},
            {"raw_query": request.raw_query.replace(b"versionId=null&", b"")},
            {"raw_query": request.raw_query.replace(b"Expires=1", b"Expires=2")},
            {"raw_query": request.raw_query.replace(b"Signature=", b"Signature=x")},
        ):
            with self.subTest(change):
                self.refuse("SignatureDoesNotMatch", evolve(request, **change))
        for name, value in (
            (b"content-type", b"text/html"),
            (b"content-type", None),
            (b"content-md5", b"1B2M2Y8AsgTpgAmY7PhCfg=="),
            (b"x-amz-meta-a", b"c"),
            (b"x-amz-meta-a", None),
            (b"x-amz-copy-source", b"/private/k"),
        ):
            with self.subTest((name, value)):
                self.refuse("SignatureDoesNotMatch", with_header(request, name, value))

    def test_another_secret(self) -> None:
        error = self.refuse("SignatureDoesNotMatch", presigned(), secret=SECRET + "x")
        self.assertEqual(error.extra, {})

    def test_late(self) -> None:
        accept(presigned(), after=3590.0)
        error = self.refuse("AccessDenied", presigned(), after=3602.0)
        self.assertEqual(error.message, "Request has expired")

    def test_malformed(self) -> None:
        """A parameter is missing, given twice, or is none."""
        request = presigned()
        for parameter in request.raw_query.split(b"&"):
            if not parameter.startswith(b"AWSAccessKeyId"):
                left = request.raw_query.replace(parameter, b"").strip(b"&")
                self.refuse("AccessDenied", evolve(request, raw_query=left))
            twice = request.raw_query + b"&" + parameter
            self.refuse("AccessDenied", evolve(request, raw_query=twice))
        for expires in (b"", b"x", b"-1", b"1e9", b"1" * 13, b"%D9%A1"):
            raw_query = b"AWSAccessKeyId=uploads&Signature=x&Expires=" + expires
            self.refuse("AccessDenied", evolve(request, raw_query=raw_query))

    def test_none(self) -> None:
        for query in (b"", b"Signature=x&Expires=1", b"X-Amz-Signature=x"):
            self.assertIsNone(parse_presigned_v2(evolve(presigned(), raw_query=query)))
