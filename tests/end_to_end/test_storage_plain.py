"""curl: the plain API's shapes, statuses and header fields."""

from __future__ import annotations

import hashlib
import json
import re
from email.utils import parsedate_to_datetime
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.raw import RawResponse
from tests.end_to_end.server import MASTER_KEY
from tests.end_to_end.storage_server import MASTER, PRIVATE, SMALL, UPLOADS, StorageTestCase

_BODY = b"hello, world\n"
_ETAG = f'"{hashlib.md5(_BODY).hexdigest()}"'


def _bearer(keys: tuple[str, str]) -> tuple[str, str]:
    return "-H", f"Authorization: Bearer {keys[1]}"


class PlainTests(StorageTestCase, SynchronousTestCase):
    """What is said in the table of the specification."""

    def request(self, method: str, path: str, *more: str, body: bytes | None = None) -> RawResponse:
        """A request below C{/storage/}."""
        how = ("-I",) if method == "HEAD" else ("-X", method)
        return self.curl(*how, *more, f"{self.server.endpoint}/{path}", body=body)

    def json(self, answer: RawResponse, status: int = 200) -> dict[str, Any]:
        """A JSON answer of that status."""
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.fields["content-type"].partition(";")[0], "application/json")
        body: dict[str, Any] = json.loads(answer.body)
        return body

    def refuse(self, status: int, answer: RawResponse) -> None:
        """A refusal in JSON."""
        body = self.json(answer, status)
        self.assertIsInstance(body["error"], str)
        self.assertEqual(body["request_id"], answer.fields["x-request-id"])

    def put(self, key: str, body: bytes = _BODY, *more: str, bucket: str = "uploads") -> None:
        """Store an object."""
        answer = self.request("PUT", f"{bucket}/{key}", *_bearer(MASTER), *more, body=body)
        self.assertEqual(answer.status, 200, answer.body)

    def test_health(self) -> None:
        """It needs no key."""
        self.assertEqual(self.json(self.request("GET", "health")), {"status": "ok"})

    def test_every_answer(self) -> None:
        """C{X-Request-Id}, the client's if it sends one, and C{nosniff}."""
        self.put("a")
        for path in ("health", "uploads/a", "uploads/none", "private/a", "nothing/a", "uploads"):
            answer = self.request("GET", path, "-H", "X-Request-Id: mine-123")
            self.assertEqual(answer.fields["x-request-id"], "mine-123")
            self.assertEqual(answer.fields["x-content-type-options"], "nosniff")
        self.assertTrue(self.request("GET", "health").fields["x-request-id"])

    def test_buckets(self) -> None:
        """The master key sees all, a bucket's key its own, nobody none."""
        found = self.json(self.request("GET", "", *_bearer(MASTER)))
        self.assertEqual(list(found), ["buckets"])
        self.assertLessEqual({"private", "short", "small", "uploads"}, set(found["buckets"]))
        found = self.json(self.request("GET", "", *_bearer(PRIVATE)))
        self.assertEqual(found, {"buckets": ["private"]})
        self.refuse(401, self.request("GET", ""))

    def test_put_get_head_delete(self) -> None:
        """The life of an object."""
        put = self.request("PUT", "uploads/life", *_bearer(UPLOADS), body=_BODY)
        self.assertEqual((put.status, put.fields["etag"]), (200, _ETAG))
        got, head = self.request("GET", "uploads/life"), self.request("HEAD", "uploads/life")
        self.assertEqual((got.body, head.body), (_BODY, b""))
        for answer in (got, head):
            self.assertEqual(answer.status, 200)
            fields = answer.fields
            self.assertEqual((fields["etag"], fields["content-length"]), (_ETAG, str(len(_BODY))))
            self.assertEqual(fields["accept-ranges"], "bytes")
            self.assertRegex(fields["last-modified"], r"^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$")
            parsedate_to_datetime(fields["last-modified"])
        for _ in range(2):
            gone = self.request("DELETE", "uploads/life", *_bearer(UPLOADS))
            self.assertEqual((gone.status, gone.body), (204, b""))
        self.refuse(404, self.request("GET", "uploads/life"))
        self.assertEqual(self.request("HEAD", "uploads/life").status, 404)

    def test_content_types(self) -> None:
        """The client's; otherwise by content, then by name. curl's own default is the client's."""
        for key, body, given, expected in (
            ("x.bin", b"\x89PNG\r\n\x1a\n", "", "image/png"),
            ("x.csv", b"a,b\n1,2\n", "", "text/csv"),
            ("x", b'{"a": 1}', "", "application/json"),
            ("x", b"plain", "", "text/plain"),
            ("x", bytes(9), "", "application/octet-stream"),
            ("x.png", b"plain", "text/x-mine", "text/x-mine"),
        ):
            self.put(key, body, "-H", f"Content-Type: {given}".rstrip())
            found = self.request("GET", f"uploads/{key}").fields["content-type"]
            self.assertEqual(found.partition(";")[0], expected)

    def test_list(self) -> None:
        """A list's shape; its prefix and its size."""
        for key in ("list/1", "list/2", "list/3"):
            self.put(key)
        found = self.json(self.request("GET", "uploads?prefix=list/"))
        self.assertEqual(found["bucket"], "uploads")
        self.assertEqual([each["key"] for each in found["objects"]], ["list/1", "list/2", "list/3"])
        first = found["objects"][0]
        named = ["bucket", "key", "content_type", "size", "etag", "uploaded_at", "expires_at"]
        self.assertEqual(list(first), named)
        self.assertEqual((first["bucket"], first["size"]), ("uploads", len(_BODY)))
        self.assertEqual(first["etag"].strip('"'), _ETAG.strip('"'))
        found = self.json(self.request("GET", "uploads/?prefix=list/&max-keys=2"))
        self.assertEqual(len(found["objects"]), 2)
        found = self.json(self.request("GET", "uploads?prefix=list/&max-keys=0"))
        self.assertEqual(found["objects"], [])
        for wrong in ("abc", "-1", "1.5"):
            self.refuse(400, self.request("GET", f"uploads?max-keys={wrong}"))
        self.refuse(401, self.request("GET", "private"))
        self.json(self.request("GET", "private", *_bearer(PRIVATE)))
        self.refuse(404, self.request("GET", "no-such-bucket", *_bearer(MASTER)))

    def test_head_and_put_of_buckets(self) -> None:
        """HEAD is 200 or 404; PUT is 200 if it is there, and makes it for the master key."""
        self.assertEqual(self.request("HEAD", "uploads").status, 200)
        self.assertEqual(self.request("HEAD", "uploads/").status, 200)
        self.assertEqual(self.request("HEAD", "no-such-bucket", *_bearer(MASTER)).status, 404)
        self.assertEqual(self.request("HEAD", "private").status, 401)
        self.assertEqual(self.request("PUT", "uploads", *_bearer(UPLOADS)).status, 200)
        self.assertEqual(self.request("PUT", "uploads/", *_bearer(MASTER)).status, 200)
        self.refuse(403, self.request("PUT", "made-plainly", *_bearer(UPLOADS)))
        self.refuse(401, self.request("PUT", "made-plainly"))
        self.assertEqual(self.request("PUT", "made-plainly", *_bearer(MASTER)).status, 200)
        self.put("k", bucket="made-plainly")

    def test_who_may(self) -> None:
        """401 without a key or with an unknown one, 403 with one that opens other things."""
        self.put("k", bucket="private")
        for keys, status in ((None, 401), (("", "wrong"), 401), (("", MASTER_KEY), 401),
                             (UPLOADS, 403)):  # fmt: skip
            who = () if keys is None else _bearer(keys)
            self.refuse(status, self.request("GET", "private/k", *who))
            self.refuse(status, self.request("PUT", "private/k", *who, body=b"x"))
            self.refuse(status, self.request("DELETE", "private/k", *who))
            self.refuse(status, self.request("POST", "presign/private/k", *who))
            self.assertEqual(self.request("HEAD", "private/k", *who).status, status)
        self.assertEqual(self.request("GET", "private/k", *_bearer(PRIVATE)).body, _BODY)
        self.refuse(401, self.request("PUT", "uploads/k", body=b"x"))
        self.refuse(401, self.request("DELETE", "uploads/k"))
        self.refuse(403, self.request("PUT", "uploads/k", *_bearer(PRIVATE), body=b"x"))

    def test_presign_public(self) -> None:
        """The plain URL, for ever."""
        self.put("photo.jpg")
        for who in (UPLOADS, MASTER):
            made = self.json(
                self.request("POST", "presign/uploads/photo.jpg?expires=3600", *_bearer(who))
            )
            url = f"{self.server.endpoint}/uploads/photo.jpg"
            self.assertEqual(made, {"url": url, "method": "GET", "expires": None})
        self.assertEqual(self.curl(made["url"]).body, _BODY)

    def test_presign_private(self) -> None:
        """A signed URL; its seconds are clamped."""
        key = "a%20b%2Bc%25.txt"
        self.put(key, bucket="private")
        for asked, given in (("", 3600), ("?expires=60", 60), ("?expires=0", 1),
                             ("?expires=-5", 1), ("?expires=99999999", 604_800)):  # fmt: skip
            made = self.json(
                self.request("POST", f"presign/private/{key}{asked}", *_bearer(PRIVATE))
            )
            self.assertEqual((made["method"], made["expires"]), ("GET", given))
            self.assertIn(f"X-Amz-Expires={given}&", made["url"])
            self.assertTrue(made["url"].startswith(f"{self.server.endpoint}/private/{key}?X-Amz-"))
            got = self.curl(made["url"])
            self.assertEqual((got.status, got.body), (200, _BODY))
        cut = re.sub("X-Amz-Expires=[0-9]+", "X-Amz-Expires=60", made["url"])
        self.assertEqual(self.curl(cut).status, 403)
        for wrong in ("expires=abc", "method=DELETE"):
            path = f"presign/private/{key}?{wrong}"
            self.refuse(400, self.request("POST", path, *_bearer(PRIVATE)))
        self.refuse(404, self.request("POST", "presign/no-such/k", *_bearer(MASTER)))

    def test_presign_put(self) -> None:
        """A URL to upload to, of either kind of bucket."""
        for bucket in ("private", "uploads"):
            path = f"presign/{bucket}/to-come?method=PUT&expires=60"
            made = self.json(self.request("POST", path, *_bearer(MASTER)))
            self.assertEqual((made["method"], made["expires"]), ("PUT", 60))
            put = self.curl("-T", "-", made["url"], body=None)
            self.assertEqual(put.status, 200)
            self.assertEqual(self.curl("-X", "PUT", made["url"], body=_BODY).status, 200)
            got = self.request("GET", f"{bucket}/to-come", *_bearer(MASTER))
            self.assertEqual(got.body, _BODY)
            self.assertEqual(self.curl(made["url"]).status, 403)

    def test_too_large(self) -> None:
        """413 over the bucket's size, told or not; the limit itself is taken."""
        limit = 100 * 1000
        for size, status in ((limit, 200), (limit + 10_000, 413)):
            for how in ((), ("-H", "Transfer-Encoding: chunked")):
                answer = self.request("PUT", "small/k", *_bearer(SMALL), *how, body=bytes(size))
                self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(self.request("HEAD", "small/k").fields["content-length"], str(limit))

    def test_scripts(self) -> None:
        """What a browser would run is served so that it does not."""
        page = b"<!doctype html><script>alert(1)</script>"
        picture = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
        for body, given in ((page, ""), (picture, ""), (page, "text/html"), (page, "TEXT/HTML"),
                            (page, "application/xhtml+xml"), (page, " text/html")):  # fmt: skip
            self.put("page", body, "-H", f"Content-Type: {given}".rstrip())
            for method in ("GET", "HEAD"):
                fields = self.request(method, "uploads/page").fields
                self.assertEqual(fields["content-security-policy"], "sandbox")
                self.assertTrue(fields["content-disposition"].startswith("attachment"))
                self.assertEqual(fields["x-content-type-options"], "nosniff")

    def test_ranges_and_conditions(self) -> None:
        """As S3 has them, for those who send no signature."""
        self.put("partly")
        got = self.request("GET", "uploads/partly", "-H", "Range: bytes=0-4")
        self.assertEqual((got.status, got.body), (206, b"hello"))
        self.assertEqual(got.fields["content-range"], f"bytes 0-4/{len(_BODY)}")
        self.refuse(416, self.request("GET", "uploads/partly", "-H", "Range: bytes=100-"))
        not_modified = self.request("GET", "uploads/partly", "-H", f"If-None-Match: {_ETAG}")
        self.assertEqual((not_modified.status, not_modified.body), (304, b""))
        once = ("-H", "If-None-Match: *")
        self.refuse(412, self.request("PUT", "uploads/partly", *_bearer(UPLOADS), *once, body=b"x"))
        self.assertEqual(self.request("GET", "uploads/partly").body, _BODY)

    def test_methods(self) -> None:
        """What a path does not take is 405 with C{Allow}."""
        for method, path in (("POST", "uploads/k"), ("PATCH", "uploads/k"), ("POST", "uploads"),
                             ("GET", "presign/uploads/k"), ("DELETE", "")):  # fmt: skip
            answer = self.request(method, path, *_bearer(MASTER))
            self.refuse(405, answer)
            self.assertTrue(answer.fields["allow"])
