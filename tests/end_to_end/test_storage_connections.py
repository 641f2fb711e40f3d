"""Sockets: refusals before the body is read, and a connection that is used again."""

from __future__ import annotations

import contextlib
import json
import socket

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.raw import RawResponse, receive
from tests.end_to_end.storage_server import PRIVATE, SMALL, UPLOADS, StorageTestCase

_HEALTH = b"GET /storage/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def _head(line: str, *fields: str) -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: localhost", *fields, "", ""]).encode()


def _bearer(keys: tuple[str, str]) -> str:
    return f"Authorization: Bearer {keys[1]}"


def _answers(data: bytes) -> list[RawResponse]:
    """All answers on a connection."""
    found = []
    while data:
        answer = RawResponse(data)
        size = int(answer.fields.get("content-length", 0))
        found.append(answer)
        data, answer.body = answer.body[size:], answer.body[:size]
    return found


_REFUSED: tuple[tuple[int, str, tuple[str, ...]], ...] = (
    (401, "PUT /storage/uploads/k", ()),
    (401, "PUT /storage/uploads/k", ("Authorization: Bearer wrong",)),
    (403, "PUT /storage/uploads/k", (_bearer(PRIVATE),)),
    (404, "PUT /storage/no-such-bucket/k", (_bearer(UPLOADS),)),
    (400, "PUT /storage/uploads/" + "k" * 1025, (_bearer(UPLOADS),)),
    (400, "PUT /storage/uploads/%00", (_bearer(UPLOADS),)),
    (405, "POST /storage/uploads/k", (_bearer(UPLOADS),)),
    (400, "PUT /storage/uploads/k?X-Amz-Signature=x", ()),
    (403, "PUT /storage/uploads/k", (
        "Authorization: AWS4-HMAC-SHA256 Credential=uploads/20300101/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64,
        "X-Amz-Date: 20300101T000000Z", "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD")),
    (413, "PUT /storage/small/k", (_bearer(SMALL),)),
)  # fmt: skip


class EarlyRefusalTests(StorageTestCase, SynchronousTestCase):
    """401, 403, 404, 413 while the body is still to come."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server.client(UPLOADS).put_object(Bucket="uploads", Key="victim", Body=b"alive")

    def connect(self) -> socket.socket:
        """A connection."""
        connection = socket.create_connection(("127.0.0.1", self.server.port), 10)
        self.addCleanup(connection.close)
        return connection

    def refused(self, status: int, answers: list[RawResponse]) -> None:
        """The refusal, and behind it nothing or the answer to the request after it."""
        self.assertEqual(answers[0].status, status, answers[0].body)
        self.assertLessEqual(len(answers), 2)
        for answer in answers[1:]:
            self.assertEqual(json.loads(answer.body), {"status": "ok"})

    def test_body_is_no_request(self) -> None:
        """Requests inside of the body are never answered, whatever its framing and size."""
        inner = _head("DELETE /storage/uploads/victim", _bearer(UPLOADS), "Content-Length: 0")
        for status, line, fields in _REFUSED:
            for size in (len(inner), 300_000):
                body = inner * (size // len(inner))
                head = _head(line, *fields, f"Content-Length: {len(body)}")
                chunked = _head(line, *fields, "Transfer-Encoding: chunked")
                framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
                for data in (head + body, chunked + framed):
                    if status == 413 and size < 100_000:
                        continue
                    with self.connect() as connection:
                        with contextlib.suppress(ConnectionError):
                            connection.sendall(data + _HEALTH)
                        received = receive(connection)
                    if not received:
                        # It was closed while we sent, and the answer was lost with it.
                        self.assertGreater(size, 100_000)
                        continue
                    self.refused(status, _answers(received))
        body = self.server.client(UPLOADS).get_object(Bucket="uploads", Key="victim")["Body"]
        self.assertEqual(body.read(), b"alive")

    def test_answered_before_the_body(self) -> None:
        """10 GB are announced, none is sent: the answer comes without them."""
        for status, line, fields in _REFUSED:
            for expect in ((), ("Expect: 100-continue",)):
                connection = self.connect()
                head = _head(line, *fields, *expect, "Content-Length: 10000000000")
                connection.sendall(head)
                answer = RawResponse(connection.recv(65536))
                self.assertEqual(answer.status, status, (line, expect))

    def test_expect_refused(self) -> None:
        """No C{100 Continue}; the connection is closed, or takes the next request."""
        for status, line, fields in _REFUSED:
            with self.connect() as connection:
                head = _head(line, *fields, "Expect: 100-continue", "Content-Length: 200000")
                connection.sendall(head)
                first = connection.recv(65536)
                with contextlib.suppress(ConnectionError):
                    connection.sendall(_HEALTH)
                self.refused(status, _answers(first + receive(connection)))

    def test_expect_accepted(self) -> None:
        """C{100 Continue}, then the body, then the answer; and again on the same connection."""
        connection = self.connect()
        for body in (b"first", b"second"):
            head = _head(
                "PUT /storage/uploads/expected", _bearer(UPLOADS), "Expect: 100-continue",
                f"Content-Length: {len(body)}",
            )  # fmt: skip
            connection.sendall(head)
            self.assertTrue(connection.recv(65536).startswith(b"HTTP/1.1 100 "))
            connection.sendall(body)
            self.assertEqual(RawResponse(connection.recv(65536)).status, 200)
        self.assertEqual(self.curl(f"{self.server.endpoint}/uploads/expected").body, b"second")

    def test_expect_and_nothing_to_come(self) -> None:
        """
        C{100 Continue} comes before the answer, or the connection is closed behind it.

        botocore keeps the status of an answer that came in place of C{100 Continue}, and takes it
        for that of the next request on the same connection: awscli hangs for ever.
        """
        for line in ("PUT /storage/uploads/nothing", "PUT /storage/private/nothing"):
            connection = self.connect()
            head = _head(line, _bearer(UPLOADS), "Expect: 100-continue", "Content-Length: 0")
            connection.sendall(head)
            received = connection.recv(65536)
            if not received.startswith(b"HTTP/1.1 100 "):
                connection.settimeout(5)
                self.assertEqual(connection.recv(65536), b"", f"{line} was left open")

    def test_same_connection(self) -> None:
        """PUT, GET, HEAD, DELETE and refusals, all sent before the first answer is read."""
        key = "/storage/uploads/pipelined"
        requests = (
            _head(f"PUT {key}", _bearer(UPLOADS), "Content-Length: 4") + b"pipe",
            _head(f"GET {key}"),
            _head("GET /storage/uploads/none"),
            _head("GET /storage/private/none"),
            _head(f"GET {key}", "Range: bytes=9-"),
            _head(f"DELETE {key}", _bearer(UPLOADS)),
            _head(f"DELETE {key}", _bearer(UPLOADS), "Content-Length: 3") + b"xyz",
            _head(f"GET {key}", "Connection: close"),
        )
        connection = self.connect()
        connection.sendall(b"".join(requests))
        answers = _answers(receive(connection))
        statuses = [200, 200, 404, 401, 416, 204, 204, 404]
        self.assertEqual([answer.status for answer in answers], statuses)
        self.assertEqual(answers[1].body, b"pipe")

    def test_head_of_large(self) -> None:
        """HEAD has the length, and no byte of a body that a next request would be read from."""
        connection = self.connect()
        connection.sendall(_head("HEAD /storage/uploads/victim"))
        self.assertIn(b"Content-Length: 5\r\n", connection.recv(65536))
        connection.sendall(_HEALTH)
        self.assertEqual(RawResponse(connection.recv(65536)).status, 200)
