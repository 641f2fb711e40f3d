"""The virtual keys: looked for at each call, and managed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from attrs import evolve
from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.gateway.accounting.records import SpendTable
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.keys.cache import Found, KeyCache
from twisted_aigate.gateway.keys.models import PREFIX, VirtualKey, name_of, token_of
from twisted_aigate.gateway.keys.records import KeyFilter, KeyTable, take_turn
from twisted_aigate.gateway.keys.requests import GenerateKey, KeyFields, UpdateKey, changed
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.secrets import Secret, new_token
from twisted_aigate.kernel.units import SECOND

_FRESH = 2 * SECOND
"""After which what is remembered is looked up again, beside the call."""

_STALE = 10 * SECOND
"""After which a call waits for that."""

_MOST_REMEMBERED = 10_000
_SHORTEST = 16
"""Characters of a key that a caller makes up; shorter ones can be guessed."""

_HASH_LENGTH = 64


class Keys:
    """
    The virtual keys.

    A change holds at once in the process that makes it, and within seconds in others that share
    its database.

    @param database: Where they are kept.
    @param clock: Keeps Unix time.
    @param master: The master key, which no other can be.
    """

    _log = Logger()

    def __init__(self, database: Database, clock: IReactorTime, master: Secret) -> None:
        self._database = database
        self._clock = clock
        self._master = master
        self._table = KeyTable()
        self._spend = SpendTable()
        self._cache = KeyCache(_MOST_REMEMBERED)
        self._refreshing: set[str] = set()

    def find(self, key: bytes) -> VirtualKey | Deferred[VirtualKey | None] | None:
        """
        The key that a caller presents, be it valid or not.

        @return: C{None}: there is no such key. A L{Deferred} when the database is to be asked; it
            may fail with L{twisted_aigate.kernel.database.DatabaseUnavailable}.
        """
        if not key.startswith(PREFIX.encode("ascii")):
            return None
        token = token_of(key)
        found = self._cache.get(token)
        age = _STALE if found is None else self._clock.seconds() - found.at
        if found is None or age >= _STALE:
            return self._look_up(token)
        if age >= _FRESH and token not in self._refreshing:
            self._refresh(token)
        return found.key

    def _look_up(self, token: str) -> Deferred[VirtualKey | None]:
        changes, now = self._cache.changes, self._clock.seconds()

        def read(key: VirtualKey | None) -> VirtualKey | None:
            self._cache.keep(token, Found(key, now), changes)
            return key

        return self._database.read(partial(self._table.find, token=token)).addCallback(read)

    def _refresh(self, token: str) -> None:
        def failed(failure: Failure) -> None:
            # When it is too old the call itself will say so.
            self._log.warn("a key could not be looked up: {why}", why=failure.getErrorMessage())

        def over(_: object) -> None:
            self._refreshing.discard(token)

        self._refreshing.add(token)
        self._look_up(token).addErrback(failed).addBoth(over)

    # Management.

    async def generate(self, request: GenerateKey) -> tuple[str, VirtualKey]:
        """
        Make a key.

        @return: The key itself, which is not kept, and what is.
        @raise GatewayError: 400: it cannot be made so; 409: it, or its alias, is there already.
        """
        now = self._clock.seconds()
        text = request.key or new_token(PREFIX)
        self._check(text)
        new = VirtualKey(token_of(text.encode("ascii")), name_of(text), now, now)
        key = changed(new, request, now)
        _raise_taken(await self._database.write(partial(self._table.insert, key=key)))
        self._cache.forget(key.token)
        return text, key

    def _check(self, text: str) -> None:
        usable = text.isascii() and text.isprintable() and " " not in text
        if not (usable and text.startswith(PREFIX) and len(text) >= _SHORTEST):
            message = f"key is {_SHORTEST} or more printable ASCII characters after {PREFIX!r}."
            raise GatewayError(400, message, param="key")
        if self._master.matches(text.encode("ascii")):
            raise GatewayError(400, "key is not to be the master key.", param="key")

    async def update(self, request: UpdateKey) -> VirtualKey:
        """
        Change a key.

        @raise GatewayError: 400: it cannot be changed so; 404: there is none; 409: another has its
            alias.
        """
        return await self._change(_token(request.key), request)

    async def block(self, key: str, *, blocked: bool) -> VirtualKey:
        """
        Have a key be valid no more, or again.

        @param key: The key or its hash.
        @raise GatewayError: 404: there is none.
        """
        return await self._change(_token(key), KeyFields(blocked=blocked))

    async def _change(self, token: str, fields: KeyFields) -> VirtualKey:
        now = self._clock.seconds()

        def work(connection: Connection) -> tuple[VirtualKey | None, str | None]:
            # What is read here is written again: nobody is to change it meanwhile.
            take_turn(connection)
            before = self._table.find(connection, token)
            if before is None:
                return None, None
            after = changed(before, fields, now)
            spend = after.spend if after.spend != before.spend else None
            return after, self._table.replace(connection, after, spend)

        return await self._changed(token, work)

    async def _changed(
        self, token: str, work: Callable[[Connection], tuple[VirtualKey | None, str | None]]
    ) -> VirtualKey:
        try:
            key, taken = await self._database.write(work)
        finally:
            # Whoever cancelled it does not know whether it was done.
            self._cache.forget(token)
        if key is None:
            raise no_such_key()
        _raise_taken(taken)
        return key

    async def delete(self, keys: Sequence[str], aliases: Sequence[str]) -> list[str]:
        """
        Delete keys.

        @param keys: Keys, or their hashes.
        @return: The hashes of those that there were.
        @raise GatewayError: 404: there was none.
        """
        tokens = [_token(key) for key in keys]

        def work(connection: Connection) -> list[str]:
            gone = self._table.delete(connection, tokens, list(aliases))
            self._spend.forget_keys(connection, gone)
            return gone

        gone = await self._database.write(work)
        for token in gone:
            self._cache.forget(token)
        if not gone:
            raise no_such_key()
        return gone

    async def info(self, key: str) -> VirtualKey:
        """
        A key, as the database has it.

        @param key: The key or its hash.
        @raise GatewayError: 404: there is none.
        """
        found = await self._database.read(partial(self._table.find, token=_token(key)))
        if found is None:
            raise no_such_key()
        return found

    async def page(
        self, wanted: KeyFilter, offset: int, limit: int
    ) -> tuple[list[VirtualKey], int]:
        """Keys, the newest first, and how many there are in all."""
        if wanted.token is not None:
            wanted = evolve(wanted, token=_token(wanted.token))
        work = partial(self._table.page, wanted=wanted, offset=offset, limit=limit)
        return await self._database.read(work)


def no_such_key() -> GatewayError:
    """There is no such key."""
    return GatewayError(404, "There is no such key.", param="key", code="key_not_found")


def _token(key: str) -> str:
    if not key.startswith(PREFIX) and len(key) == _HASH_LENGTH:
        return key
    return token_of(key.encode("utf-8"))


def _raise_taken(taken: str | None) -> None:
    if taken is not None:
        raise GatewayError(409, f"Another key has that {taken}.", param=taken, code="key_exists")
