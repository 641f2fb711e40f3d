"""boto3: checksums and C{aws-chunked} bodies, over HTTP and over TLS."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import socket
import ssl
import zlib
from typing import Any

from botocore.client import BaseClient
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.storage_server import (
    ALICE,
    MB,
    StorageServer,
    StorageTestCase,
    s3,
    tls_server,
)

_ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")
_BODY = random.Random(3).randbytes(300_000)


class _Checksums:
    """The same over both."""

    client: BaseClient

    def about(self, key: str) -> dict[str, Any]:
        """An object's name."""
        return {"Bucket": self.bucket, "Key": key}

    def test_algorithms(self) -> None:
        """Each is verified, kept and given back, of bytes at hand and of streams."""
        for algorithm in _ALGORITHMS:
            for body in (b"", b"abc", _BODY):
                for given in (body, io.BytesIO(body)):
                    about = self.about(f"sum {algorithm}")
                    put = self.client.put_object(**about, Body=given, ChecksumAlgorithm=algorithm)
                    found = self.client.get_object(**about, ChecksumMode="ENABLED")
                    name = f"Checksum{algorithm}"
                    self.assertEqual(found["Body"].read(), body)
                    self.assertEqual(found[name], put[name])
                    head = self.client.head_object(**about, ChecksumMode="ENABLED")
                    self.assertEqual(head[name], put[name])
                    self.assertNotIn("ContentEncoding", head)
                    self.assertEqual(head["ContentLength"], len(body))

    def test_known_values(self) -> None:
        """They are what anyone computes."""
        put = self.client.put_object(**self.about("known"), Body=_BODY, ChecksumAlgorithm="SHA256")
        expected = base64.b64encode(hashlib.sha256(_BODY).digest()).decode()
        self.assertEqual(put["ChecksumSHA256"], expected)
        put = self.client.put_object(**self.about("known"), Body=_BODY)
        expected = base64.b64encode(zlib.crc32(_BODY).to_bytes(4, "big")).decode()
        self.assertEqual(put["ChecksumCRC32"], expected)
        self.assertEqual(put["ETag"], f'"{hashlib.md5(_BODY).hexdigest()}"')

    def test_wrong_checksum(self) -> None:
        """The object that was there stays."""
        about = self.about("wrong sum")
        self.client.put_object(**about, Body=b"right")
        put = self.client.put_object
        for name, size in (("CRC32", 4), ("CRC32C", 4), ("CRC64NVME", 8), ("SHA256", 32)):
            wrong = {f"Checksum{name}": base64.b64encode(bytes(size)).decode()}
            self.refused(400, "BadDigest", put, **about, Body=b"wrong", **wrong)
        wrong = base64.b64encode(bytes(16)).decode()
        self.refused(400, "BadDigest", put, **about, Body=b"wrong", ContentMD5=wrong)
        self.refused(400, "InvalidDigest", put, **about, Body=b"wrong", ContentMD5="x")
        upload = self.client.create_multipart_upload(**about)["UploadId"]
        part = {**about, "UploadId": upload, "PartNumber": 1, "Body": b"wrong"}
        crc = base64.b64encode(bytes(4)).decode()
        self.refused(400, "BadDigest", self.client.upload_part, **part, ChecksumCRC32=crc)
        self.assertEqual(self.client.get_object(**about)["Body"].read(), b"right")

    def test_multipart(self) -> None:
        """Of the whole object or composed of its parts' own."""
        bodies = random.Random(4).randbytes(5 * MB), b"the last part"
        whole = base64.b64encode(zlib.crc32(b"".join(bodies)).to_bytes(4, "big")).decode()
        parts = b"".join(hashlib.sha256(body).digest() for body in bodies)
        composed = base64.b64encode(hashlib.sha256(parts).digest()).decode()
        for algorithm, kind, expected in (
            ("CRC32", "FULL_OBJECT", whole),
            ("SHA256", "COMPOSITE", f"{composed}-2"),
            ("CRC32", "COMPOSITE", None),
            ("CRC64NVME", "FULL_OBJECT", None),
        ):
            about = self.about(f"parts {algorithm} {kind}")
            named = {"ChecksumAlgorithm": algorithm, "ChecksumType": kind}
            upload = self.client.create_multipart_upload(**about, **named)["UploadId"]
            name, done = f"Checksum{algorithm}", []
            for number, body in enumerate(bodies, 1):
                part = self.client.upload_part(
                    **about, UploadId=upload, PartNumber=number, Body=body,
                    ChecksumAlgorithm=algorithm,
                )  # fmt: skip
                done.append({"PartNumber": number, "ETag": part["ETag"], name: part[name]})
            finished = self.client.complete_multipart_upload(
                **about, UploadId=upload, MultipartUpload={"Parts": done}, ChecksumType=kind
            )
            head = self.client.head_object(**about, ChecksumMode="ENABLED")
            self.assertEqual((head[name], head["ChecksumType"]), (finished[name], kind))
            if expected is not None:
                self.assertEqual(head[name], expected)
            self.assertEqual(
                self.client.get_object(**about, ChecksumMode="ENABLED")["Body"].read(),
                b"".join(bodies),
            )

    def test_unknown_algorithm(self) -> None:
        """One that there is not is refused, not ignored."""
        create = self.client.create_multipart_upload
        with self.assertRaises(self.client.exceptions.ClientError):
            create(**self.about("unknown"), ChecksumAlgorithm="MD4")

    def test_delete_objects(self) -> None:
        """The XML's own checksum is a trailer or a field."""
        self.client.put_object(**self.about("to delete"), Body=b"x")
        wanted = {"Objects": [{"Key": "to delete"}]}
        for algorithm in _ALGORITHMS:
            done = self.client.delete_objects(
                Bucket=self.bucket, Delete=wanted, ChecksumAlgorithm=algorithm
            )
            self.assertEqual(done["Deleted"], [{"Key": "to delete"}])


class ChecksumTests(_Checksums, StorageTestCase, SynchronousTestCase):
    """Over HTTP, where boto3 signs the bytes."""

    def setUp(self) -> None:
        self.client = self.s3

    def test_small_and_large_chunks(self) -> None:
        """C{when_required} sends no checksum; then there is none."""
        client = self.server.client(ALICE, request_checksum_calculation="when_required")
        put = client.put_object(**self.about("plain"), Body=_BODY)
        self.assertNotIn("ChecksumCRC32", put)
        self.assertEqual(client.get_object(**self.about("plain"))["Body"].read(), _BODY)


class TLSTests(_Checksums, StorageTestCase, SynchronousTestCase):
    """Over TLS, where boto3 sends C{aws-chunked} bodies with trailers."""

    @classmethod
    def start_server(cls) -> StorageServer:
        server, cls.ca = tls_server()
        return server

    def setUp(self) -> None:
        endpoint = f"https://localhost:{self.server.s3_port}"
        self.client = s3(endpoint, ALICE, self.ca)
        self.addCleanup(self.client.close)

    def test_trailers_are_sent(self) -> None:
        """What these tests are for."""
        sent = []
        self.client.meta.events.register(
            "before-send.s3.PutObject", lambda request, **_: sent.append(dict(request.headers))
        )
        self.client.put_object(**self.about("trailers"), Body=_BODY)
        self.assertEqual(sent[0]["X-Amz-Trailer"], b"x-amz-checksum-crc32")
        self.assertEqual(sent[0]["Content-Encoding"], b"aws-chunked")

    def test_encoded_content(self) -> None:
        """The framing is no part of the object's own encoding."""
        self.client.put_object(**self.about("encoded"), Body=_BODY, ContentEncoding="br")
        head = self.client.head_object(**self.about("encoded"))
        self.assertEqual((head["ContentEncoding"], head["ContentLength"]), ("br", len(_BODY)))

    def test_stopping(self) -> None:
        """A client that keeps its connection for later does not hold up the server's end."""
        server, authority = tls_server()
        context = ssl.create_default_context(cafile=authority)
        plain = socket.create_connection(("127.0.0.1", server.s3_port), 10)
        with context.wrap_socket(plain, server_hostname="localhost") as idle:
            idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertTrue(idle.recv(65536).startswith(b"HTTP/1.1 403 "))
            self.assertEqual(server.terminate(8), 0)
