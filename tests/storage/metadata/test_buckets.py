"""Buckets in the database."""

from __future__ import annotations

from attrs import evolve

from tests.storage.metadata.connections import OnPostgreSQL, OnSQLite
from twisted_aigate.storage.metadata import buckets
from twisted_aigate.storage.models import Bucket

_BUCKET = Bucket("one", "me", public=True, ttl=604800.0, max_file_size=5 << 40, created_at=1000.25)


class BucketsContract:
    def test_what_is_created_is_got(self) -> None:
        self.assertTrue(buckets.create(self.conn, _BUCKET))
        self.assertEqual(buckets.get(self.conn, "one"), _BUCKET)
        self.assertIsNone(buckets.get(self.conn, "other"))

    def test_what_is_there_stays(self) -> None:
        buckets.create(self.conn, _BUCKET)
        self.assertFalse(buckets.create(self.conn, evolve(_BUCKET, owner="you")))
        self.assertEqual(buckets.get(self.conn, "one"), _BUCKET)

    def test_they_are_listed_by_name(self) -> None:
        made = [evolve(_BUCKET, name=name, public=False) for name in ("b-1", "a", "b.1", "b1")]
        for bucket in made:
            buckets.create(self.conn, bucket)
        by_name = sorted(made, key=lambda bucket: bucket.name)
        self.assertEqual(buckets.list_all(self.conn), by_name)

    def test_delete(self) -> None:
        buckets.create(self.conn, _BUCKET)
        self.assertTrue(buckets.delete(self.conn, "one"))
        self.assertFalse(buckets.delete(self.conn, "one"))
        self.assertIsNone(buckets.get(self.conn, "one"))


class SQLiteBucketsTests(BucketsContract, OnSQLite):
    pass


class PostgreSQLBucketsTests(BucketsContract, OnPostgreSQL):
    pass
