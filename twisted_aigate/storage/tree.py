"""Storage as a whole: built out of the configuration, started, stopped."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.locks import KeyedLocks, KeyLocks
from twisted_aigate.kernel.settings import Configuration, SettingsError
from twisted_aigate.kernel.shared_locks import SharedLocks
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.storage.access import AccessKeys
from twisted_aigate.storage.blobs.files import FileBlobs
from twisted_aigate.storage.blobs.interface import BlobStore
from twisted_aigate.storage.blobs.s3 import READERS, S3Blobs, s3_client
from twisted_aigate.storage.buckets import configured_storage
from twisted_aigate.storage.figures import StorageFigures
from twisted_aigate.storage.metadata import garbage
from twisted_aigate.storage.registry import BucketRegistry
from twisted_aigate.storage.service import ObjectStore
from twisted_aigate.storage.shared_pins import SharedPins
from twisted_aigate.storage.sweep import Sweep
from twisted_aigate.storage.uploads import MultipartUploads


def missing(configuration: Configuration) -> str | None:
    """
    Why storage is off.

    @return: One line: what is missing and how to turn it on; C{None}: it is on.
    @raise SettingsError: It is switched on and its needs are not met.
    """
    switch = configuration.settings.switches.storage
    if switch is False:
        return "HYBRIDS3=0; set it to 1 to turn storage on"
    if configured_storage(configuration).keys:
        return None
    if switch:
        raise SettingsError(
            "HYBRIDS3: 1, but no key is set: HYBRIDS3_MASTER_KEY or HYBRIDS3_UPLOADS_KEY is needed"
        )
    return "no key is set; set HYBRIDS3_MASTER_KEY or HYBRIDS3_UPLOADS_KEY to turn storage on"


def _blob_store(configuration: Configuration) -> BlobStore:
    settings = configuration.settings.storage
    folder = configuration.settings.data_dir / "storage"
    if settings.s3_endpoint is None:
        return FileBlobs(folder)
    secret = settings.s3_secret_key.reveal() if settings.s3_secret_key is not None else ""
    client = s3_client(settings.s3_endpoint, settings.s3_access_key, secret, settings.s3_region)
    return S3Blobs(client, settings.s3_bucket, "blobs/", folder)


class StorageTree:
    """
    Storage and what it runs on.

    @param reactor: Keeps time and delivers what threads did.
    @param configuration: The configuration.
    @param database: Where metadata is kept.
    @param threads: Where bytes are hashed, written and read.
    @ivar keys: The keys that there are.
    @ivar figures: Its figures.
    """

    def __init__(
        self,
        reactor: Any,
        configuration: Configuration,
        database: Database,
        threads: Threads,
    ) -> None:
        settings = configuration.settings.storage
        configured = configured_storage(configuration)
        # Files are one process's own, and so are the objects whose bytes they hold.
        shared = settings.s3_endpoint is not None
        self._session = database.lock_session() if shared else None
        limits = settings.lock_wait, settings.lock_hold, settings.lock_max_waiters
        locks: KeyLocks[tuple[str, str]] = KeyedLocks(reactor, *limits)
        pins = None
        if self._session is not None:
            locks = SharedLocks(self._session, reactor, *limits)
            pins = SharedPins(self._session, reactor)
        self.keys = AccessKeys(configured.keys)
        self.figures = StorageFigures(database, locks, reactor)
        self.store = ObjectStore(database, _blob_store(configuration), threads, locks, reactor)
        if settings.s3_endpoint is not None:
            self.store.blob_threads = Threads(reactor, READERS, "blobs")
        if pins is not None:
            self.store.pins = pins
        self.uploads = MultipartUploads(self.store)
        self.buckets = BucketRegistry(configured.buckets, database)
        self._sweep = Sweep(self.store, reactor, pins)
        self._database = database
        self._threads = threads

    async def start(self) -> None:
        """Remove what a crash has left, and sweep from now on."""
        blobs = self.store.blobs
        unsettled = await self._threads.run(blobs.start)
        referenced = await self._database.read(partial(garbage.referenced, blob_ids=unsettled))
        await self._threads.run(blobs.settle, referenced)
        await self._threads.run(blobs.delete, set(unsettled) - referenced)
        self._sweep.start()

    def reload(self, configuration: Configuration) -> None:
        """
        Have other buckets and keys from the next request on.

        @raise SettingsError: The configuration cannot be used: nothing has changed.
        """
        configured = configured_storage(configuration)
        self.keys.replace(configured.keys)
        self.buckets.replace(configured.buckets)

    async def stop(self) -> None:
        """Sweep no more, read no more, and give all locks back."""
        await self._sweep.stop()
        if self.store.blob_threads is not None:
            self.store.blob_threads.stop()
        if self._session is not None:
            self._session.stop()
