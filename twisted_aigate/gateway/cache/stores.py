"""Where answers are kept: in this process, or in a Redis that processes share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Protocol, cast

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_aigate.gateway.cache.entry import Entry
from twisted_aigate.gateway.cache.plan import CachePlan
from twisted_aigate.kernel.redis import Argument, Redis, RedisError, Reply

_OVERHEAD = 512
"""About the bytes that an entry takes beside its body."""

_SCANNED = 500


class Store(Protocol):
    """
    Keeps answers. What it cannot keep or find is a miss, and no error.

    @ivar kind: C{local} or C{redis}, as LiteLLM calls them.
    """

    kind: str

    async def get(self, key: str) -> Entry | None:
        """What is kept under a key."""

    async def put(self, key: str, entry: Entry, ttl: float) -> None:
        """
        Keep an answer.

        @param ttl: For how many seconds; 0: as long as there is room.
        """

    async def delete(self, keys: Iterable[str]) -> int:
        """Forget what is kept under keys; how many there were."""

    async def clear(self) -> None:
        """Forget everything."""

    async def is_up(self) -> bool:
        """Whether it works."""


class MemoryStore:
    """
    Keeps answers in memory: those that were asked for last.

    @param clock: Tells the time.
    @param most: Bytes in all; 0: no limit.
    """

    kind = "local"

    def __init__(self, clock: IReactorTime, most: int) -> None:
        self._clock = clock
        self._most = most
        self._kept: OrderedDict[str, tuple[Entry, float]] = OrderedDict()
        self._bytes = 0

    async def get(self, key: str) -> Entry | None:
        """See L{Store}."""
        found = self._kept.get(key)
        if found is None:
            return None
        entry, until = found
        if until <= self._clock.seconds():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return entry

    async def put(self, key: str, entry: Entry, ttl: float) -> None:
        """See L{Store}."""
        self._drop(key)
        size = _size(entry)
        if self._most and size > self._most:
            return
        self._kept[key] = (entry, self._clock.seconds() + ttl if ttl else float("inf"))
        self._bytes += size
        while self._most and self._bytes > self._most:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> bool:
        found = self._kept.pop(key, None)
        if found is None:
            return False
        self._bytes -= _size(found[0])
        return True

    async def delete(self, keys: Iterable[str]) -> int:
        """See L{Store}."""
        return sum(map(self._drop, keys))

    async def clear(self) -> None:
        """See L{Store}."""
        self._kept.clear()
        self._bytes = 0

    async def is_up(self) -> bool:
        """See L{Store}."""
        return True


def _size(entry: Entry) -> int:
    return len(entry.body) + _OVERHEAD


_PREFIX = "aigate:cache:"
_decoder = msgspec.msgpack.Decoder(Entry)


class RedisStore:
    """
    Keeps answers in a Redis, which forgets them by itself. While it is down nothing is found.

    @param redis: The Redis; that it is down is said there.
    """

    kind = "redis"
    _log = Logger()

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def get(self, key: str) -> Entry | None:
        """See L{Store}."""
        kept = await self._ask(b"GET", _PREFIX + key)
        if not isinstance(kept, bytes):
            return None
        try:
            return _decoder.decode(kept)
        except msgspec.MsgspecError:
            # Another version's.
            return None

    async def put(self, key: str, entry: Entry, ttl: float) -> None:
        """See L{Store}."""
        expiry = (b"PX", max(1, round(ttl * 1000))) if ttl else ()
        await self._ask(b"SET", _PREFIX + key, msgspec.msgpack.encode(entry), *expiry)

    async def delete(self, keys: Iterable[str]) -> int:
        """See L{Store}."""
        ours = [_PREFIX + key for key in keys]
        deleted = await self._ask(b"UNLINK", *ours) if ours else 0
        return deleted if isinstance(deleted, int) else 0

    async def clear(self) -> None:
        """See L{Store}; what others keep in the same Redis stays."""
        cursor = b"0"
        while True:
            found = await self._ask(b"SCAN", cursor, b"MATCH", _PREFIX + "*", b"COUNT", _SCANNED)
            if found is None:
                return
            cursor, keys = cast("tuple[bytes, list[bytes]]", found)
            if keys:
                await self._ask(b"UNLINK", *keys)
            if cursor == b"0":
                return

    async def is_up(self) -> bool:
        """See L{Store}."""
        return await self._ask(b"PING") is not None

    async def _ask(self, *arguments: Argument) -> Reply:
        try:
            return await self._redis.command(*arguments)
        except RedisError as error:
            self._log.debug("the cache is passed over: {error}", error=str(error))
            return None


def make_store(plan: CachePlan, redis: Redis | None, clock: IReactorTime) -> Store:
    """
    The store that a plan asks for.

    @param redis: Where shared answers are kept.
    @param clock: Tells the time.
    """
    if plan.shared and redis is not None:
        return RedisStore(redis)
    return MemoryStore(clock, plan.max_bytes)
