"""Whether the database answers."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.kernel.database.service import Database
from twisted_aigate.kernel.units import SECOND

_KNOWN_FOR = 1 * SECOND
_PATIENCE = 2 * SECOND


class Pulse:
    """
    Asks the database, however many want to know, once a second at the most.

    @param database: The database.
    @param clock: Tells the time.
    """

    def __init__(self, database: Database, clock: IReactorTime) -> None:
        self._database = database
        self._clock = clock
        self._beats = False
        self._known_until = clock.seconds()
        self._asking = False
        self._waiting: list[Deferred[bool]] = []

    async def beats(self) -> bool:
        """Whether it answers; one that takes seconds does not."""
        if self._clock.seconds() < self._known_until:
            return self._beats
        if not self._asking:
            self._asking = True
            self._database.read(_ask).addCallbacks(self._told, lambda _: self._told(False))
            if not self._asking:
                return self._beats
        wanted: Deferred[bool] = Deferred(self._waiting.remove)
        self._waiting.append(wanted)
        timer = self._clock.callLater(_PATIENCE, self._answer, False)
        try:
            return await wanted
        finally:
            if timer.active():
                timer.cancel()

    def _told(self, beats: bool) -> None:
        self._asking = False
        self._answer(beats)

    def _answer(self, beats: bool) -> None:
        self._beats = beats
        self._known_until = self._clock.seconds() + _KNOWN_FOR
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(beats)


def _ask(connection: Connection) -> bool:
    connection.execute(sa.select(1))
    return True
