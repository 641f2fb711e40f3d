"""Our presigned URLs."""

from __future__ import annotations

from urllib.parse import quote

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.s3.wire import KEYS, SECRET, client, parsed, received
from twisted_aigate.storage.s3.canonical import SignedRequest
from twisted_aigate.storage.s3.credential import Credential
from twisted_aigate.storage.s3.errors import S3Error
from twisted_aigate.storage.s3.presign import presign
from twisted_aigate.storage.s3.signature import verify

NOW = 1_700_000_000.25


def _presign(method: str = "GET", path: bytes = b"/storage/b/k", expires: int = 60) -> str:
    return presign(
        method, "http://localhost:4000", path, "master/1", SECRET, "us-east-1", expires, NOW
    )


class PresignTests(SynchronousTestCase):
    def test_every_method_and_kind_of_key(self) -> None:
        for method in ("GET", "PUT", "HEAD", "DELETE"):
            for key in KEYS:
                path = b"/storage/b/" + quote(key, safe="/~").encode()
                url = presign(method, "http://h", path, "b", SECRET, "us-east-1", 60, NOW)
                request = received(method, url, {})
                self.assertEqual(request.raw_path, path)
                credential = parsed(request)
                self.assertEqual((credential.access_key, credential.expires), ("b", 60))
                verify(request, credential, SECRET, NOW)
                with self.assertRaises(S3Error):
                    verify(evolve(request, method="POST"), credential, SECRET, NOW)

    def test_it_is_what_boto3_makes(self) -> None:
        theirs = client().generate_presigned_url("get_object", {"Bucket": "b", "Key": "a b"}, 60)
        credential = parsed(received("GET", theirs, {}))
        ours = presign(
            "GET",
            "http://localhost:4000",
            b"/storage/b/a%20b",
            credential.access_key,
            SECRET,
            credential.region,
            60,
            credential.issued_at,
        )
        self.assertEqual(self._parts(ours), self._parts(theirs))

    def test_the_default_port_is_left_out(self) -> None:
        for given, made in (
            ("http://H:80", "http://h/"),
            ("https://h:443", "https://h/"),
            ("http://h:443", "http://h:443/"),
            ("https://[::1]:8443", "https://[::1]:8443/"),
        ):
            url = presign("GET", given, b"/b", "k", SECRET, "r", 1, NOW)
            self.assertTrue(url.startswith(made), url)

    def test_expiries(self) -> None:
        for expires in (1, 604800):
            verify(*self._parsed(_presign(expires=expires)), SECRET, NOW)
        for expires in (0, -1, 604801):
            self.assertRaises(S3Error, _presign, expires=expires)

    def _parts(self, url: str) -> tuple[str, list[str]]:
        start, _, query = url.partition("?")
        return start, sorted(query.split("&"))

    def _parsed(self, url: str) -> tuple[SignedRequest, Credential]:
        request = received("GET", url, {})
        return request, parsed(request)
