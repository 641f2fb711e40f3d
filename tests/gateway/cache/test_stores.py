"""Both stores, by the same tests; and what only one of them does."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.kernel.redis.case import RedisCase
from twisted_aigate.gateway.cache.entry import Entry
from twisted_aigate.gateway.cache.stores import MemoryStore, RedisStore, Store
from twisted_aigate.kernel.redis import Redis

_ENTRY = Entry(7.5, b"\x00body", b"application/json", ((b"name", b"value"),))
_OTHER = Entry(8.0, b"other", b"text/event-stream", ())


class StoreContract:
    """What holds of every store."""

    store: Store

    async def test_what_was_put_is_there(self: Any) -> None:
        await self.store.put("k", _ENTRY, 60)
        await self.store.put("n:k", _OTHER, 60)
        self.assertEqual(await self.store.get("k"), _ENTRY)
        self.assertEqual(await self.store.get("n:k"), _OTHER)
        self.assertIsNone(await self.store.get("n"))

    async def test_the_last_counts(self: Any) -> None:
        await self.store.put("k", _ENTRY, 60)
        await self.store.put("k", _OTHER, 60)
        self.assertEqual(await self.store.get("k"), _OTHER)

    async def test_it_does_not_last(self: Any) -> None:
        await self.store.put("k", _ENTRY, 0.05)
        await self.store.put("lasting", _ENTRY, 0)
        await self.pass_time(0.1)
        self.assertIsNone(await self.store.get("k"))
        self.assertEqual(await self.store.get("lasting"), _ENTRY)

    async def test_deleting(self: Any) -> None:
        await self.store.put("a", _ENTRY, 60)
        await self.store.put("b", _ENTRY, 60)
        self.assertEqual(await self.store.delete(["a", "c"]), 1)
        self.assertEqual(await self.store.delete([]), 0)
        self.assertIsNone(await self.store.get("a"))
        self.assertEqual(await self.store.get("b"), _ENTRY)

    async def test_clearing(self: Any) -> None:
        for number in range(1200):
            await self.store.put(str(number), _ENTRY, 60)
        await self.store.clear()
        for number in range(1200):
            self.assertIsNone(await self.store.get(str(number)))

    async def test_it_is_up(self: Any) -> None:
        self.assertTrue(await self.store.is_up())


class MemoryStoreTests(StoreContract, TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.store = MemoryStore(self.clock, 2**20)

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)


class RedisStoreTests(StoreContract, RedisCase):
    def setUp(self) -> Deferred[None]:  # type: ignore[override]
        super().setUp()
        return Deferred.fromCoroutine(self.connect())

    async def connect(self) -> None:
        self.redis: Redis = await self.client()
        self.store = RedisStore(self.redis)

    async def pass_time(self, seconds: float) -> None:
        await deferLater(self.reactor, seconds)

    async def test_clearing_leaves_what_is_not_ours(self) -> None:
        await self.redis.command(b"SET", b"theirs", b"1")
        await self.store.put("k", _ENTRY, 60)
        await self.store.clear()
        self.assertEqual(await self.redis.command(b"KEYS", b"*"), [b"theirs"])

    async def test_what_cannot_be_read_is_a_miss(self) -> None:
        await self.redis.command(b"SET", b"aigate:cache:k", b"nonsense")
        self.assertIsNone(await self.store.get("k"))

    async def test_down(self) -> None:
        """Everything is a miss, and nothing an error."""
        await self.store.put("k", _ENTRY, 60)
        self.server.kill()
        await self.until(lambda: not self.redis.is_up)
        self.assertIsNone(await self.store.get("k"))
        await self.store.put("k", _ENTRY, 60)
        self.assertEqual(await self.store.delete(["k"]), 0)
        await self.store.clear()
        self.assertFalse(await self.store.is_up())


class BoundTests(SynchronousTestCase):
    """A store in memory, and how much it keeps."""

    def setUp(self) -> None:
        self.store = MemoryStore(Clock(), 10_000)

    def put(self, key: str, size: int) -> None:
        entry = Entry(0.0, b"x" * size, b"", ())
        self.successResultOf(Deferred.fromCoroutine(self.store.put(key, entry, 0)))

    def has(self, key: str) -> bool:
        return self.successResultOf(Deferred.fromCoroutine(self.store.get(key))) is not None

    def test_who_was_asked_for_last_stays(self) -> None:
        for key in "abc":
            self.put(key, 2500)
        self.assertTrue(self.has("a"))
        self.put("d", 2500)
        self.assertEqual([self.has(key) for key in "abcd"], [True, False, True, True])

    def test_what_is_larger_than_all_of_it_pushes_nobody_out(self) -> None:
        self.put("a", 100)
        self.put("b", 10_000)
        self.assertEqual([self.has(key) for key in "ab"], [True, False])

    def test_its_bytes_are_never_more(self) -> None:
        chance = Random(1)
        for _ in range(2000):
            self.put(str(chance.randrange(40)), chance.randrange(12_000))
            kept = sum(len(entry.body) for entry, _ in self.store._kept.values())
            self.assertLessEqual(kept, 10_000)
