"""Writing down what calls cost: many at once, beside the calls."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.gateway.accounting.records import Entry, SpendTable
from twisted_aigate.kernel.database import Database, DatabaseUnavailable
from twisted_aigate.kernel.identifiers import new_id
from twisted_aigate.kernel.latch import Latch
from twisted_aigate.kernel.units import SECOND

_EVERY = 0.25 * SECOND
_MOST_OF_BATCH = 1000
_AGAIN_AFTER = 1 * SECOND
_MOST_WAITING = 200_000
"""Entries that wait for a database that does not answer; beyond them the oldest are lost."""


class Ledger:
    """
    Keeps what calls cost.

    @param database: Where to.
    @param clock: Where batches wait to be full.
    """

    _log = Logger()

    def __init__(self, database: Database, clock: IReactorTime) -> None:
        self._database = database
        self._clock = clock
        self._table = SpendTable()
        self._waiting: list[Entry] = []
        self._batch: tuple[str, list[Entry]] | None = None
        self._timer: IDelayedCall | None = None
        self._posting: Deferred[None] | None = None
        self._flushed: Latch[None] = Latch()
        self._hurries = False
        self._stopping = False

    def add(self, entry: Entry) -> None:
        """Keep what a call was, within less than a second."""
        self._waiting.append(entry)
        if len(self._waiting) > _MOST_WAITING:
            del self._waiting[:_MOST_OF_BATCH]
            self._log.error(
                "{count} calls' costs are lost: nobody keeps them", count=_MOST_OF_BATCH
            )
        if entry.spent is None or (entry.freed is not None and entry.freed.is_all):
            # Others may wait for what is left of what was held.
            self._hurry()
        elif self._posting is None and self._timer is None:
            self._timer = self._clock.callLater(_EVERY, self._post)

    def _hurry(self) -> None:
        self._hurries = True
        if self._posting is not None:
            return
        if self._timer is None:
            self._timer = self._clock.callLater(0, self._post)
        elif self._batch is None:
            self._timer.reset(0)

    async def flush(self) -> None:
        """Wait until all so far is kept, or cannot be now."""
        if self._timer is not None or self._posting is not None:
            self._hurries = True
            if self._timer is not None:
                self._timer.reset(0)
            await self._flushed.wait()

    def _post(self) -> None:
        self._timer = None
        self._posting = Deferred.fromCoroutine(self._post_all())
        self._posting.addErrback(self._failed)
        self._posting.addCallback(self._posted)

    async def _post_all(self) -> None:
        goes_on = True
        while goes_on and (self._batch is not None or self._waiting):
            if self._batch is None:
                self._batch = (new_id(), self._waiting[:_MOST_OF_BATCH])
                del self._waiting[:_MOST_OF_BATCH]
                # What is left is waited for by the same.
                self._hurries = self._hurries and bool(self._waiting)
            batch, entries = self._batch
            try:
                await self._write(batch, entries)
            except DatabaseUnavailable:
                raise
            except Exception:
                await self._write_singly(batch, entries)
            self._batch = None
            # Each batch costs as much as some hundred entries: what has come meanwhile gathers.
            is_full = len(self._waiting) >= _MOST_OF_BATCH
            goes_on = is_full or self._hurries or self._stopping

    def _write(self, batch: str, entries: Sequence[Entry]) -> Deferred[None]:
        return self._database.write(partial(self._table.post, batch=batch, entries=entries))

    async def _write_singly(self, batch: str, entries: Sequence[Entry]) -> None:
        """One of them cannot be kept: only that one shall be lost."""
        for number, entry in enumerate(entries):
            try:
                await self._write(f"{batch}-{number}", [entry])
            except DatabaseUnavailable:
                raise
            except Exception:
                self._log.failure("a call's cost cannot be kept: {entry}", entry=entry)

    def _failed(self, failure: Failure) -> None:
        # The same batch is tried again: what of it may be kept already is not kept twice.
        self._log.error("calls' costs cannot be kept now: {why}", why=failure.getErrorMessage())

    def _posted(self, _: None) -> None:
        self._posting = None
        flushed, self._flushed = self._flushed, Latch()
        flushed.open(None)
        if not self._stopping and (self._batch is not None or self._waiting):
            after = _EVERY if self._batch is None else _AGAIN_AFTER
            self._timer = self._clock.callLater(after, self._post)

    async def stop(self) -> None:
        """Keep all that waits; there will be no more."""
        self._stopping = True
        posting = self._posting
        if posting is not None:
            done: Deferred[None] = Deferred()
            posting.addCallback(done.callback)
            await done
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            await self._post_all()
        except Exception:
            lost = len(self._waiting) + len(self._batch[1] if self._batch is not None else ())
            self._log.failure("{count} calls' costs are lost", count=lost)
