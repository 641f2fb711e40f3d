"""Having metadata refer to bytes that were taken in: both are there, or neither."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.storage.blobs.interface import BlobStore
from twisted_aigate.storage.intake import Taken
from twisted_aigate.storage.metadata import garbage
from twisted_aigate.storage.models import BlobRef
from twisted_aigate.storage.s3.errors import S3Error

_log = Logger()
_T = TypeVar("_T")


class Commits:
    """
    Commits.

    @param database: Where metadata is.
    @param blobs: Where bytes are.
    @param threads: Where bytes are settled and removed.
    """

    def __init__(self, database: Database, blobs: BlobStore, threads: Threads) -> None:
        self._database = database
        self._blobs = blobs
        self._threads = threads
        self._unsettled: deque[str] = deque()
        self._settling = False

    async def commit(self, taken: Taken, change: Callable[[Connection], _T]) -> _T:
        """
        Make a change that refers to bytes that were taken in.

        What was begun is ended whether the caller waits for it or not: either the metadata is
        there and the bytes are settled, or the bytes are removed.
        """
        if taken.blob is None:
            # The change has the bytes in it.
            return await self._database.write(change)
        outcome: Deferred[_T] = Deferred()
        committing = self._commit(taken, taken.blob, change, outcome)
        Deferred.fromCoroutine(committing).addErrback(_stays)
        return await outcome

    async def _commit(
        self,
        taken: Taken,
        blob: BlobRef,
        change: Callable[[Connection], _T],
        outcome: Deferred[_T],
    ) -> None:
        try:
            result = await self._database.write(change)
        except S3Error:
            # The caller may have left: then nobody hears of it, as Twisted has it.
            outcome.errback(Failure())
            await self._threads.run(taken.discard)
        except Exception:
            outcome.errback(Failure())
            await self._find_out(taken, blob)
        else:
            outcome.callback(result)
            self._settle(blob)

    def _settle(self, blob: BlobRef) -> None:
        # What is committed together is settled together: one hand-over to a thread has all that
        # have come until it begins.
        self._unsettled.append(blob.id)
        if not self._settling:
            self._settling = True
            self._threads.run(self._settle_all).addErrback(_stays)

    def _settle_all(self) -> None:
        self._settling = False
        found = []
        while self._unsettled:
            found.append(self._unsettled.popleft())
        self._blobs.settle(found)

    async def _find_out(self, taken: Taken, blob: BlobRef) -> None:
        # A commit that failed may have been done all the same. When that cannot be found out
        # either, the bytes stay on the way until the next start, which looks again.
        referenced = await self._database.read(partial(garbage.referenced, blob_ids=[blob.id]))
        if referenced:
            await self._threads.run(self._blobs.settle, referenced)
        else:
            await self._threads.run(taken.discard)


def _stays(failure: Failure) -> None:
    # Not lost: the next start moves, or removes, what stayed on the way.
    _log.failure("a blob stays on the way until the next start", failure)
