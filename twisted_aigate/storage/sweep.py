"""
The minute's sweep: expired objects, garbage, uploads that nobody ends.

Readers do not see an expired object from the moment it expires; the sweep is what frees its disk
space. All of it goes in bounded batches, so that a million expired objects hold nobody up.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.kernel.units import MINUTE, SECOND
from twisted_aigate.storage.metadata import garbage, objects, uploads
from twisted_aigate.storage.s3.errors import S3Error
from twisted_aigate.storage.service import ObjectStore
from twisted_aigate.storage.shared_pins import SharedPins
from twisted_aigate.storage.uploads import STALE

EVERY = 1 * MINUTE
GARBAGE_EVERY = 5 * SECOND
"""More often: who deletes because the disk is full must not wait for a minute."""

BATCH = 500


class Sweep:
    """
    Sweeps.

    @param store: What is swept.
    @param clock: Where the minutes pass.
    @param pins: What is read, when other processes read the same blobs.
    """

    _log = Logger()

    def __init__(
        self, store: ObjectStore, clock: IReactorTime, pins: SharedPins | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._shared_pins = pins
        self._running: Deferred[None] | None = None
        self._stopped = False

    def start(self) -> None:
        """Sweep from now on."""
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(self._ended)

    async def stop(self) -> None:
        """Sweep no more; the batch in hand is ended."""
        self._stopped = True
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await running

    async def _run(self) -> None:
        swept_at = -EVERY
        while not self._stopped:
            now = self._clock.seconds()
            if now - swept_at >= EVERY:
                swept_at = now
                await self.once()
            else:
                await self._attempt(self._remove_garbage)
            await self._wait()

    async def _wait(self) -> None:
        waited: Deferred[None] = Deferred(lambda _: timer.cancel())
        timer = self._clock.callLater(GARBAGE_EVERY, waited.callback, None)
        await waited

    def _ended(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("the sweep ended", failure)

    async def once(self) -> None:
        """Sweep now; what fails is logged and tried again the next time."""
        for work in (self._expire, self._abort_stale, self._remove_garbage):
            await self._attempt(work)

    async def _attempt(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except CancelledError:
            raise
        except Exception:
            self._log.failure("sweeping failed; it is tried again", Failure())

    async def _expire(self) -> None:
        while True:
            now = self._store.now()
            found = await self._store.database.read(partial(objects.expired, now=now, limit=BATCH))
            gone = 0
            for bucket, key in found:
                gone += await self._expire_one(bucket, key)
            if len(found) < BATCH or gone == 0:
                return

    async def _expire_one(self, bucket: str, key: str) -> bool:
        async def work() -> bool:
            now = self._store.now()
            return await self._store.database.write(
                partial(objects.delete_if_expired, bucket=bucket, key=key, now=now)
            )

        try:
            return await self._store.locked((bucket, key), work)
        except S3Error:
            # Someone else is at this key: then the next sweep has it.
            return False

    async def _abort_stale(self) -> None:
        before = self._store.now() - STALE
        while True:
            found = await self._store.database.read(
                partial(uploads.stale, before=before, limit=BATCH)
            )
            for upload in found:
                await self._store.database.write(partial(uploads.abort, upload_id=upload.id))
            if len(found) < BATCH:
                return

    async def _remove_garbage(self) -> None:
        while True:
            found = await self._store.database.read(
                partial(garbage.take, limit=BATCH + len(self._store.pins))
            )
            if self._shared_pins is None:
                removable = [blob_id for blob_id in found if blob_id not in self._store.pins]
            else:
                removable = await self._shared_pins.unread(found)
            if not removable:
                return
            await self._store.threads.run(self._store.blobs.delete, removable)
            await self._store.database.write(partial(garbage.forget, blob_ids=removable))
            if len(found) < BATCH:
                return
