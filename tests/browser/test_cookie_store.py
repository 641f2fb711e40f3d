"""All browsers' cookies: one contract, in this process and in Redis."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.trial.unittest import TestCase

from tests.support.redis import RedisServer
from twisted_aigate.browser.cookie_store import (
    Change,
    CookieStore,
    CookiesUnavailable,
    LocalCookies,
    SharedCookies,
)
from twisted_aigate.kernel.redis import Redis

A, B = (("a", "example.com", "/", "null"), ("b", "ü.example", "/x", '{"topLevelSite":"s"}'))


def to(key: Any, value: str | None) -> Change:
    return Change(key, None if value is None else {"name": key[0], "value": value})


class StoreContract:
    """What every store does."""

    store: CookieStore

    async def test_it_begins_with_nothing(self: Any) -> None:
        self.assertEqual(await self.store.since(0), (0, []))

    async def test_what_was_learned_is_told_once(self: Any) -> None:
        await self.store.learn([to(A, "1"), to(B, "ü")])
        version, changes = await self.store.since(0)
        self.assertEqual(sorted(changes, key=lambda c: c.key), [to(A, "1"), to(B, "ü")])
        self.assertEqual(await self.store.since(version), (version, []))

    async def test_only_what_is_new_is_told(self: Any) -> None:
        await self.store.learn([to(A, "1")])
        version, _ = await self.store.since(0)
        await self.store.learn([to(B, "2")])
        newer, changes = await self.store.since(version)
        self.assertGreater(newer, version)
        self.assertEqual(changes, [to(B, "2")])

    async def test_of_a_cookie_that_changes_the_last_is_told(self: Any) -> None:
        for value in ("1", "2", None):
            await self.store.learn([to(A, value)])
        self.assertEqual((await self.store.since(0))[1], [to(A, None)])


class LocalTests(StoreContract, TestCase):
    def setUp(self) -> None:
        self.store = LocalCookies()


class SharedTests(StoreContract, TestCase):
    timeout = 30

    async def setUp(self) -> None:  # type: ignore[override]
        from twisted.internet import reactor

        self.server = RedisServer()
        self.addCleanup(self.server.close)
        made: Any = reactor
        self.redis = Redis(made, self.server.address, Random(1))
        await self.redis.start()
        self.store = SharedCookies(self.redis)

    async def tearDown(self) -> None:  # type: ignore[override]
        await self.redis.stop()

    async def test_another_process_is_told(self) -> None:
        await self.store.learn([to(A, "1")])
        other = SharedCookies(self.redis)
        self.assertEqual((await other.since(0))[1], [to(A, "1")])

    async def test_when_redis_is_down(self) -> None:
        self.server.kill()
        for asked in (self.store.since(0), self.store.learn([to(A, "1")])):
            with self.assertRaises(CookiesUnavailable):
                await asked
