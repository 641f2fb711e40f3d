"""Refusals: in JSON or XML, when they come, and what goes with them."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from botocore import UNSIGNED
from botocore.exceptions import ClientError
from twisted.internet.defer import CancelledError, Deferred

from tests.storage.test_intake import Arriving
from tests.support.edge import Wire
from tests.support.storage import PRIVATE, UPLOADS_KEY, SiteCase, plain_digester
from twisted_aigate.kernel.database import DatabaseFull, DatabaseUnavailable
from twisted_aigate.kernel.units import Rate
from twisted_aigate.storage.service import ObjectHeaders

_CRLF = b"\r\n"


def _put(*lines: bytes, path: bytes = b"uploads/k", key: bytes = b"sk-uploads") -> bytes:
    """The head of an upload; an empty key is none."""
    head = [b"PUT /storage/%b HTTP/1.1" % path, b"Host: test"]
    if key:
        head.append(b"Authorization: Bearer " + key)
    return _CRLF.join((*head, *lines, b"", b""))


class ErrorsTests(SiteCase):
    """What is said, and how."""

    def s3_error(self, call: Any) -> tuple[int, str, dict[str, str]]:
        """The status, the code and the fields with which boto3 sees a call refused."""
        with self.assertRaises(ClientError) as caught:
            call()
        found = caught.exception.response
        about = found["ResponseMetadata"]
        return about["HTTPStatusCode"], found["Error"]["Code"], about["HTTPHeaders"]

    def get(self) -> Any:
        return self.boto3(UPLOADS_KEY).get_object(Bucket="uploads", Key="k")

    def test_both_languages(self) -> None:
        """The database's and the disk's troubles, with Retry-After where it is 503."""
        for error, status, code in (
            (DatabaseUnavailable("postgresql://user:hunter2@host"), 503, "ServiceUnavailable"),
            (DatabaseFull("full"), 507, "InsufficientStorage"),
            (OSError(28, "No space left on device"), 507, "InsufficientStorage"),
        ):
            self.database.refuse.append(error)
            answer = self.request("GET", "/uploads/k", x_request_id="mine")
            body = self.json(answer, status)
            self.assertEqual((sorted(body), body["request_id"]), (["error", "request_id"], "mine"))
            self.assertNotIn("hunter2", body["error"])
            self.assertEqual(answer.field("retry-after") is not None, status == 503)
            self.database.refuse.append(error)
            found, name, fields = self.s3_error(self.get)
            self.assertEqual((found, name), (status, code))
            self.assertEqual("retry-after" in fields, status == 503)

    def test_faults_of_ours(self) -> None:
        """500 with the request's id and nothing of the fault, in either language."""
        self.database.refuse.append(ZeroDivisionError("secret detail"))
        body = self.json(self.request("GET", "/uploads/k", x_request_id="mine"), 500)
        self.assertIn("mine", body["error"])
        self.assertNotIn("secret", body["error"])
        self.database.refuse.append(ZeroDivisionError("secret detail"))
        self.assertEqual(self.s3_error(self.get)[:2], (500, "InternalError"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_xml(self) -> None:
        """S3's element, without a namespace, whatever stands in the path."""
        path = "/uploads/%3C&%0A%01%EF%BF%BF"
        answer = self.request("GET", path, x_request_id="mine", x_amz_content_sha256="x")
        self.assertEqual((answer.status, answer.field("content-type")), (404, "application/xml"))
        error = ElementTree.fromstring(answer.body)
        self.assertEqual((error.tag, error.findtext("Code")), ("Error", "NoSuchKey"))
        self.assertEqual(error.findtext("RequestId"), "mine")
        self.assertEqual(error.findtext("Resource"), path)

    def waiting(self) -> tuple[Deferred[Any], Wire]:
        """Who holds a key, and a connection that waits for it."""
        holding: Deferred[Any] = Deferred.fromCoroutine(
            self.store.put(PRIVATE, "k", Arriving(), ObjectHeaders(), plain_digester())
        )
        wire = self.wire()
        lines = (
            b"GET /storage/private/k HTTP/1.1",
            b"Host: test",
            b"Authorization: Bearer sk-private",
        )
        wire.send(_CRLF.join((*lines, b"", b"")))
        self.assertEqual(wire.answers(), [])
        return holding, wire

    def end(self, holding: Deferred[Any]) -> None:
        holding.cancel()
        self.failureResultOf(holding, CancelledError)
        self.assertEqual(len(self.locks), 0)

    def test_locked(self) -> None:
        """503 with Retry-After when a key is locked for half a minute."""
        holding, wire = self.waiting()
        self.clock.advance(30)
        answer = wire.answer()
        self.json(answer, 503)
        self.assertIsNotNone(answer.field("retry-after"))
        self.end(holding)

    def test_client_leaves_while_it_waits(self) -> None:
        """Its place in the queue is given up."""
        holding, wire = self.waiting()
        wire.transport.lose()
        self.end(holding)

    def test_too_large_by_its_length(self) -> None:
        """413 before anything of the body is read, and no invitation to send it."""
        wire = self.wire()
        wire.send(_put(b"Content-Length: 1001", b"Expect: 100-continue"))
        answer = wire.answer()
        self.json(answer, 413)
        self.assertEqual(answer.field("connection"), "close")

    def test_too_large_by_what_came(self) -> None:
        """413 as soon as it is known, not at the end of a body that has none."""
        wire = self.wire()
        wire.send(_put(b"Transfer-Encoding: chunked"))
        wire.send(b"3e9\r\n" + b"x" * 1001 + _CRLF)
        self.json(wire.answer(), 413)
        self.assertEqual((self.blob_files(), len(self.locks)), ([], 0))

    def test_refused_before_the_body(self) -> None:
        """401, 403 and 404 leave no body behind that could be taken for the next request."""
        for key, path, status in (
            (b"", b"uploads/k", 401),
            (b"sk-private", b"uploads/k", 403),
            (b"sk-master", b"nothing/k", 404),
        ):
            wire = self.wire()
            wire.send(_put(b"Content-Length: 50", path=path, key=key))
            answer = wire.answer()
            self.json(answer, status)
            self.assertEqual(answer.field("connection"), "close")

    def test_rate_limit(self) -> None:
        """429 with Retry-After; health is exempt."""
        self.site = self.make_site(Rate(1.0), burst=0)
        self.assertEqual(self.request("GET", "/uploads").status, 200)
        answer = self.request("GET", "/uploads")
        self.json(answer, 429)
        self.assertEqual(answer.field("retry-after"), "1")
        for _ in range(3):
            self.assertEqual(self.request("GET", "/health").status, 200)

    def test_rate_limit_in_xml(self) -> None:
        """S3's clients know SlowDown."""
        self.site = self.make_site(Rate(1.0), burst=0)
        self.request("GET", "/uploads")
        answer = self.request("GET", "/uploads?list-type=2", x_amz_content_sha256="x")
        self.assertEqual((answer.status, answer.field("content-type")), (503, "application/xml"))
        self.assertIn(b"<Code>SlowDown</Code>", answer.body)
        self.assertIsNotNone(answer.field("retry-after"))

    def test_wrong_method_in_xml(self) -> None:
        """405 with Allow, as everywhere."""
        answer = self.request("PATCH", "/uploads/k", x_amz_content_sha256="x")
        self.assertEqual((answer.status, answer.field("content-type")), (405, "application/xml"))
        self.assertIsNotNone(answer.field("allow"))


class S3PortTests(SiteCase):
    """S3 at the root of a port of its own."""

    always_s3 = True
    prefix = ""

    def test_operations(self) -> None:
        """As below the prefix; nobody is answered in JSON."""
        s3 = self.boto3()
        s3.put_object(Bucket="private", Key="k", Body=b"hello")
        self.assertEqual(s3.get_object(Bucket="private", Key="k")["Body"].read(), b"hello")
        nobody = self.boto3(signature_version=UNSIGNED)
        with self.assertRaises(ClientError) as caught:
            nobody.get_object(Bucket="private", Key="k")
        self.assertEqual(caught.exception.response["Error"]["Code"], "AccessDenied")
        answer = self.request("GET", "/nothing")
        self.assertEqual((answer.status, answer.field("content-type")), (404, "application/xml"))

    def test_bearer(self) -> None:
        """A Bearer key opens it too, and is answered in XML, errors as well."""
        answer = self.request("GET", "/uploads", key="sk-uploads")
        self.assertEqual((answer.status, answer.field("content-type")), (200, "application/xml"))
        answer = self.request("GET", "/private/k", key="sk-uploads")
        self.assertEqual((answer.status, answer.field("content-type")), (403, "application/xml"))
