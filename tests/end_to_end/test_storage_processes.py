"""Several processes with one PostgreSQL and one S3 endpoint for their bytes behave as one."""

from __future__ import annotations

import random
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.raw import RawResponse, receive
from tests.end_to_end.storage_server import (
    ALICE,
    MASTER,
    MB,
    StorageServer,
    StorageTestCase,
    shared_server,
)
from tests.support.postgresql import new_database, run
from tests.support.waiting import eventually

_GARBAGE_EVERY = 5
_HOLDERS = (
    "SELECT DISTINCT pid FROM pg_locks JOIN pg_database ON database = pg_database.oid"
    " WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted"
    " AND datname = current_database()"
)


class ProcessesTests(StorageTestCase, SynchronousTestCase):
    """
    Two processes; their bytes are at a third one.

    @cvar other: The second.
    """

    other: StorageServer

    @classmethod
    def start_server(cls) -> StorageServer:
        cls.database = new_database()
        shared_server().client(MASTER).create_bucket(Bucket="bytes-of-both")
        cls.other = cls.start_another()
        return cls.start_another()

    @classmethod
    def start_another(cls) -> StorageServer:
        return StorageServer.running(
            DATABASE_URL=cls.database,
            STORAGE_S3_ENDPOINT=shared_server().endpoint,
            STORAGE_S3_BUCKET="bytes-of-both",
            STORAGE_S3_ACCESS_KEY=MASTER[0],
            STORAGE_S3_SECRET_KEY=MASTER[1],
        )

    def setUp(self) -> None:
        self.clients = [self.s3, self.other.client(ALICE)]

    def holders(self) -> set[object]:
        """The sessions in which a key is held by a writer."""
        return {row[0] for row in run(self.database, _HOLDERS)}

    def begin(self, server: StorageServer, key: str) -> socket.socket:
        """Begin to write an object, and hold its lock by not going on."""
        url = server.client(ALICE).generate_presigned_url(
            "put_object", {"Bucket": self.bucket, "Key": key}
        )
        target = url.partition(server.url)[2]
        connection = socket.create_connection(("127.0.0.1", server.port), 20)
        self.addCleanup(connection.close)
        head = f"PUT {target} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        connection.sendall(f"{head}Content-Length: 1000000\r\n\r\n".encode() + bytes(300_000))
        eventually(self.holders, "it does not get the lock")
        return connection

    def test_readers_and_writers_of_a_key(self) -> None:
        """Puts, copies, deletes and gets: what is read is one of the objects, whole, or none."""
        bodies = [bytes([number]) * (200_000 + number) for number in range(4)]
        for number, body in enumerate(bodies):
            self.s3.put_object(Bucket=self.bucket, Key=f"source {number}", Body=body)
        about = {"Bucket": self.bucket, "Key": "contended"}
        seen: Counter[str] = Counter()

        def work(number: int) -> None:
            s3, chance = self.clients[number % 2], random.Random(number)
            for _ in range(12):
                which = chance.randrange(4)
                source = {"Bucket": self.bucket, "Key": f"source {which}"}
                act = chance.choice(("put", "copy", "delete", "get", "get"))
                if act == "put":
                    s3.put_object(**about, Body=bodies[which])
                elif act == "copy":
                    s3.copy_object(**about, CopySource=source)
                elif act == "delete":
                    s3.delete_object(**about)
                else:
                    try:
                        found = s3.get_object(**about)
                        self.assertIn(found["Body"].read(), bodies)
                    except ClientError as error:
                        self.assertEqual(error.response["Error"]["Code"], "NoSuchKey")
                        act = "none"
                seen[act] += 1

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        self.assertEqual(set(seen), {"put", "copy", "delete", "get", "none"})
        self.assertEqual(self.holders(), set())

    def test_one_makes_it(self) -> None:
        """Of all who write a key on the condition that it is new, in both, one does."""

        def make(number: int, key: str) -> str:
            try:
                self.clients[number % 2].put_object(
                    Bucket=self.bucket, Key=key, Body=str(number).encode(), IfNoneMatch="*"
                )
            except ClientError as error:
                return str(error.response["Error"]["Code"])
            return str(number)

        with ThreadPoolExecutor(6) as pool:
            for turn in range(15):
                key = f"new {turn}"
                outcomes = list(pool.map(make, range(6), [key] * 6))
                self.assertEqual(outcomes.count("PreconditionFailed"), 5, outcomes)
                (winner,) = set(outcomes) - {"PreconditionFailed"}
                found = self.other.client(ALICE).get_object(Bucket=self.bucket, Key=key)
                self.assertEqual(found["Body"].read(), winner.encode())

    def test_killed_while_it_writes(self) -> None:
        """The others go on: they need not wait until the lock is to be given up."""
        victim = self.start_another()
        self.begin(victim, "of the killed")
        with ThreadPoolExecutor(1) as pool:
            about = {"Bucket": self.bucket, "Key": "of the killed"}
            put = pool.submit(self.s3.put_object, **about, Body=b"of the other")
            time.sleep(0.3)
            self.assertFalse(put.done(), "it does not wait for the lock")
            victim.kill()
            put.result()
        self.assertEqual(self.s3.get_object(**about)["Body"].read(), b"of the other")

    def test_lock_is_lost(self) -> None:
        """Who writes without it is told so, and what was there is still there."""
        about = {"Bucket": self.bucket, "Key": "lost"}
        self.s3.put_object(**about, Body=b"kept")
        connection = self.begin(self.other, "lost")
        for pid in self.holders():
            run(self.database, f"SELECT pg_terminate_backend({pid})")
        answer = RawResponse(connection.recv(65536))
        self.assertEqual(answer.status, 503, answer.body)
        self.assertIn("retry-after", answer.fields)
        for s3 in self.clients:
            self.assertEqual(s3.get_object(**about)["Body"].read(), b"kept")
            s3.put_object(**about, Body=b"kept")

    def test_reader_of_one_and_writer_of_another(self) -> None:
        """What is read stays until it is read, though another process replaces it and sweeps."""
        about = {"Bucket": self.bucket, "Key": "slowly read"}
        parts = [bytes([number]) * (5 * MB) for number in range(4)]
        upload = self.s3.create_multipart_upload(**about)["UploadId"]
        named = [
            {
                "PartNumber": number,
                "ETag": self.s3.upload_part(**about, UploadId=upload, PartNumber=number, Body=part)[
                    "ETag"
                ],
            }
            for number, part in enumerate(parts, 1)
        ]
        self.s3.complete_multipart_upload(
            **about, UploadId=upload, MultipartUpload={"Parts": named}
        )
        url = self.s3.generate_presigned_url("get_object", about)
        connection = socket.socket()
        self.addCleanup(connection.close)
        # What the kernel buffers is read from the blobs already.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.settimeout(20)
        connection.connect(("127.0.0.1", self.server.port))
        target = url.partition(self.server.url)[2]
        host = f"127.0.0.1:{self.server.port}"
        connection.sendall(
            f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        )
        first = connection.recv(1000)
        self.other.client(ALICE).put_object(**about, Body=b"new")
        time.sleep(2 * _GARBAGE_EVERY + 1)
        answer = RawResponse(first + receive(connection))
        self.assertEqual((answer.status, len(answer.body)), (200, 20 * MB))
        self.assertEqual(answer.body, b"".join(parts))
        eventually(lambda: not run(self.database, "SELECT blob FROM garbage"), "the garbage stays")
