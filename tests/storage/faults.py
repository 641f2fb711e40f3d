"""A store whose disk, database and clients fail when the test says so."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.support.reactor import turn_until
from tests.support.streams import RecordingConsumer
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.locks import KeyedLocks
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.storage.blobs.files import FileBlobs, FileWriter
from twisted_aigate.storage.intake import source_of
from twisted_aigate.storage.metadata import garbage
from twisted_aigate.storage.models import BlobRef, Bucket, StoredObject
from twisted_aigate.storage.s3.digester import Announced, Digester
from twisted_aigate.storage.service import ObjectHeaders, ObjectStore
from twisted_aigate.storage.sweep import Sweep

_MIGRATIONS = "twisted_aigate.migrations"
BUCKET = Bucket("bucket", "bucket", True, 0, 0, 0.0, configured=True)
OLD = b"old" * 100_000
NEW = b"new" * 200_000
WAIT = 10.0
THREADS = 4
PART = 5 * 1024 * 1024


class Gate:
    """A place in a thread's work where the test holds it."""

    def __init__(self) -> None:
        self._reached, self._open = threading.Event(), threading.Event()

    def pass_through(self) -> None:
        """Wait here for the test."""
        self._reached.set()
        self._open.wait(WAIT)

    @property
    def reached(self) -> bool:
        """A thread is here."""
        return self._reached.is_set()

    def open(self) -> None:
        """Let it, and those that come, go on."""
        self._open.set()


class FaultyWriter(FileWriter):
    """A file that does first what the test says."""

    faults: dict[str, Callable[[], None]]

    def write(self, data: bytes) -> None:
        self.faults.get("write", int)()
        super().write(data)

    def finish(self) -> BlobRef:
        self.faults.get("finish", int)()
        return super().finish()


class FaultyBlobs(FileBlobs):
    """Files that do first what the test says."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.faults: dict[str, Callable[[], None]] = {}

    def create(self) -> FileWriter:
        self.faults.get("create", int)()
        writer = super().create()
        writer.__class__ = FaultyWriter
        writer.faults = self.faults
        return writer

    def settle(self, ids: Any) -> None:
        self.faults.get("settle", int)()
        super().settle(ids)


def no_space() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class GatedDigester(Digester):
    """Held before it verifies."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(Announced())
        self._gate = gate

    def verify(self, trailers: Any) -> Any:
        self._gate.pass_through()
        return super().verify(trailers)


class Fed:
    """A body whose pieces the test hands over."""

    length: int | None = None

    def __init__(self) -> None:
        self.consumer: IConsumer | None = None
        self.done: Deferred[None] = Deferred()

    def arrived(self) -> bytes | None:
        return None

    def deliver(self, consumer: IConsumer, limit: int) -> Deferred[None]:
        self.consumer = consumer
        return self.done


class Streamed(Fed):
    """A body that comes in pieces, at once."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data

    def deliver(self, consumer: IConsumer, limit: int) -> Deferred[None]:
        for start in range(0, len(self._data), 100_000):
            consumer.write(self._data[start : start + 100_000])
        return succeed(None)


class FaultsTestCase(TestCase):
    """
    A store in a folder, with the object C{key} in it.

    @ivar folder: The folder.
    @ivar clock: Where locks time out.
    """

    async def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.threads = Threads(reactor, THREADS, "test")
        self.addCleanup(self.threads.stop)
        self.database = Database(reactor, f"sqlite:///{self.folder}/db", _MIGRATIONS)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.database.stop()))
        await self.database.start()
        self.blobs = FaultyBlobs(self.folder / "storage")
        self.blobs.start()
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.locks: KeyedLocks[tuple[str, str]] = KeyedLocks(self.clock, 30, 300, 100)
        self.store = ObjectStore(self.database, self.blobs, self.threads, self.locks, self.clock)
        self.sweep = Sweep(self.store, self.clock)
        await self.put(OLD)
        await self.until(lambda: self.files("incoming") == set(), "it is not settled")

    def put(
        self, data: bytes | Any, digester: Digester | None = None, key: str = "key"
    ) -> Deferred[StoredObject]:
        source = source_of(data) if isinstance(data, bytes) else data
        digester = digester or Digester(Announced())
        putting = self.store.put(BUCKET, key, source, ObjectHeaders(), digester)
        return Deferred.fromCoroutine(putting)

    async def body(self, key: str = "key") -> bytes:
        _, body = await self.store.get(BUCKET, key)
        if isinstance(body, bytes):
            return body
        consumer = RecordingConsumer()
        await body.startProducing(consumer)
        return consumer.data

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for what threads do in their own time."""
        await turn_until(self.reactor, holds, what)

    async def drained(self) -> None:
        """Threads have done all that they were given so far, and what follows from it."""
        for _ in range(3):
            arrived = threading.Barrier(THREADS)
            waiting = [self.threads.run(arrived.wait, WAIT) for _ in range(THREADS)]
            for one in waiting:
                await one

    def files(self, folder: str) -> set[str]:
        found = (self.folder / "storage" / folder).rglob("*")
        return {path.name for path in found if path.is_file()}

    def open_files(self) -> list[str]:
        links = []
        for number in os.listdir("/proc/self/fd"):
            try:
                link = os.readlink(f"/proc/self/fd/{number}")
            except FileNotFoundError:
                continue
            if link.startswith(str(self.folder / "storage")):
                links.append(link)
        return links

    async def check_clean(self, data: bytes, key: str = "key") -> None:
        """C{data} is stored, and nothing else is held or lies around once garbage is removed."""
        self.assertEqual(await self.body(key), data)
        await self.until(lambda: self.files("incoming") == set(), "a file is on its way")
        await self.until(lambda: self.open_files() == [], "a descriptor is open")
        await self.sweep.once()

        def of_metadata(conn: Connection) -> set[str]:
            self.assertEqual(garbage.take(conn, 10), [])
            return garbage.referenced(conn, self.files("blobs"))

        self.assertEqual(self.files("blobs"), await self.database.read(of_metadata))
        self.assertEqual(len(self.locks), 0)
        self.assertEqual(+self.store.pins._counts, {})
