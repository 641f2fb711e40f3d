"""Large objects pass through; they are not held."""

from __future__ import annotations

import hashlib
import http.client
import threading

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.storage_server import ALICE, MB, StorageServer, StorageTestCase

_SIZE = 300 * MB
_MOST = 40 * MB


class MemoryTests(StorageTestCase, SynchronousTestCase):
    """300 MB in and out."""

    @classmethod
    def start_server(cls) -> StorageServer:
        return StorageServer.running()

    def setUp(self) -> None:
        for _ in range(3):
            self.s3.put_object(Bucket=self.bucket, Key="warm", Body=bytes(MB))
            self.s3.get_object(Bucket=self.bucket, Key="warm")["Body"].read()
        self.before = self.server.resident()
        self.most = self.before
        self.done = threading.Event()
        watcher = threading.Thread(target=self.watch)
        watcher.start()
        self.addCleanup(watcher.join)
        self.addCleanup(self.done.set)

    def watch(self) -> None:
        """Note the most memory that the server has."""
        while not self.done.wait(0.02):
            self.most = max(self.most, self.server.resident())

    def test_in_and_out(self) -> None:
        """One request in, one out, one copy; the bytes are the same."""
        block = bytes(range(256)) * 4096
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        self.addCleanup(connection.close)
        path = f"/storage/{self.bucket}/large"
        fields = {"Authorization": f"Bearer {ALICE[1]}"}
        digest = hashlib.md5()

        def pieces() -> object:
            for _ in range(_SIZE // len(block)):
                digest.update(block)
                yield block

        connection.request("PUT", path, pieces(), {**fields, "Content-Length": str(_SIZE)})
        answer = connection.getresponse()
        answer.read()
        etag = f'"{digest.hexdigest()}"'
        self.assertEqual((answer.status, answer.headers["ETag"]), (200, etag))
        source = {"Bucket": self.bucket, "Key": "large"}
        copied = self.s3.copy_object(Bucket=self.bucket, Key="copy", CopySource=source)
        self.assertEqual(copied["CopyObjectResult"]["ETag"], etag)
        connection.request("GET", path, headers=fields)
        answer = connection.getresponse()
        size = 0
        while piece := answer.read(MB):
            size += len(piece)
        self.assertEqual((answer.status, size), (200, _SIZE))
        self.assertLess(self.most - self.before, _MOST)
