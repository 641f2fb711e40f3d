"""Uploads that stall or break off, writers of the same key, and objects that expire."""

from __future__ import annotations

import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.raw import RawResponse
from tests.end_to_end.storage_server import SHORT, UPLOADS, StorageServer, StorageTestCase
from tests.support.waiting import eventually

_OLD = b"the old object"


class BrokenUploadTests(StorageTestCase, SynchronousTestCase):
    """The old object, whole, until the new one is."""

    @classmethod
    def start_server(cls) -> StorageServer:
        return StorageServer.running(HYBRIDS3_LOCK_WAIT="1s", HYBRIDS3_LOCK_HOLD="3s")

    def setUp(self) -> None:
        self.uploads = self.server.client(UPLOADS)
        self.uploads.put_object(Bucket="uploads", Key="old", Body=_OLD)
        self.url = f"{self.server.endpoint}/uploads/old"
        self.before = {path.name for path in self.server.blob_files()}

    def begin(self, sent: int = 300_000) -> socket.socket:
        """Begin to write 1 MB over the object."""
        connection = socket.create_connection(("127.0.0.1", self.server.port), 10)
        self.addCleanup(connection.close)
        connection.sendall(
            b"PUT /storage/uploads/old HTTP/1.1\r\nHost: localhost\r\n"
            b"Authorization: Bearer %b\r\nContent-Length: 1000000\r\n\r\n" % UPLOADS[1].encode()
        )
        connection.sendall(bytes(sent))
        return connection

    def wait_for_new_files(self, count: int) -> None:
        """Wait until there are so many files of bytes that were not there before."""
        eventually(
            lambda: len({path.name for path in self.server.blob_files()} - self.before) == count,
            lambda: f"{self.server.blob_files()}",
        )

    def test_disconnected(self) -> None:
        """Who leaves in the middle leaves nothing."""
        for sent in (0, 300_000, 999_999):
            connection = self.begin(sent)
            if sent:
                self.wait_for_new_files(1)
            connection.close()
            self.wait_for_new_files(0)
            self.assertEqual(self.curl(self.url).body, _OLD)

    def test_stalled(self) -> None:
        """
        Others wait for a second and are told to come again; after three the writer is let go.
        """
        connection = self.begin()
        self.wait_for_new_files(1)
        began = time.monotonic()
        waiting = self.curl(self.url)
        self.assertEqual(waiting.status, 503, waiting.body)
        self.assertIn("retry-after", waiting.fields)
        self.assertLess(0.8, time.monotonic() - began)
        answer = RawResponse(connection.recv(65536))
        self.assertEqual(answer.status, 503, answer.body)
        self.assertEqual(self.curl(self.url).body, _OLD)
        self.wait_for_new_files(0)

    def test_swept(self) -> None:
        """What has expired leaves no file behind, at the latest after the next start."""
        short = self.server.client(SHORT)
        short.put_object(Bucket="short", Key="to sweep", Body=b"x" * 100_000)
        self.wait_for_new_files(1)
        time.sleep(2.1)
        self.assertEqual(self.server.terminate(), 0)
        self.server.start()
        self.server.wait_until_up()
        self.wait_for_new_files(0)
        self.assertEqual(self.curl(self.url).body, _OLD)

    def test_slow_reader(self) -> None:
        """It keeps nobody from writing, and gets all of the object that it began to read."""
        size = 30_000_000
        body = random.Random(5).randbytes(size)
        self.uploads.put_object(Bucket="uploads", Key="slow", Body=body)
        slow = self.uploads.get_object(Bucket="uploads", Key="slow")["Body"]
        first = slow.read(10)
        for _ in range(2):
            self.uploads.put_object(Bucket="uploads", Key="slow", Body=b"new")
        self.assertEqual(first + slow.read(), body)
        read = self.uploads.get_object(Bucket="uploads", Key="slow")["Body"].read()
        self.assertEqual(read, b"new")


class WritersTests(StorageTestCase, SynchronousTestCase):
    """Several at the same key."""

    def test_one_after_the_other(self) -> None:
        """Each writes a whole object; what readers see is one of them, and never a mix."""
        bodies = [bytes([number]) * 400_000 for number in range(8)]
        about = {"Bucket": self.bucket, "Key": "contended"}
        self.s3.put_object(**about, Body=bodies[0])

        def write(number: int) -> None:
            for _ in range(3):
                self.s3.put_object(**about, Body=bodies[number])

        def read(_: int) -> list[tuple[bytes, str]]:
            answers = [self.s3.get_object(**about) for _ in range(6)]
            return [(answer["Body"].read(), answer["ETag"]) for answer in answers]

        with ThreadPoolExecutor(8) as pool:
            written = pool.map(write, range(8))
            seen = [each for answers in pool.map(read, range(4)) for each in answers]
            list(written)
        self.assertEqual([body for body, _ in seen if body not in bodies], [])
        self.assertLessEqual(len({etag for _, etag in seen}), len({body for body, _ in seen}))

    def test_one_wins(self) -> None:
        """Of many who write only if there is nothing, one does."""
        about = {"Bucket": self.bucket, "Key": "only one"}

        def write(number: int) -> int:
            try:
                self.s3.put_object(**about, Body=b"%d" % number, IfNoneMatch="*")
            except self.s3.exceptions.ClientError as error:
                status: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
                return status
            return 200

        with ThreadPoolExecutor(8) as pool:
            statuses = sorted(pool.map(write, range(8)))
        self.assertEqual(statuses, [200] + [412] * 7)


class ExpiryTests(StorageTestCase, SynchronousTestCase):
    """A bucket whose objects live for two seconds."""

    def test_expiry(self) -> None:
        """Readers see it no more from that second on; writing again counts anew."""
        s3 = self.server.client(SHORT)
        for key in ("gone", "kept"):
            s3.put_object(Bucket="short", Key=key, Body=b"x")
        url = f"{self.server.endpoint}/short"
        found = self.curl(url)
        self.assertIn(b'"expires_at":"20', found.body)
        self.assertIn("x-amz-expiration", self.curl(f"{url}/gone").fields)

        def gone() -> bool:
            s3.put_object(Bucket="short", Key="kept", Body=b"x")
            return self.curl(f"{url}/gone").status == 404

        eventually(gone, "it does not expire")
        listed = [each["Key"] for each in s3.list_objects_v2(Bucket="short")["Contents"]]
        self.assertEqual(listed, ["kept"])
        self.assertEqual(self.curl("-I", f"{url}/gone").status, 404)
        self.refused(404, "NoSuchKey", s3.get_object, Bucket="short", Key="gone")
        self.refused(404, "NoSuchKey", s3.get_object_tagging, Bucket="short", Key="gone")
        source = {"Bucket": "short", "Key": "gone"}
        self.refused(404, "NoSuchKey", s3.copy_object, Bucket="short", Key="c", CopySource=source)
        s3.put_object(Bucket="short", Key="gone", Body=b"again", IfNoneMatch="*")
        self.assertEqual(self.curl(f"{url}/gone").body, b"again")
