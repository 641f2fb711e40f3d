"""Objects in the database: what is put is got, and no blob is lost."""

from __future__ import annotations

from attrs import evolve
from sqlalchemy.exc import IntegrityError

from tests.storage.metadata.connections import OnPostgreSQL, OnSQLite
from tests.storage.metadata.examples import FULL, blob, small, stored
from twisted_aigate.storage.metadata import garbage, objects
from twisted_aigate.storage.models import BlobRef, StoredObject


class ObjectsContract:
    def got(self, key: str, now: float = 0.0) -> StoredObject | None:
        return objects.get(self.conn, "bucket", key, now)

    def garbage(self) -> set[str]:
        return set(garbage.take(self.conn, 1000))

    def test_what_is_put_is_got(self) -> None:
        plain, full = stored("plain"), stored("full", **FULL)
        for obj in (plain, full):
            objects.put(self.conn, obj)
        self.assertEqual(self.got("plain"), plain)
        self.assertEqual(self.got("full"), full)
        self.assertIsNone(self.got("other"))
        self.assertIsNone(objects.get(self.conn, "bucket2", "plain", 0))

    def test_of_several_blobs_in_their_order(self) -> None:
        blobs = (BlobRef("b", 7), BlobRef("a", 5_000_000_000), BlobRef("c", 1))
        obj = stored("key", *blobs, part_sizes=(7, 5_000_000_000, 1))
        objects.put(self.conn, obj)
        self.assertEqual(self.got("key"), obj)

    def test_of_no_blob(self) -> None:
        obj = evolve(stored("key"), blobs=(), size=0)
        objects.put(self.conn, obj)
        self.assertEqual(self.got("key"), obj)

    def test_with_its_bytes(self) -> None:
        """A small object, or an empty one, has no blob."""
        for content in (b"", b"\0", bytes(range(256)) * 64):
            obj = small("key", content, **FULL)
            objects.put(self.conn, obj)
            self.assertEqual(self.got("key"), obj)
            listed = objects.list_page(self.conn, "bucket", "", "", "", 10, 0.0).objects
            self.assertEqual([(each.size, each.content) for each in listed], [(len(content), None)])
        self.assertEqual(self.garbage(), set())

    def test_small_ones_and_others_replace_each_other(self) -> None:
        one, several = stored("key"), stored("key", blob(), blob())
        for obj in (small("key"), one, small("key", b"other"), several, small("key")):
            objects.put(self.conn, obj)
            self.assertEqual(self.got("key"), obj)
        self.assertEqual(self.garbage(), {ref.id for ref in one.blobs + several.blobs})

    def test_small_ones_are_deleted(self) -> None:
        for content in (b"", b"hello"):
            objects.put(self.conn, small("key", content))
            self.assertTrue(objects.delete(self.conn, "bucket", "key"))
            self.assertIsNone(self.got("key"))
            objects.put(self.conn, small("key", content, expires_at=100))
            self.assertIsNone(self.got("key", now=100))
            self.assertFalse(objects.delete_if_expired(self.conn, "bucket", "key", 99))
            self.assertTrue(objects.delete_if_expired(self.conn, "bucket", "key", 100))
        self.assertEqual(self.garbage(), set())

    def test_other_tags_leave_the_bytes(self) -> None:
        objects.put(self.conn, small("key"))
        objects.set_tags(self.conn, "bucket", "key", {"a": "b"})
        self.assertEqual(self.got("key"), small("key", tags={"a": "b"}))

    def test_the_blobs_of_what_is_replaced_are_garbage(self) -> None:
        one, several = stored("key"), stored("key", blob(), blob(), blob())
        last = stored("key", **FULL)
        for obj in (one, several, last):
            objects.put(self.conn, obj)
        self.assertEqual(self.got("key"), last)
        self.assertEqual(self.garbage(), {ref.id for ref in one.blobs + several.blobs})

    def test_what_is_replaced_by_itself_keeps_its_blobs(self) -> None:
        """As when an object is copied onto itself to change its metadata."""
        one, several = stored("one"), stored("several", blob(), blob())
        for obj in (one, several):
            objects.put(self.conn, obj)
            changed = evolve(obj, metadata={"a": "b"})
            objects.put(self.conn, changed)
            self.assertEqual(self.got(obj.key), changed)
        self.assertEqual(self.garbage(), set())

    def test_a_blob_belongs_to_one(self) -> None:
        obj = stored("one")
        objects.put(self.conn, obj)
        with self.assertRaises(IntegrityError):
            objects.put(self.conn, evolve(obj, key="other"))

    def test_delete(self) -> None:
        one, several = stored("one"), stored("several", blob(), blob())
        for obj in (one, several):
            objects.put(self.conn, obj)
            self.assertTrue(objects.delete(self.conn, "bucket", obj.key))
            self.assertIsNone(self.got(obj.key))
            self.assertFalse(objects.delete(self.conn, "bucket", obj.key))
        ids = {ref.id for ref in one.blobs + several.blobs}
        self.assertEqual(self.garbage(), ids)
        self.assertEqual(garbage.referenced(self.conn, ids), set())

    def test_an_expired_object_is_none(self) -> None:
        objects.put(self.conn, stored("key", expires_at=100))
        self.assertIsNotNone(self.got("key", now=99.9))
        self.assertIsNone(self.got("key", now=100))
        again = stored("key", expires_at=300)
        objects.put(self.conn, again)
        self.assertEqual(self.got("key", now=200), again)
        self.assertEqual(len(self.garbage()), 1)

    def test_expired_are_found_oldest_first_and_deleted(self) -> None:
        for key, expires_at in (("c", 30.0), ("a", 20.0), ("b", 10.0), ("d", None)):
            objects.put(self.conn, stored(key, expires_at=expires_at))
        self.assertEqual(objects.expired(self.conn, 25, 10), [("bucket", "b"), ("bucket", "a")])
        self.assertEqual(objects.expired(self.conn, 25, 1), [("bucket", "b")])
        self.assertTrue(objects.delete_if_expired(self.conn, "bucket", "b", 25))
        self.assertFalse(objects.delete_if_expired(self.conn, "bucket", "c", 25))
        self.assertFalse(objects.delete_if_expired(self.conn, "bucket", "d", 25))
        self.assertEqual(objects.expired(self.conn, 25, 10), [("bucket", "a")])
        self.assertEqual(len(self.garbage()), 1)

    def test_tags(self) -> None:
        obj = stored("key", **FULL)
        objects.put(self.conn, obj)
        self.assertTrue(objects.set_tags(self.conn, "bucket", "key", {"a": "1"}))
        self.assertEqual(self.got("key"), evolve(obj, tags={"a": "1"}))
        self.assertTrue(objects.set_tags(self.conn, "bucket", "key", {}))
        self.assertEqual(self.got("key"), evolve(obj, tags={}))
        self.assertFalse(objects.set_tags(self.conn, "bucket", "other", {}))

    def test_is_empty(self) -> None:
        objects.put(self.conn, stored("key", expires_at=100))
        self.assertFalse(objects.is_empty(self.conn, "bucket", 99))
        self.assertTrue(objects.is_empty(self.conn, "bucket", 100))
        self.assertTrue(objects.is_empty(self.conn, "bucke", 99))

    def test_keys_are_told_apart_by_their_bytes(self) -> None:
        keys = [
            "a",
            "A",
            "ä",
            "a\u0308",
            "a ",
            " a",
            "a\\",
            "a%",
            "a_",
            "..",
            "a/../b",
            "\U0010ffff",
        ]
        made = [stored(key) for key in keys]
        for obj in made:
            objects.put(self.conn, obj)
        self.assertEqual([self.got(key) for key in keys], made)
        listing = objects.list_page(self.conn, "bucket", "", "", "", 100, 0)
        self.assertEqual(
            [obj.key for obj in listing.objects], sorted(keys, key=lambda key: key.encode())
        )

    def test_the_longest_key(self) -> None:
        obj = stored("\U0001f600" * 256)
        objects.put(self.conn, obj)
        self.assertEqual(self.got(obj.key), obj)


class SQLiteObjectsTests(ObjectsContract, OnSQLite):
    pass


class PostgreSQLObjectsTests(ObjectsContract, OnPostgreSQL):
    pass
