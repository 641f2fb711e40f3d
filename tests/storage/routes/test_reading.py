"""Ranges and conditions (RFC 9110, 13 and 14), overrides, and how content is kept harmless."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

from tests.support.answers import Answer
from tests.support.storage import MASTER_KEY, SiteCase

_ETAG = "781e5e245d69b566979b86e28d23f2c7"
_DATA = b"0123456789"


class ReadingTests(SiteCase):
    """An object of ten bytes."""

    def setUp(self) -> None:
        super().setUp()
        self.put("k", _DATA)

    def put(self, key: str, data: bytes, **fields: str) -> None:
        answer = self.request("PUT", f"/uploads/{key}", data, key="sk-master", **fields)
        self.assertEqual(answer.status, 200)

    def get(self, method: str = "GET", key: str = "k", **fields: str) -> Answer:
        return self.request(method, f"/uploads/{key}", **fields)

    def date(self, after: int = 0) -> str:
        return formatdate(self.clock.seconds() + after, usegmt=True)

    def test_ranges(self) -> None:
        """What can be given is a 206; GET and HEAD alike."""
        for asked, first, last in (
            ("0-0", 0, 0), ("0-9", 0, 9), ("2-4", 2, 4), ("9-", 9, 9), ("0-", 0, 9), ("5-99", 5, 9),
            ("-1", 9, 9), ("-10", 0, 9), ("-99", 0, 9),
        ):  # fmt: skip
            for method in ("GET", "HEAD"):
                answer = self.get(method, range=f"bytes={asked}")
                self.assertEqual(answer.status, 206, asked)
                self.assertEqual(answer.field("content-range"), f"bytes {first}-{last}/10")
                self.assertEqual(answer.field("content-length"), str(last - first + 1))
                body = _DATA[first : last + 1] if method == "GET" else b""
                self.assertEqual(answer.body, body, asked)

    def test_ranges_that_are_none(self) -> None:
        """What is no single range of bytes is as if it were not there."""
        for asked in ("bytes=5-2", "bytes=-", "bytes=x-y", "bytes=0-1,3-4", "lines=0-1", "0-1",
                      "bytes 0-1", "bytes=0-1x", "bytes=--1"):  # fmt: skip
            answer = self.get(range=asked)
            self.assertEqual((answer.status, answer.body), (200, _DATA), asked)
            self.assertIsNone(answer.field("content-range"))

    def test_ranges_beyond(self) -> None:
        """416, in both languages' way; of an empty object there is no range."""
        self.put("empty", b"")
        for key, asked in (("k", "10-"), ("k", "10-20"), ("k", "-0"), ("empty", "0-"),
                           ("empty", "-5"), ("empty", "0-0")):  # fmt: skip
            self.json(self.get(key=key, range=f"bytes={asked}"), 416)

    def test_ranges_of_many_digits(self) -> None:
        """No number is too long for an answer."""
        huge = "9" * 5000
        self.assertEqual(self.get(range=f"bytes=0-{huge}").body, _DATA)
        self.assertEqual(self.get(range=f"bytes=-{huge}").body, _DATA)
        self.assertEqual(self.get(range=f"bytes={huge}-").status, 416)

    def test_if_range(self) -> None:
        """A range of another version is not what the client has the rest of (RFC 9110, 13.1.5)."""
        for value, status in (
            (f'"{_ETAG}"', 206), ('"other"', 200), (f'W/"{_ETAG}"', 200), (self.date(), 206),
            (self.date(-5), 200),
        ):  # fmt: skip
            self.assertEqual(self.get(range="bytes=0-1", if_range=value).status, status, value)

    def test_conditions(self) -> None:
        """The table of RFC 9110, 13.2.2; a 304 has no body and tells the entity tag."""
        same, other = f'"{_ETAG}"', '"other"'
        past, now, future = self.date(-5), self.date(), self.date(5)
        cases: tuple[tuple[dict[str, str], int], ...] = (
            ({"if_match": same}, 200),
            ({"if_match": f"{other}, {same}"}, 200),
            ({"if_match": "*"}, 200),
            ({"if_match": other}, 412),
            ({"if_none_match": same}, 304),
            ({"if_none_match": f"W/{same}"}, 304),
            ({"if_none_match": f"{other},{same}"}, 304),
            ({"if_none_match": "*"}, 304),
            ({"if_none_match": other}, 200),
            ({"if_modified_since": now}, 304),
            ({"if_modified_since": future}, 304),
            ({"if_modified_since": past}, 200),
            ({"if_modified_since": "yesterday"}, 200),
            ({"if_unmodified_since": now}, 200),
            ({"if_unmodified_since": past}, 412),
            ({"if_unmodified_since": "yesterday"}, 200),
            ({"if_match": same, "if_unmodified_since": past}, 200),
            ({"if_match": other, "if_none_match": same}, 412),
            ({"if_match": same, "if_none_match": same}, 304),
            ({"if_none_match": other, "if_modified_since": now}, 200),
            ({"if_none_match": same, "if_modified_since": past}, 304),
            ({"if_match": other, "range": "bytes=99-"}, 412),
            ({"if_none_match": same, "range": "bytes=0-1"}, 304),
        )
        for fields, status in cases:
            for method in ("GET", "HEAD"):
                answer = self.get(method, **fields)
                self.assertEqual(answer.status, status, (method, fields))
                if status == 304:
                    self.assertEqual(answer.body, b"")

    def test_not_modified_tells_the_etag(self) -> None:
        """As RFC 9110, 15.4.5 demands."""
        self.put("c", _DATA, cache_control="max-age=5")
        answer = self.get(key="c", if_none_match=f'"{_ETAG}"')
        self.assertEqual((answer.status, answer.field("etag")), (304, f'"{_ETAG}"'))
        self.assertEqual(answer.field("cache-control"), "max-age=5")

    def test_if_match_compares_strongly(self) -> None:
        """A weak tag matches nothing there (RFC 9110, 13.1.1)."""
        self.assertEqual(self.get(if_match=f'W/"{_ETAG}"').status, 412)

    def test_stored_fields(self) -> None:
        """What the upload said comes back."""
        fields = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="x"',
                  "Content-Language": "de", "Expires": "never", "Content-Encoding": "br",
                  "x-amz-meta-colour": "blue"}  # fmt: skip
        self.put("f", _DATA, **fields)
        answer = self.get(key="f")
        for name, value in fields.items():
            self.assertEqual(answer.field(name), value)

    def test_active_content(self) -> None:
        """What could script our origin is sandboxed, and downloaded rather than shown."""
        for kind in ("text/html", "TEXT/HTML; charset=utf-8", "image/svg+xml", "text/xml",
                     "application/xml", "application/xhtml+xml", "application/atom+xml",
                     "text/xsl"):  # fmt: skip
            self.put("active", b"<p>", content_type=kind)
            self.assert_harmless(self.get(key="active"), kind)
        self.put("active", b"<p>", content_type="text/html", content_disposition="inline")
        self.assert_harmless(self.get(key="active"), "inline")
        self.assertIsNone(self.get().field("content-security-policy"))

    def assert_harmless(self, answer: Answer, case: str) -> None:
        self.assertEqual(answer.field("content-security-policy"), "sandbox", case)
        disposition = answer.field("content-disposition") or ""
        self.assertTrue(disposition.startswith("attachment"), case)

    def presigned(self, key: str = "k", **overrides: str) -> Answer:
        parameters = {"Bucket": "uploads", "Key": key, **overrides}
        client: Any = self.boto3(MASTER_KEY)
        url = client.generate_presigned_url("get_object", parameters)
        return self.request("GET", url.split("/storage", 1)[1])

    def test_overrides(self) -> None:
        """With a signature; without one nobody changes what others see."""
        answer = self.presigned(
            ResponseContentType="x/y", ResponseCacheControl="no-cache",
            ResponseContentDisposition="inline", ResponseContentLanguage="fr",
        )  # fmt: skip
        self.assertEqual(
            [answer.field(name) for name in
             ("content-type", "cache-control", "content-disposition", "content-language")],
            ["x/y", "no-cache", "inline", "fr"],
        )  # fmt: skip
        self.json(self.request("GET", "/uploads/k?response-content-type=text/html"), 400)

    def test_overrides_that_script(self) -> None:
        """However it is written, an active type is sandboxed; no field writes another."""
        for kind in ("text/html", " text/html", "\ttext/html", "\ntext/html", "\r\n text/html"):
            self.assert_harmless(self.presigned(ResponseContentType=kind), repr(kind))
        answer = self.presigned(ResponseCacheControl="a\r\nX-Evil: 1")
        self.assertIsNone(answer.field("x-evil"))

    def test_part_number(self) -> None:
        """A part of an object that was put in one piece is all of it, an empty one too."""
        self.put("empty", b"")
        for key, size in (("k", 10), ("empty", 0)):
            answer = self.request("GET", f"/uploads/{key}?partNumber=1")
            self.assertEqual(answer.field("content-length"), str(size))
            self.assertNotIn("-1", answer.field("content-range") or "")
        self.json(self.request("GET", "/uploads/k?partNumber=2"), 416)
        self.json(self.request("GET", "/uploads/k?partNumber=0"), 400)

    def test_versions(self) -> None:
        """There is one, called null."""
        self.assertEqual(self.request("GET", "/uploads/k?versionId=null").status, 200)
        self.json(self.request("GET", "/uploads/k?versionId=other"), 404)
