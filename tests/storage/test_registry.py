"""The buckets that there are."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from tests.support.storage import (
    ALICE,
    BOB,
    MASTER_KEY,
    PRIVATE,
    UPLOADS,
    UPLOADS_KEY,
    StorageCase,
    plain_digester,
)
from twisted_aigate.storage.intake import source_of
from twisted_aigate.storage.s3.errors import S3Error
from twisted_aigate.storage.service import ObjectHeaders


class RegistryTests(StorageCase):
    """Finding, making and deleting."""

    def make(self, name: str, key: Any = MASTER_KEY) -> None:
        self.result(self.buckets.make(name, key, self.store.now()))

    def code(self, coroutine: Any) -> str:
        """The code with which it is refused."""
        return str(self.error(coroutine, S3Error).code)

    def names(self, key: Any) -> list[str]:
        return [bucket.name for bucket in self.result(self.buckets.visible_to(key))]

    def test_find(self) -> None:
        """The configuration's and the made ones; all else is no bucket."""
        self.make("made")
        self.assertIs(self.result(self.buckets.find("uploads")), UPLOADS)
        made = self.result(self.buckets.find("made"))
        self.assertEqual((made.owner, made.public, made.ttl, made.configured),
                         ("master", False, 0, False))  # fmt: skip
        for name in ("other", "", "..", "UPLOADS", "a\0b", "presign"):
            self.assertEqual(self.code(self.buckets.find(name)), "NoSuchBucket", name)

    def test_visible(self) -> None:
        """To each key its own, by name."""
        self.make("zoo", ALICE)
        self.make("ant", ALICE)
        self.make("made")
        self.assertEqual(self.names(MASTER_KEY), ["ant", "made", "private", "uploads", "zoo"])
        self.assertEqual(self.names(ALICE), ["ant", "zoo"])
        self.assertEqual(self.names(UPLOADS_KEY), ["uploads"])
        self.assertEqual(self.names(BOB), [])

    def test_make_what_is_there(self) -> None:
        """The owner is told so, others that it is taken; it stays as it is."""
        self.make("pictures", ALICE)
        now = self.store.now()
        for key, name, code in (
            (ALICE, "pictures", "BucketAlreadyOwnedByYou"),
            (MASTER_KEY, "pictures", "BucketAlreadyOwnedByYou"),
            (BOB, "pictures", "BucketAlreadyExists"),
            (BOB, "uploads", "BucketAlreadyExists"),
            (MASTER_KEY, "uploads", "BucketAlreadyOwnedByYou"),
        ):
            self.assertEqual(self.code(self.buckets.make(name, key, now)), code)
        self.assertEqual(self.result(self.buckets.find("pictures")).owner, "alice")

    def test_make_without_a_name(self) -> None:
        """What is no name makes no bucket."""
        for name in ("ab", "UP", "health", "a/b", ""):
            self.assertEqual(
                self.code(self.buckets.make(name, MASTER_KEY, 0.0)), "InvalidBucketName"
            )

    def test_delete(self) -> None:
        """An empty one; its uploads end with it, and what comes for them is refused."""
        self.make("made")
        bucket = self.result(self.buckets.find("made"))
        upload = self.result(
            self.uploads.create(bucket, "k", "master", ObjectHeaders(), None, None)
        )
        self.result(self.buckets.delete(bucket, self.store.now()))
        self.assertEqual(self.code(self.buckets.find("made")), "NoSuchBucket")
        part = self.uploads.put_part(bucket, upload, 1, source_of(b"x"), plain_digester())
        self.assertEqual(self.code(part), "NoSuchUpload")
        put = self.store.put(bucket, "k", source_of(b"x"), ObjectHeaders(), plain_digester())
        self.assertEqual(self.code(put), "NoSuchBucket")
        begin = self.uploads.create(bucket, "k", "master", ObjectHeaders(), None, None)
        self.assertEqual(self.code(begin), "NoSuchBucket")
        self.assertEqual(self.blob_files(), [])

    def test_delete_what_is_not_empty(self) -> None:
        """An object keeps its bucket; an expired one does not."""
        self.make("made")
        bucket = evolve(self.result(self.buckets.find("made")), ttl=60.0)
        self.result(self.store.put(bucket, "k", source_of(b"x"), ObjectHeaders(), plain_digester()))
        self.assertEqual(self.code(self.buckets.delete(bucket, self.store.now())), "BucketNotEmpty")
        self.clock.advance(60)
        self.result(self.buckets.delete(bucket, self.store.now()))

    def test_delete_configured(self) -> None:
        """It is the configuration's to take away."""
        self.assertEqual(self.code(self.buckets.delete(UPLOADS, 0.0)), "MethodNotAllowed")

    def test_replaced(self) -> None:
        """A configuration that was read again counts."""
        self.buckets.replace((PRIVATE,))
        self.assertEqual(self.code(self.buckets.find("uploads")), "NoSuchBucket")

    def test_configured_over_made(self) -> None:
        """A bucket that was made, and is configured since, is one bucket: the configured one."""
        self.make("made")
        self.buckets.replace((evolve(PRIVATE, name="made", owner="made"),))
        self.assertTrue(self.result(self.buckets.find("made")).configured)
        self.assertEqual(self.names(MASTER_KEY), ["made"])
