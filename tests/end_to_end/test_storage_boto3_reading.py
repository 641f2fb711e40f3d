"""boto3: ranges, conditions, overrides and presigned URLs."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.storage_server import StorageTestCase

_BODY = b"0123456789"
_KEY = "read a+b%20ü.txt"


class ReadingTests(StorageTestCase, SynchronousTestCase):
    """What can be asked for beside the whole object."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.about = {"Bucket": cls.bucket, "Key": _KEY}
        put = cls.s3.put_object(**cls.about, Body=_BODY, ContentType="text/plain")
        cls.etag = put["ETag"]
        cls.empty = {"Bucket": cls.bucket, "Key": "empty"}
        cls.s3.put_object(**cls.empty, Body=b"")

    def test_ranges(self) -> None:
        """206 with exactly these bytes."""
        for wanted, body, shown in (
            ("bytes=0-0", b"0", "bytes 0-0/10"),
            ("bytes=2-4", b"234", "bytes 2-4/10"),
            ("bytes=7-", b"789", "bytes 7-9/10"),
            ("bytes=-3", b"789", "bytes 7-9/10"),
            ("bytes=-100", _BODY, "bytes 0-9/10"),
            ("bytes=5-100", b"56789", "bytes 5-9/10"),
        ):
            found = self.s3.get_object(**self.about, Range=wanted)
            self.assertEqual(found["ResponseMetadata"]["HTTPStatusCode"], 206)
            self.assertEqual((found["Body"].read(), found["ContentRange"]), (body, shown))
            head = self.s3.head_object(**self.about, Range=wanted)
            self.assertEqual((head["ContentLength"], head["ContentRange"]), (len(body), shown))

    def test_ranges_that_cannot_be(self) -> None:
        """416 for those beyond the end; those that mean nothing are ignored."""
        get = self.s3.get_object
        for wanted in ("bytes=10-", "bytes=10-20", "bytes=-0"):
            self.refused(416, "InvalidRange", get, **self.about, Range=wanted)
        self.refused(416, "InvalidRange", get, **self.empty, Range="bytes=0-")
        for wanted in ("bytes=5-2", "bytes=x-y", "lines=1-2", "bytes=-"):
            self.assertEqual(get(**self.about, Range=wanted)["Body"].read(), _BODY)

    def test_conditions(self) -> None:
        """304 and 412 as HTTP has it, on GET and HEAD."""
        written = self.s3.head_object(**self.about)["LastModified"]
        before, after = written - timedelta(hours=1), written + timedelta(seconds=1)
        for status, conditions in (
            (200, {"IfMatch": self.etag}),
            (412, {"IfMatch": '"0"'}),
            (304, {"IfNoneMatch": self.etag}),
            (304, {"IfNoneMatch": "*"}),
            (200, {"IfNoneMatch": '"0"'}),
            (200, {"IfModifiedSince": before}),
            (304, {"IfModifiedSince": written}),
            (200, {"IfUnmodifiedSince": written}),
            (412, {"IfUnmodifiedSince": before}),
            # One of the pair decides: RFC 9110, 13.2.2.
            (200, {"IfMatch": self.etag, "IfUnmodifiedSince": before}),
            (304, {"IfNoneMatch": self.etag, "IfModifiedSince": before}),
            (200, {"IfNoneMatch": '"0"', "IfModifiedSince": after}),
        ):
            for call in (self.s3.get_object, self.s3.head_object):
                self.assertEqual(self.status(call, conditions), status, conditions)

    def status(self, call: Any, conditions: dict[str, Any]) -> int:
        """The status of a call."""
        try:
            answer = call(**self.about, **conditions)
        except self.s3.exceptions.ClientError as error:
            answer = error.response
        status: int = answer["ResponseMetadata"]["HTTPStatusCode"]
        return status

    def test_conditional_writes(self) -> None:
        """C{If-None-Match: *} writes only what is not there, C{If-Match} only over that one."""
        about, put = {"Bucket": self.bucket, "Key": "once"}, self.s3.put_object
        etag = put(**about, Body=b"first", IfNoneMatch="*")["ETag"]
        self.refused(412, "PreconditionFailed", put, **about, Body=b"second", IfNoneMatch="*")
        self.refused(412, "PreconditionFailed", put, **about, Body=b"third", IfMatch='"0"')
        put(**about, Body=b"fourth", IfMatch=etag)
        self.assertEqual(self.s3.get_object(**about)["Body"].read(), b"fourth")
        gone = {"Bucket": self.bucket, "Key": "never there"}
        self.refused(404, "NoSuchKey", put, **gone, Body=b"x", IfMatch=etag)

    def test_overrides(self) -> None:
        """C{response-*} say what the answer's fields are."""
        found = self.s3.get_object(
            **self.about,
            ResponseContentType="text/x-other",
            ResponseContentLanguage="fr",
            ResponseCacheControl="no-cache",
            ResponseContentDisposition='attachment; filename="other.txt"',
            ResponseContentEncoding="br",
            ResponseExpires=datetime(2030, 1, 1, tzinfo=UTC),
        )
        self.assertEqual(found["ContentType"], "text/x-other")
        self.assertEqual(found["ContentLanguage"], "fr")
        self.assertEqual(found["CacheControl"], "no-cache")
        self.assertEqual(found["ContentDisposition"], 'attachment; filename="other.txt"')
        self.assertEqual(found["ContentEncoding"], "br")
        fields = found["ResponseMetadata"]["HTTPHeaders"]
        self.assertEqual(parsedate_to_datetime(fields["expires"]).year, 2030)


class PresignedTests(StorageTestCase, SynchronousTestCase):
    """URLs that need no key."""

    def setUp(self) -> None:
        self.about = {"Bucket": self.bucket, "Key": _KEY}
        self.s3.put_object(**self.about, Body=_BODY)

    def url(self, method: str, expires: int = 60, **more: Any) -> str:
        """A URL for the object."""
        made: str = self.s3.generate_presigned_url(method, {**self.about, **more}, expires)
        return made

    def call(self, method: str, url: str, body: bytes | None = None, **fields: str) -> Any:
        """The status, fields and body of a request with a URL."""
        request = urllib.request.Request(url, body, fields, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def test_every_method(self) -> None:
        """GET, PUT, HEAD and DELETE do what the URL was made for."""
        status, _, body = self.call("GET", self.url("get_object"))
        self.assertEqual((status, body), (200, _BODY))
        status, fields, body = self.call("HEAD", self.url("head_object"))
        self.assertEqual((status, fields["Content-Length"], body), (200, "10", b""))
        put = self.url("put_object", ContentType="text/x-new")
        status, _, _ = self.call("PUT", put, b"new", **{"Content-Type": "text/x-new"})
        self.assertEqual(status, 200)
        self.assertEqual(self.s3.get_object(**self.about)["Body"].read(), b"new")
        status, _, _ = self.call("DELETE", self.url("delete_object"))
        self.assertEqual(status, 204)
        self.refused(404, "NoSuchKey", self.s3.get_object, **self.about)

    def test_only_what_was_signed(self) -> None:
        """Another method, key, bucket, parameter or signed field is 403."""
        url = self.url("get_object")
        for method, tried in (
            ("DELETE", url),
            ("PUT", url),
            ("HEAD", url),
            ("GET", url.replace(self.bucket, "uploads")),
            ("GET", url.replace(f"{self.bucket}/", f"{self.bucket}/x")),
            ("GET", url.replace("X-Amz-Expires=60", "X-Amz-Expires=600")),
            ("GET", f"{url}&response-content-type=text/html"),
            ("GET", url[:-1] + ("0" if url[-1] != "0" else "1")),
        ):
            status, _, _ = self.call(method, tried, b"x" if method == "PUT" else None)
            self.assertEqual(status, 403, (method, tried))
        put = self.url("put_object", ContentType="text/x-new")
        status, _, body = self.call("PUT", put, b"new", **{"Content-Type": "text/x-other"})
        self.assertEqual(status, 403)
        self.assertIn(b"<Code>SignatureDoesNotMatch</Code>", body)

    def test_overrides_and_ranges(self) -> None:
        """Overrides are signed; fields that are not signed may be added."""
        url = self.url("get_object", ResponseContentDisposition='attachment; filename="ü b"')
        status, fields, body = self.call("GET", url, Range="bytes=1-3")
        self.assertEqual((status, body), (206, b"123"))
        self.assertIn("attachment", fields["Content-Disposition"])

    def test_expiry(self) -> None:
        """After its seconds it is of no use."""
        url = self.url("get_object", 1)
        time.sleep(2.1)
        status, _, body = self.call("GET", url)
        self.assertEqual(status, 403)
        self.assertIn(b"<Code>AccessDenied</Code>", body)
        status, _, _ = self.call("GET", self.url("get_object", 604_801))
        self.assertEqual(status, 400)
