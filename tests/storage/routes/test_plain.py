"""The plain API: every row of its table, with its status, its shape and its fields."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from tests.support.storage import MASTER_KEY, SiteCase

_U, _P, _M = "sk-uploads", "sk-private", "sk-master"


class PlainTests(SiteCase):
    """JSON for callers with a Bearer key, or with nothing."""

    def put(self, path: str, body: bytes = b"hello", key: str = _M, **fields: str) -> None:
        self.assertEqual(self.request("PUT", path, body, key=key, **fields).status, 200)

    def test_health(self) -> None:
        """It is up, for everyone; with another method it is a 405 that says so."""
        for path in ("/health", "/health/"):
            self.assertEqual(self.json(self.request("GET", path)), {"status": "ok"})
        self.assertEqual(self.request("HEAD", "/health").status, 200)
        for method in ("PUT", "POST", "DELETE"):
            answer = self.request(method, "/health", key=_M)
            self.assertEqual((answer.status, answer.field("allow")), (405, "GET, HEAD"), method)

    def test_buckets(self) -> None:
        """Their names: all for the master, its own for a bucket's key."""
        for path in ("", "/"):
            answer = self.request("GET", path, key=_M)
            self.assertEqual(self.json(answer), {"buckets": ["private", "uploads"]})
        self.assertEqual(self.json(self.request("GET", "/", key=_U)), {"buckets": ["uploads"]})

    def test_head_bucket(self) -> None:
        """200 or 404."""
        for path in ("/uploads", "/uploads/"):
            self.assertEqual(self.request("HEAD", path).status, 200)
        self.assertEqual(self.request("HEAD", "/nothing").status, 404)

    def test_put_bucket(self) -> None:
        """200 for one that is there; the master makes others, and deletes them when empty."""
        for path in ("/uploads", "/uploads/"):
            self.json(self.request("PUT", path, key=_U))
        self.assertEqual(self.request("GET", "/pictures", key=_M).status, 404)
        self.json(self.request("PUT", "/pictures", key=_M))
        self.put("/pictures/a")
        self.json(self.request("DELETE", "/pictures", key=_M), 409)
        self.assertEqual(self.request("DELETE", "/pictures/a", key=_M).status, 204)
        self.assertEqual(self.request("DELETE", "/pictures", key=_M).status, 204)
        self.assertEqual(self.request("GET", "/pictures", key=_M).status, 404)
        self.json(self.request("PUT", "/Bad_Name", key=_M), 400)
        self.json(self.request("DELETE", "/uploads", key=_M), 405)

    def test_put_get_head(self) -> None:
        """The bytes and the fields that clients read."""
        answer = self.request("PUT", "/uploads/a.txt", b"hello", key=_U)
        etag = '"5d41402abc4b2a76b9719d911017c592"'
        self.assertEqual((answer.status, answer.field("etag"), answer.body), (200, etag, b""))
        for method in ("GET", "HEAD"):
            answer = self.request(method, "/uploads/a.txt")
            self.assertEqual((answer.status, answer.body), (200, b"hello"[: 5 * (method == "GET")]))
            self.assertEqual(answer.field("etag"), etag)
            self.assertEqual(answer.field("content-length"), "5")
            self.assertEqual(answer.field("content-type"), "text/plain")
            self.assertEqual(answer.field("accept-ranges"), "bytes")
            modified = parsedate_to_datetime(answer.field("last-modified") or "")
            self.assertEqual(modified.timestamp(), self.clock.seconds())
            self.assertEqual(answer.field("x-content-type-options"), "nosniff")

    def test_not_there(self) -> None:
        """An object, a bucket: 404 with the request's id."""
        for path in ("/uploads/no", "/nothing/no"):
            answer = self.request("GET", path, x_request_id="mine")
            body = self.json(answer, 404)
            self.assertEqual((sorted(body), body["request_id"]), (["error", "request_id"], "mine"))
        self.assertEqual(self.request("HEAD", "/uploads/no").status, 404)

    def test_delete(self) -> None:
        """204, also when there is none."""
        self.put("/uploads/a")
        for _ in range(2):
            answer = self.request("DELETE", "/uploads/a", key=_U)
            self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(self.request("GET", "/uploads/a").status, 404)

    def test_list(self) -> None:
        """Each object with all that is said of it, in the order of keys."""
        self.put("/uploads/b/2.json", b"{}")
        self.put("/uploads/b/1", content_type="x/y")
        self.put("/uploads/a")
        self.put("/private/x")
        listed = self.json(self.request("GET", "/uploads?prefix=b/"))

        def moment(after: float) -> str:
            at = datetime.fromtimestamp(self.clock.seconds() + after, UTC)
            return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")

        first = {
            "bucket": "uploads", "key": "b/1", "content_type": "x/y", "size": 5,
            "etag": "5d41402abc4b2a76b9719d911017c592", "uploaded_at": moment(0),
            "expires_at": moment(3600),
        }  # fmt: skip
        self.assertEqual(sorted(listed), ["bucket", "objects"])
        self.assertEqual((listed["bucket"], listed["objects"][0]), ("uploads", first))
        self.assertEqual([each["key"] for each in listed["objects"]], ["b/1", "b/2.json"])
        private = self.json(self.request("GET", "/private/", key=_P))["objects"]
        self.assertEqual([each["expires_at"] for each in private], [None])

    def test_list_limits(self) -> None:
        """max-keys bounds it, 1,000 at the most; what is no number is 400."""
        for number in range(4):
            self.put(f"/uploads/{number}")

        def keys(query: str) -> str:
            listed = self.json(self.request("GET", f"/uploads?{query}"))
            return "".join(each["key"] for each in listed["objects"])

        self.assertEqual(keys("max-keys=2"), "01")
        self.assertEqual(keys("max-keys=0"), "")
        self.assertEqual(keys("max-keys="), "0123")
        self.assertEqual(keys("max-keys=999999999999"), "0123")
        self.assertEqual(keys("max-keys=2&start-after=1"), "23")
        for text in ("x", "-1", "1.5", "%C2%B2"):
            self.json(self.request("GET", f"/uploads?max-keys={text}"), 400)

    def test_numbers_of_many_digits(self) -> None:
        """However long a number is, it is no fault of ours."""
        huge = "1" * 5000
        self.assertIn(self.request("GET", f"/uploads?max-keys={huge}").status, (200, 400))
        answer = self.request("POST", f"/presign/private/k?expires={huge}", key=_P)
        self.assertIn(answer.status, (200, 400))

    def test_presign_public(self) -> None:
        """The plain URL, for ever."""
        for key in (_U, _M):
            answer = self.request("POST", "/presign/uploads/a%20b/%C3%BC?expires=60", key=key)
            url = "http://test:4000/storage/uploads/a%20b/%C3%BC"
            self.assertEqual(self.json(answer), {"url": url, "method": "GET", "expires": None})

    def test_presign_private(self) -> None:
        """A URL that opens that object for that long, and no other way."""
        self.put("/private/a%20b", key=_P)
        answer = self.json(self.request("POST", "/presign/private/a%20b", key=_P))
        self.assertEqual((answer["method"], answer["expires"]), ("GET", 3600))
        self.assertNotIn(_P, answer["url"])
        parts = urlsplit(answer["url"])
        self.assertEqual(parts.netloc, "test:4000")
        path = f"{parts.path.removeprefix(self.prefix)}?{parts.query}"
        self.assertEqual(self.request("GET", path).body, b"hello")
        for method in ("PUT", "DELETE", "HEAD"):
            self.assertEqual(self.request(method, path).status, 403, method)
        self.assertEqual(self.request("GET", path.replace("/a%20b?", "/c?")).status, 403)
        self.clock.advance(3601)
        self.assertEqual(self.request("GET", path).status, 403)

    def test_presign_put(self) -> None:
        """An upload without a key, to a public bucket too."""
        for bucket, key in (("private", _P), ("uploads", _U)):
            answer = self.json(
                self.request("POST", f"/presign/{bucket}/k?method=PUT&expires=60", key=key)
            )
            self.assertEqual((answer["method"], answer["expires"]), ("PUT", 60))
            target = answer["url"].removeprefix("http://test:4000/storage")
            self.assertEqual(self.request("PUT", target, b"presigned").status, 200)
            self.assertEqual(self.request("GET", f"/{bucket}/k", key=key).body, b"presigned")

    def test_presign_expires(self) -> None:
        """Clamped to a week; what is no number is 400, and so is another method."""
        for text, expires in (
            ("", 3600), ("1", 1), ("0", 1), ("-5", 1), ("604800", 604800), ("604801", 604800),
            ("9" * 30, 604800),
        ):  # fmt: skip
            answer = self.request("POST", f"/presign/private/k?expires={text}", key=_P)
            self.assertEqual(self.json(answer)["expires"], expires, text)
        for query in ("expires=x", "expires=1.5", "expires=-", "method=DELETE",
                      "expires=--5", "expires=%C2%B2"):  # fmt: skip
            self.json(self.request("POST", f"/presign/private/k?{query}", key=_P), 400)

    def test_presign_what(self) -> None:
        """It takes a bucket and a key."""
        for path in ("/presign", "/presign/", "/presign/private", "/presign/private/"):
            self.json(self.request("POST", path, key=_M), 404)
        self.json(self.request("POST", "/presign/nothing/k", key=_M), 404)
        self.assertEqual(self.request("GET", "/presign/private/k", key=_M).field("allow"), "POST")

    def test_wrong_methods(self) -> None:
        """405 with what is allowed."""
        for path, allowed in (
            ("/", "GET, HEAD"),
            ("/uploads", "DELETE, GET, HEAD, PUT"),
            ("/uploads/k", "DELETE, GET, HEAD, PUT"),
        ):
            for method in ("POST", "PATCH"):
                answer = self.request(method, path, key=MASTER_KEY.secret.reveal())
                self.json(answer, 405)
                self.assertEqual(answer.field("allow"), allowed, path)

    def test_keys(self) -> None:
        """Any that S3 allows, as they are; NUL, other encodings and long ones are 400."""
        for number, path in enumerate(("..", "a/../b", "a//b", "a/", "%2F", "%F0%9F%98%80", "a%0Ab",
                                       "k" * 1024, "%25", "a+b", ".%2e%2fetc")):  # fmt: skip
            body = b"%d" % number
            self.put(f"/private/{path}", body)
            self.assertEqual(self.request("GET", f"/private/{path}", key=_P).body, body, path)
        listed = self.json(self.request("GET", "/private", key=_P))["objects"]
        self.assertEqual(len(listed), 11)
        self.assertIn("a/../b", [each["key"] for each in listed])
        for path in ("a%00b", "%FF", "k" * 1025, "%C3%A9" * 513):
            self.json(self.request("PUT", f"/private/{path}", b"x", key=_P), 400)
