"""Storage's figures."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.interfaces import IReactorTime

from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.figures import Family, gauge
from twisted_aigate.kernel.locks import KeyLocks
from twisted_aigate.kernel.units import MINUTE
from twisted_aigate.storage.metadata import objects

_FRESH = MINUTE
"""For which what was counted is good: counting looks at every object."""

_SHARE = 50
"""Counting takes no more than this part of a thread's time."""


class StorageFigures:
    """
    A L{twisted_aigate.interfaces.FigureSource}.

    @param database: Where objects are.
    @param locks: Of the objects that are in use.
    @param clock: Tells how old what was counted is.
    """

    def __init__(
        self, database: Database, locks: KeyLocks[tuple[str, str]], clock: IReactorTime
    ) -> None:
        self._database = database
        self._locks = locks
        self._clock = clock
        self._counted = (0, 0)
        self._fresh_until = 0.0

    async def figures(self) -> Sequence[Family]:
        """See L{FigureSource}."""
        count, size = await self._objects()
        return [
            gauge("aigate_storage_objects", "Objects that are kept.", count),
            gauge("aigate_storage_bytes", "Their bytes.", size),
            gauge("aigate_storage_locks", "Keys that are in use or waited for.", len(self._locks)),
        ]

    async def _objects(self) -> tuple[int, int]:
        began = self._clock.seconds()
        if began >= self._fresh_until:
            self._counted = await self._database.read(objects.count)
            ended = self._clock.seconds()
            self._fresh_until = ended + max(_FRESH, _SHARE * (ended - began))
        return self._counted
