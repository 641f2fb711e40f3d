"""Storage as a whole: what the start repairs, what a reload changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from tests.support.storage import StorageCase, plain_digester
from twisted_aigate.kernel.settings import Configuration, SettingsError, load
from twisted_aigate.storage.intake import MOST_INLINE, source_of
from twisted_aigate.storage.service import ObjectHeaders
from twisted_aigate.storage.tree import StorageTree


class TreeTests(StorageCase):
    """Started over a folder that a crash has left."""

    def configuration(self, text: str = "") -> Configuration:
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "c.yaml").write_text(text)
        return load(
            {
                "LITELLM_MASTER_KEY": "sk-m",
                "HYBRIDS3_UPLOADS_KEY": "sk-u",
                "DATA_DIR": str(self.folder),
                "AIGATE_CONFIG": str(folder / "c.yaml"),
            },
            folder,
        )

    def tree(self) -> StorageTree:
        database, threads = self.fakes()
        return StorageTree(self.clock, self.configuration(), database, threads)

    def start(self, tree: StorageTree) -> None:
        self.result(tree.start())
        self.addCleanup(lambda: Deferred.fromCoroutine(tree.stop()))

    def put(self, tree: StorageTree, key: str, data: bytes) -> Any:
        bucket = self.result(tree.buckets.find("uploads"))
        put = tree.store.put(bucket, key, source_of(data), ObjectHeaders(), plain_digester())
        return self.result(put)

    def test_first_start(self) -> None:
        """An empty folder is made ready."""
        tree = self.tree()
        self.start(tree)
        self.put(tree, "k", b"hello")
        bucket = self.result(tree.buckets.find("uploads"))
        self.assertEqual(self.result(tree.store.get(bucket, "k"))[1], b"hello")

    def test_after_a_crash(self) -> None:
        """What metadata refers to is kept, though it was on the way; the rest is removed."""
        tree = self.tree()
        self.start(tree)
        data = b"x" * (MOST_INLINE + 1)
        stored = self.put(tree, "k", data)
        storage = self.folder / "storage"
        blob = stored.blobs[0].id
        incoming = storage / "incoming"
        (storage / "blobs" / blob[:2] / blob).rename(incoming / blob)
        (incoming / ("f" * 32)).write_bytes(b"half of someth")
        again = self.tree()
        self.start(again)
        self.assertEqual(list(incoming.iterdir()), [])
        self.assertEqual(self.blob_files(), [blob])
        bucket = self.result(again.buckets.find("uploads"))
        self.assertEqual(self.result(again.store.get(bucket, "k"))[1], data)

    def test_reload(self) -> None:
        """Other keys and buckets; wrong ones change nothing."""
        tree = self.tree()
        self.start(tree)
        tree.reload(self.configuration("buckets: {docs: {key: sk-d}}"))
        self.assertIsNotNone(tree.keys.by_token(b"sk-d"))
        self.assertEqual(self.result(tree.buckets.find("docs")).name, "docs")
        wrong = self.configuration("buckets: {docs: {key: ''}}")
        self.assertRaises(SettingsError, tree.reload, wrong)
        self.assertIsNotNone(tree.keys.by_token(b"sk-d"))

    def test_stop(self) -> None:
        """No timer is left."""
        tree = self.tree()
        self.start(tree)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.result(tree.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [])
