"""Names of objects: each is data, none becomes a path."""

from __future__ import annotations

import json
from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.raw import RawResponse
from tests.end_to_end.storage_server import ALICE, MB, StorageTestCase

_KEYS = (
    "../x", "../../../../etc/passwd", "..", ".", "./y", "x/../y", "a//b", "//", "/lead", "slash/",
    "slash", "slash/below", "%2e%2e", "%2e%2e/x", "%", "%zz", "%00", "a b", " ", "a+b", "a%20b",
    "a&b=c", "q?x=1", "#fragment", "semi;colon", "co:lon", "back\\slash", "quote\"'`", "<xml>&amp;",
    "ü", "u\u0308", "日本語", "😀", "\x7f", "\x01\x1f", "tab\tnewline\n\r", "*", "~", "|", "$(x)",
    "{a}", "[a]", "\ufeffbom", "\u202ertl", "\ud7ff\ue000\uffff", "a" * 300, "d/" * 512, "k" * 1024,
    "é" * 512, "presign/x", "health", "con", "x.part", "incoming/x", "blobs/00/x",
)  # fmt: skip


class KeyTests(StorageTestCase, SynchronousTestCase):
    """Keys of every kind."""

    def plain(self, method: str, raw: str, body: bytes | None = None) -> RawResponse:
        """A request for a key as it is on the wire."""
        url = f"{self.server.endpoint}/{self.bucket}/{raw}"
        bearer = f"Authorization: Bearer {ALICE[1]}"
        return self.curl("-g", "-X", method, "-H", bearer, url, body=body)

    def setUp(self) -> None:
        self.addCleanup(self.empty)

    def empty(self) -> None:
        """Remove all objects."""
        for each in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", []):
            self.s3.delete_object(Bucket=self.bucket, Key=each["Key"])

    def test_boto3(self) -> None:
        """All at once in one bucket: each keeps its own bytes, and is listed as it is."""
        root = self.server.client(ALICE, self.server.root_endpoint)
        for number, key in enumerate(_KEYS):
            client = self.s3 if number % 2 else root
            client.put_object(Bucket=self.bucket, Key=key, Body=key.encode())
        for number, key in enumerate(_KEYS):
            client = root if number % 2 else self.s3
            body = client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            self.assertEqual(body, key.encode())
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, PaginationConfig={"PageSize": 7}
        )
        found = [each["Key"] for page in pages for each in page["Contents"]]
        self.assertEqual(found, sorted(_KEYS, key=str.encode))
        for key in _KEYS:
            self.s3.delete_object(Bucket=self.bucket, Key=key)
        self.assertEqual(self.s3.list_objects_v2(Bucket=self.bucket)["KeyCount"], 0)

    def test_curl(self) -> None:
        """The same by hand: what is on the wire is decoded once."""
        for key in ("../x", "a//b", "%2e%2e", "..", "slash/", "😀", "a+b", "a b", "k" * 1024):
            for raw in {quote(key, safe="/+"), quote(key, safe="")}:
                body = f"{key} as {raw}".encode()
                self.assertEqual(self.plain("PUT", raw, body).status, 200, raw)
                self.assertEqual(self.plain("GET", quote(key, safe="")).body, body, raw)
                read = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
                self.assertEqual(read, body)
        found = json.loads(self.curl("-H", f"Authorization: Bearer {ALICE[1]}",
                                     f"{self.server.endpoint}/{self.bucket}").body)  # fmt: skip
        self.assertIn("%2e%2e", [each["key"] for each in found["objects"]])

    def test_encoded_dots(self) -> None:
        """C{%2e%2e} on the wire is the key C{..}, and leads nowhere."""
        self.assertEqual(self.plain("PUT", "%2e%2e", b"dots").status, 200)
        found = self.s3.list_objects_v2(Bucket=self.bucket)["Contents"]
        self.assertEqual([each["Key"] for each in found], [".."])
        up = f"{self.server.endpoint}/uploads/%2e%2e/{self.bucket}/%2e%2e"
        self.assertEqual(self.curl(up).status, 404)

    def test_too_long(self) -> None:
        """1,024 bytes are taken, 1,025 not, of characters of any width."""
        for key in ("k" * 1025, "é" * 513):
            answer = self.plain("PUT", quote(key), b"x")
            self.assertEqual(answer.status, 400, answer.body)
            self.assertIn("error", json.loads(answer.body))
            put = self.s3.put_object
            self.refused(400, "KeyTooLongError", put, Bucket=self.bucket, Key=key, Body=b"x")

    def test_no_key(self) -> None:
        """NUL, and bytes that are no UTF-8, are 400."""
        for raw in ("a%00b", "%00", "%ff", "%c3%28", "%ed%a0%80"):
            for method in ("PUT", "GET"):
                answer = self.plain(method, raw, b"x" if method == "PUT" else None)
                self.assertEqual(answer.status, 400, (raw, answer.body))

    def test_prefix_of_another(self) -> None:
        """A key under an existing key, and the other way round; empty objects."""
        for key in ("p", "p/", "p/q", "p/q/r"):
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=b"")
            head = self.s3.head_object(Bucket=self.bucket, Key=key)
            self.assertEqual(head["ContentLength"], 0)
        self.s3.delete_object(Bucket=self.bucket, Key="p/")
        left = [each["Key"] for each in self.s3.list_objects_v2(Bucket=self.bucket)["Contents"]]
        self.assertEqual(left, ["p", "p/q", "p/q/r"])

    def test_names_on_disk(self) -> None:
        """Nothing of a key is in the name of a file."""
        self.s3.put_object(Bucket=self.bucket, Key="telling-name", Body=bytes(MB))
        names = [str(path) for path in self.server.blob_files()]
        self.assertTrue(names)
        self.assertFalse([name for name in names if "telling" in name or self.bucket in name])
