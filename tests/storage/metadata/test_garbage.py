"""Garbage, and what is none."""

from __future__ import annotations

from tests.storage.metadata.connections import OnPostgreSQL, OnSQLite
from tests.storage.metadata.examples import blob, part, stored, upload
from twisted_aigate.storage.metadata import garbage, objects, uploads


class GarbageContract:
    def test_garbage_stays_until_it_is_forgotten(self) -> None:
        garbage.add(self.conn, ["a", "b", "c"])
        self.assertEqual(len(garbage.take(self.conn, 2)), 2)
        self.assertEqual(set(garbage.take(self.conn, 10)), {"a", "b", "c"})
        garbage.forget(self.conn, ["a", "c", "x"])
        self.assertEqual(garbage.take(self.conn, 10), ["b"])

    def test_garbage_can_be_added_again(self) -> None:
        garbage.add(self.conn, ["a", "b"])
        garbage.add(self.conn, ["b", "c", "c"])
        self.assertEqual(set(garbage.take(self.conn, 10)), {"a", "b", "c"})

    def test_none_of_it(self) -> None:
        garbage.add(self.conn, [])
        garbage.forget(self.conn, [])
        self.assertEqual(garbage.referenced(self.conn, []), set())
        self.assertEqual(garbage.take(self.conn, 10), [])

    def test_any_number_at_once(self) -> None:
        ids = [f"{number:05d}" for number in range(40_000)]
        garbage.add(self.conn, ids)
        self.assertEqual(garbage.referenced(self.conn, ids), set())
        garbage.forget(self.conn, ids)
        self.assertEqual(garbage.take(self.conn, 10), [])

    def test_what_is_referenced(self) -> None:
        one, several, a_part = stored("one"), stored("several", blob(), blob()), part(1)
        for obj in (one, several):
            objects.put(self.conn, obj)
        uploads.create(self.conn, upload("1"))
        uploads.put_part(self.conn, "1", a_part)
        garbage.add(self.conn, ["waste"])
        used = {ref.id for ref in one.blobs + several.blobs} | {a_part.blob.id}
        self.assertEqual(garbage.referenced(self.conn, [*used, "waste", "litter"]), used)


class SQLiteGarbageTests(GarbageContract, OnSQLite):
    pass


class PostgreSQLGarbageTests(GarbageContract, OnPostgreSQL):
    pass
