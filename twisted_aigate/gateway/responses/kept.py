"""Responses that are kept: found, gone on from, forgotten."""

from __future__ import annotations

import re
from functools import partial

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.responses.records import Kept, ResponseTable, TooLong
from twisted_aigate.kernel.database import Database, DatabaseUnavailable
from twisted_aigate.kernel.sweeper import Sweeper
from twisted_aigate.kernel.units import MB, MINUTE

_MOST_CONVERSATION = 64 * MB
"""Of what one call may go on from."""

_BATCH = 100

_ID = re.compile(r"[!-~]{1,1024}")
"""Any id that a provider may have; not every database takes all else as a text."""


class KeptResponses:
    """
    The responses of all callers, each known to its own.

    A conversation is kept as a whole, for as long as its newest response is.

    @param table: The responses in the database.
    @param database: The database.
    @param clock: Tells the time (Unix time), and where the next sweep waits.
    @param retention: Seconds that a conversation is kept after its newest response; 0: nothing is
        kept.
    @param most: Bytes that are kept; beyond them the oldest conversations go. 0: no limit.
    """

    _log = Logger()

    def __init__(
        self,
        table: ResponseTable,
        database: Database,
        clock: IReactorTime,
        retention: float,
        most: int,
    ) -> None:
        self._table = table
        self._database = database
        self._clock = clock
        self._retention = retention
        self._most = most
        self._sweeper = Sweeper(clock, MINUTE, self._sweep, "old responses could not be removed")

    def now(self) -> float:
        """The time, in seconds of Unix time."""
        return self._clock.seconds()

    async def keep(self, kept: Kept) -> None:
        """
        Keep a response.

        The answer is there and has cost what it cost: when it cannot be kept it is given anyway.
        """
        if not self._retention or not _ID.fullmatch(kept.id):
            return
        try:
            await self._database.write(partial(self._table.insert, kept=kept))
        except DatabaseUnavailable as error:
            self._log.error("{id} is not kept: {error}", id=kept.id, error=str(error))

    async def find(self, caller: Caller, response_id: str) -> Kept:
        """
        A response of a caller's.

        @raise GatewayError: 404: they have none with that id.
        """
        kept = None
        if _ID.fullmatch(response_id):
            find = partial(self._table.find, owner=caller.id, response_id=response_id)
            kept = await self._database.read(find)
        if kept is None:
            raise unknown_response(response_id)
        return kept

    async def conversation(self, caller: Caller, response_id: str) -> list[Kept]:
        """
        A response of a caller's, and all that it goes on from.

        @return: The oldest first; before one that a deployment keeps there is nothing.
        @raise GatewayError: 404: they have none with that id, or not all of it any more; 400: it
            is too long.
        """
        if not _ID.fullmatch(response_id):
            raise unknown_response(response_id, "previous_response_id")
        read = partial(
            self._table.conversation,
            owner=caller.id,
            response_id=response_id,
            most=_MOST_CONVERSATION,
        )
        try:
            found = await self._database.read(read)
        except TooLong:
            raise GatewayError(
                400,
                f"The conversation up to {response_id!r} is too long to go on from.",
                param="previous_response_id",
                code="context_length_exceeded",
            ) from None
        if found is None:
            raise unknown_response(response_id, "previous_response_id")
        return found

    async def forget(self, kept: Kept) -> None:
        """Forget a response."""
        delete = partial(self._table.delete, owner=kept.owner, response_id=kept.id)
        await self._database.write(delete)

    def start(self) -> None:
        """Remove what is old, now and from time to time."""
        self._sweeper.start()

    async def stop(self) -> None:
        """Remove nothing any more."""
        await self._sweeper.stop()

    async def _sweep(self) -> None:
        before = self.now() - self._retention
        idle = partial(self._table.idle_since, when=before, limit=_BATCH)
        while old := await self._database.read(idle):
            await self._delete(old)
        if self._most:
            over = await self._database.read(partial(self._table.over, most=self._most))
            for start in range(0, len(over), _BATCH):
                await self._delete(over[start : start + _BATCH])

    async def _delete(self, threads: list[str]) -> None:
        await self._database.write(partial(self._table.delete_threads, threads=threads))


def unknown_response(response_id: str, param: str | None = None) -> GatewayError:
    """
    There is no such response, or it is another caller's.

    @param param: The field of the request that names it.
    """
    code = "previous_response_not_found" if param else "response_not_found"
    message = f"Response with id {response_id!r} not found."
    return GatewayError(404, message, param=param, code=code)
