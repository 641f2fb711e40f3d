"""What is told of storage."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.storage import FakeDatabase
from twisted_aigate.kernel.locks import KeyedLocks
from twisted_aigate.storage.figures import StorageFigures
from twisted_aigate.storage.metadata import objects, schema
from twisted_aigate.storage.models import StoredObject


class StorageFiguresTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.database: Any = FakeDatabase(schema.metadata)
        self.addCleanup(self.database.close)
        self.locks: KeyedLocks[tuple[str, str]] = KeyedLocks(self.clock, 0, 0, 10)
        self.figures = StorageFigures(self.database, self.locks, self.clock)

    def values(self) -> dict[str, object]:
        families = self.successResultOf(Deferred.fromCoroutine(self.figures.figures()))
        return {
            family.name.removeprefix("aigate_storage_"): value
            for family in families
            for _, value in family.samples
        }

    def put(self, key: str, content: bytes) -> None:
        stored = StoredObject(
            "uploads", key, (), len(content), "etag", "text/plain", 1.0, content=content
        )
        self.database.now(lambda connection: objects.put(connection, stored))

    def test_nothing_is_there(self) -> None:
        self.assertEqual(self.values(), {"objects": 0, "bytes": 0, "locks": 0})

    def test_objects_are_counted_once_a_minute(self) -> None:
        self.put("a", b"12345")
        self.put("b", b"123")
        self.assertEqual(self.values(), {"objects": 2, "bytes": 8, "locks": 0})
        self.put("c", b"1")
        self.clock.advance(59)
        self.assertEqual(self.values()["objects"], 2)
        self.clock.advance(1)
        self.assertEqual(self.values(), {"objects": 3, "bytes": 9, "locks": 0})

    def test_locks_are_looked_at_each_time(self) -> None:
        self.values()
        held = self.locks.writing(("uploads", "a"))
        self.successResultOf(Deferred.fromCoroutine(held.__aenter__()))
        self.assertEqual(self.values()["locks"], 1)
