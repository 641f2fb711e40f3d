"""
Storage whose server is killed, or stopped, at any moment under load: nothing is lost.

C{CRASH_ROUNDS} says how often it is killed (C{make soak}: 120 times), C{CRASH_SEED} repeats what
the clients of a run did.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
import urllib.request
from pathlib import Path

from botocore.exceptions import ClientError
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.crash_clients import KEY, KEYS, Client, Connection, Multipart
from tests.end_to_end.crash_disk import faults, faults_after_start, look
from tests.end_to_end.crash_disk_full import SmallDisk
from tests.end_to_end.crash_model import Model
from tests.end_to_end.raw import RawResponse, send
from tests.end_to_end.server import Server
from tests.end_to_end.storage_server import s3
from tests.support.ports import free_port
from tests.support.waiting import eventually

_ROUNDS = int(os.environ.get("CRASH_ROUNDS", "6"))
_SEED = int(os.environ.get("CRASH_SEED", "0")) or random.SystemRandom().getrandbits(32)
_SOAK = 100
_CLIENTS = 4


class CrashTestCase(SynchronousTestCase):
    """A server that ends in the middle of its work, and is started again."""

    def setUp(self) -> None:
        s3_port = free_port()
        self.server = Server(
            HYBRIDS3_UPLOADS_KEY=KEY,
            RATELIMIT_STORAGE="off",
            STORAGE_S3_LISTEN=f"tcp:{s3_port}:interface=127.0.0.1",
        )
        self.addCleanup(self.server.stop)
        self.server.wait_until_up()
        self.ports = (self.server.port, s3_port)
        self.data = Path(self.server.variables["DATA_DIR"])
        self.model = Model()
        self.uploads: dict[str, Multipart] = {}
        self.random = random.Random(f"{_SEED} {self.id()}")
        self.where = ""

    def work(self, seconds: float, end: str) -> None:
        """Have clients do what they like, and end the server after a while."""
        seeds = [self.random.getrandbits(64) for _ in range(_CLIENTS)]
        clients = [Client(self.ports, self.model, seed) for seed in seeds]
        time.sleep(seconds)
        if end == "kill":
            self.server.kill()
        else:
            self.server.process.send_signal(signal.SIGTERM)
            time.sleep(self.random.uniform(0, 0.2))
        for client in clients:
            client.over()
        for client in clients:
            client.join()
        status = self.server.process.wait(60)
        self.assertEqual(status, -signal.SIGKILL if end == "kill" else 0, self.where)
        for client in clients:
            self.assertIsNone(client.wrong, f"{self.where}\n{self.server.log[-3000:]}")
            self.uploads.update(client.uploads)

    def start_again(self) -> None:
        """Start the server, and hold what is there against what may be there."""
        self.server.start()
        self.server.wait_until_up()
        self.assertEqual(faults_after_start(self.data), [], self.where)
        connection = Connection(self.ports)
        listed = connection.listing()
        self.assertLessEqual(listed.keys(), set(KEYS), self.where)
        for key in KEYS:
            found = connection.get(key)
            self.assertIn(found, self.model.may_be(key), f"{self.where}, {key!r}")
            expected = None if found is None else (found.etag, found.size)
            self.assertEqual(listed.get(key), expected, f"{self.where}, {key!r}")
            self.model.is_now(key, found)
        self.check_uploads(connection)
        connection.close()

    def check_uploads(self, connection: Connection) -> None:
        """What was acknowledged of uploads that were not ended is there; then abort them all."""
        there = connection.uploads()
        for upload_id, upload in self.uploads.items():
            if upload_id not in there:
                self.assertTrue(upload.ending, f"{self.where}: the upload {upload_id} is lost")
                continue
            parts = connection.parts(upload.key, upload_id)
            missing = upload.parts.items() - parts.items()
            self.assertEqual(missing, set(), f"{self.where}, {upload_id}")
        self.uploads.clear()
        for upload_id, encoded in there.items():
            connection.expect(204, "DELETE", f"/{encoded}?uploadId={upload_id}", s3=True)


class KillTests(CrashTestCase):
    """SIGKILL."""

    def test_killed_at_any_moment(self) -> None:
        """What was acknowledged is there, what was not is there whole or not at all, no litter."""
        for number in range(_ROUNDS):
            seconds = self.random.uniform(0.05, 1.5)
            self.where = f"CRASH_SEED={_SEED}, round {number}, killed after {seconds:.3f} s"
            self.work(seconds, "kill")
            self.start_again()
        self.assertNotIn("Traceback", self.server.log)
        # Otherwise nothing was tested.
        self.assertGreater(self.model.acknowledged, _ROUNDS, self.where)
        self.assertGreater(self.model.unacknowledged, 0, self.where)
        print(  # noqa: T201
            f"{_ROUNDS} rounds, CRASH_SEED={_SEED}: {self.model.acknowledged} changes acknowledged,"
            f" {self.model.unacknowledged} not"
        )


class TerminateTests(CrashTestCase):
    """SIGTERM."""

    def test_stopped_at_any_moment(self) -> None:
        """What was acknowledged is there, and nothing was left on its way."""
        for number in range(max(2, _ROUNDS // 10)):
            seconds = self.random.uniform(0.05, 1.5)
            self.where = f"CRASH_SEED={_SEED}, round {number}, stopped after {seconds:.3f} s"
            self.work(seconds, "terminate")
            self.assertEqual(faults(look(self.data)), [], self.where)
            self.start_again()
        self.assertNotIn("Traceback", self.server.log)


class DiskFullTests(SynchronousTestCase):
    """There is no room left under C{DATA_DIR}."""

    def setUp(self) -> None:
        self.disk = SmallDisk("20m")
        self.addCleanup(self.disk.unmount)
        self.server = Server(
            DATA_DIR=str(self.disk.folder),
            HYBRIDS3_UPLOADS_KEY=KEY,
            RATELIMIT_STORAGE="off",
        )
        self.addCleanup(self.server.stop)
        self.server.wait_until_up()
        self.old = b"old" * 100_000
        self.assertEqual(self.put("kept", self.old).status, 200)

    def send(self, method: str, path: str, body: bytes = b"") -> RawResponse:
        """A request on a connection of its own."""
        head = (
            f"{method} /storage/uploads/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Authorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return send(self.server.port, head.encode() + body)

    def put(self, key: str, body: bytes) -> RawResponse:
        """Store an object."""
        return self.send("PUT", key, body)

    def check_refused(self, response: RawResponse) -> None:
        """It is 507, in JSON; all else is as it was."""
        self.assertEqual(response.status, 507, self.server.log[-3000:])
        self.assertIn("error", json.loads(response.body))
        self.check_alive()

    def check_alive(self) -> None:
        """The server serves, the old object is whole, and nothing lies on the way."""
        with urllib.request.urlopen(f"{self.server.url}/storage/health", timeout=10) as response:
            self.assertEqual(response.status, 200)
        self.assertEqual(self.send("GET", "kept").body, self.old)
        incoming = self.disk.folder / "storage" / "incoming"
        eventually(lambda: not any(incoming.iterdir()), "a file is left")

    def test_object_is_too_large(self) -> None:
        """It is refused, in the caller's language, and takes no room."""
        self.check_refused(self.put("kept", bytes(40_000_000)))
        client = s3(f"{self.server.url}/storage", ("uploads", KEY))
        with self.assertRaises(ClientError) as raised:
            client.put_object(Bucket="uploads", Key="kept", Body=bytes(40_000_000))
        self.assertEqual(raised.exception.response["Error"]["Code"], "InsufficientStorage")
        self.check_alive()
        self.assertEqual(self.put("kept", b"new").status, 200)
        self.assertEqual(self.send("GET", "kept").body, b"new")

    def test_room_is_made_by_deleting(self) -> None:
        """What is deleted makes room, once it is swept."""
        piece = bytes(3_000_000)
        stored = []
        while (response := self.put(f"piece-{len(stored)}", piece)).status == 200:
            stored.append(f"piece-{len(stored)}")
        self.check_refused(response)
        for key in stored:
            self.assertEqual(self.send("DELETE", key).status, 204)
        if _ROUNDS < _SOAK:
            # The minute's sweep comes at once at the start.
            self.server.terminate()
            self.server.start()
            self.server.wait_until_up()
        deadline = time.monotonic() + 90
        while (response := self.put("piece", piece)).status != 200:
            self.check_refused(response)
            self.assertLess(time.monotonic(), deadline, "deleting makes no room")
            time.sleep(0.1)

    def test_not_a_byte_is_left(self) -> None:
        """Whether bytes or metadata find no room: it is refused until the operator makes some."""
        junk = self.disk.fill()
        for number in range(8):
            self.check_refused(self.put("kept", bytes(200_000)))
            response = self.put(f"small-{number}", b"")
            if response.status != 200:
                self.check_refused(response)
        self.assertIn(self.send("DELETE", "small-0").status, (204, 507))
        self.check_alive()
        junk.unlink()
        self.assertEqual(self.put("kept", b"new").status, 200)
        self.assertEqual(self.send("GET", "kept").body, b"new")
        self.assertEqual(self.send("DELETE", "small-0").status, 204)
