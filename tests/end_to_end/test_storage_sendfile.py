"""Large objects over real sockets: whole, in part, slowly, given up, and again."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import time

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.storage_server import (
    ALICE,
    MB,
    StorageServer,
    StorageTestCase,
    s3,
    tls_server,
)
from tests.support.waiting import eventually

_SIZE = 24 * MB + 123
_CONTENT = os.urandom(_SIZE)
_WAIT = 15.0


class SendfileTests(StorageTestCase, SynchronousTestCase):
    """One object of 24 MB."""

    @classmethod
    def start_server(cls) -> StorageServer:
        return StorageServer.running()

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.s3.put_object(Bucket=cls.bucket, Key="large", Body=_CONTENT)

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.server.port), _WAIT)
        self.addCleanup(connection.close)
        return connection

    def ask(self, *fields: str, method: str = "GET") -> bytes:
        lines = (
            f"{method} /storage/{self.bucket}/large HTTP/1.1", "Host: localhost",
            f"Authorization: Bearer {ALICE[1]}", *fields, "", "",
        )  # fmt: skip
        return "\r\n".join(lines).encode()

    def head_of(self, connection: socket.socket) -> tuple[bytes, bytes]:
        """A head, and what came of the body with it."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, rest = data.partition(b"\r\n\r\n")
        return head, rest

    def read(self, connection: socket.socket) -> tuple[int, bytes]:
        """An answer with its length told."""
        head, body = self.head_of(connection)
        found = re.search(rb"Content-Length: (\d+)", head)
        assert found is not None, head
        pieces = [body]
        left = int(found[1]) - len(body)
        while left:
            pieces.append(connection.recv(min(left, MB)))
            self.assertTrue(pieces[-1], "the answer broke off")
            left -= len(pieces[-1])
        return int(head.split()[1]), b"".join(pieces)

    def open_blobs(self) -> list[str]:
        """The blobs that the server has open."""
        folder = f"/proc/{self.server.process.pid}/fd"
        links = []
        for name in os.listdir(folder):
            try:
                links.append(os.readlink(f"{folder}/{name}"))
            except FileNotFoundError:
                continue
        return [link for link in links if "/storage/blobs/" in link]

    def test_again_on_the_same_connection(self) -> None:
        """Whole, a HEAD, a range, whole: none reads into the next."""
        connection = self.connect()
        for _ in range(2):
            connection.sendall(self.ask())
            self.assertEqual(self.read(connection), (200, _CONTENT))
            connection.sendall(self.ask(method="HEAD"))
            head, body = self.head_of(connection)
            self.assertEqual((f"Content-Length: {_SIZE}".encode() in head, body), (True, b""))
            connection.sendall(self.ask(f"Range: bytes=5-{_SIZE - 7}"))
            self.assertEqual(self.read(connection), (206, _CONTENT[5 : _SIZE - 6]))

    def test_pipelined(self) -> None:
        """All asked for before the first is read."""
        connection = self.connect()
        connection.sendall(self.ask() * 3)
        for _ in range(3):
            self.assertEqual(self.read(connection), (200, _CONTENT))

    def test_last_on_its_connection(self) -> None:
        """All of it, and then the end."""
        connection = self.connect()
        connection.sendall(self.ask("Connection: close"))
        self.assertEqual(self.read(connection), (200, _CONTENT))
        self.assertEqual(connection.recv(10), b"")

    def test_ranges(self) -> None:
        """boto3 gets the very bytes, wherever a range begins and ends."""
        for first, last in ((0, 0), (1, MB), (MB - 1, 5 * MB), (_SIZE - 1, _SIZE + 9)):
            wanted = f"bytes={first}-{last}"
            found = self.s3.get_object(Bucket=self.bucket, Key="large", Range=wanted)
            self.assertEqual(found["Body"].read(), _CONTENT[first : last + 1], (first, last))

    def test_slow_reader(self) -> None:
        """A small piece at a time, while others are served."""
        slow = self.connect()
        slow.sendall(self.ask())
        _, rest = self.head_of(slow)
        digest, count = hashlib.md5(rest), len(rest)
        for _ in range(20):
            piece = slow.recv(10_000)
            digest.update(piece)
            count += len(piece)
            time.sleep(0.01)
        other = self.connect()
        other.sendall(self.ask())
        self.assertEqual(self.read(other), (200, _CONTENT))
        while count < _SIZE:
            piece = slow.recv(MB)
            self.assertTrue(piece, "the answer broke off")
            digest.update(piece)
            count += len(piece)
        self.assertEqual(digest.hexdigest(), hashlib.md5(_CONTENT).hexdigest())

    def test_client_that_leaves_in_the_middle(self) -> None:
        """Its file is closed, what it got is in the log, and the next client gets all."""
        eventually(lambda: not self.open_blobs(), "a blob is open before the test")
        for reset in (False, True):
            logged = len(self.server.log)
            leaving = self.connect()
            if reset:
                # A linger of no time: the connection is reset.
                leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1" + bytes(7))
            leaving.sendall(self.ask())
            _, begun = self.head_of(leaving)
            self.assertTrue(begun or leaving.recv(1))
            self.assertEqual(len(self.open_blobs()), 1)
            leaving.close()
            eventually(lambda: not self.open_blobs(), "its blob stays open")
            eventually(lambda at=logged: " 499 " in self.server.log[at:], "it is not logged")
            found = re.search(r" 499 (\d+) B ", self.server.log[logged:])
            assert found is not None
            self.assertTrue(0 < int(found[1]) < _SIZE, found[0])
        staying = self.connect()
        staying.sendall(self.ask())
        self.assertEqual(self.read(staying), (200, _CONTENT))

    def test_overwritten_and_removed_while_it_is_read(self) -> None:
        """Who has begun to read gets what it began with."""
        other = os.urandom(8 * MB)
        self.s3.put_object(Bucket=self.bucket, Key="changing", Body=other)
        reader = self.connect()
        reader.sendall(self.ask().replace(b"/large ", b"/changing "))
        _, rest = self.head_of(reader)
        self.s3.put_object(Bucket=self.bucket, Key="changing", Body=b"new")
        self.s3.delete_object(Bucket=self.bucket, Key="changing")
        pieces = [rest]
        while sum(map(len, pieces)) < len(other):
            pieces.append(reader.recv(MB))
            self.assertTrue(pieces[-1], "the answer broke off")
        self.assertEqual(b"".join(pieces), other)


class TLSTests(SynchronousTestCase):
    """Where the bytes have to be read."""

    def test_whole(self) -> None:
        """The same bytes."""
        server, authority = tls_server()
        endpoint = f"https://localhost:{server.s3_port}"
        client = s3(endpoint, ALICE, authority)
        client.create_bucket(Bucket="over-tls")
        client.put_object(Bucket="over-tls", Key="large", Body=_CONTENT)
        found = client.get_object(Bucket="over-tls", Key="large")["Body"].read()
        self.assertEqual(found, _CONTENT)
