"""All browsers' cookies: in this process, or in Redis for all processes that share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
from attrs import frozen

from twisted_aigate.kernel.redis import Redis, RedisError, Script
from twisted_aigate.kernel.units import DAY

Key = tuple[str, str, str, str]
"""Name, domain, path, partition: what tells cookies apart."""

Cookie = Mapping[str, Any]
"""A cookie as the DevTools protocol tells it."""

_TOLD = ("name", "value", "path", "secure", "httpOnly", "sameSite", "partitionKey")

_KEYS = ("aigate:browser:cookies", "aigate:browser:cookies:version")
_KEPT = int(30 * DAY)
"""Seconds for which cookies are kept that nobody changes."""

# KEYS: the cookies, the version. ARGV: for how long they are kept; then key and cookie, in turn.
_LEARN = Script("""
for i = 2, #ARGV, 2 do
  local version = redis.call('INCR', KEYS[2])
  redis.call('HSET', KEYS[1], ARGV[i], version .. ' ' .. ARGV[i + 1])
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[1])
return 1
""")

# ARGV: the version that is known.
_SINCE = Script("""
local now = redis.call('GET', KEYS[2]) or '0'
local found = {now}
if now == ARGV[1] then
  return found
end
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local space = string.find(all[i + 1], ' ', 1, true)
  if tonumber(string.sub(all[i + 1], 1, space - 1)) > tonumber(ARGV[1]) then
    table.insert(found, all[i])
    table.insert(found, string.sub(all[i + 1], space + 1))
  end
end
return found
""")

_encoder = msgspec.json.Encoder()
_key_decoder = msgspec.json.Decoder(Key)
_cookie_decoder = msgspec.json.Decoder(dict[str, Any] | None)


def key_of(cookie: Cookie) -> Key:
    """What tells a cookie apart."""
    partition = msgspec.json.encode(cookie.get("partitionKey")).decode("utf-8")
    return cookie["name"], cookie["domain"], cookie["path"], partition


def as_set(cookie: Cookie) -> dict[str, Any]:
    """A cookie as it is set (https://chromedevtools.github.io/devtools-protocol/tot/Storage)."""
    wanted = {name: cookie[name] for name in _TOLD if name in cookie}
    if cookie["domain"].startswith("."):
        wanted["domain"] = cookie["domain"]
    else:
        # With a domain it would be sent to all names below it too.
        scheme = "https" if cookie.get("secure") else "http"
        wanted["url"] = f"{scheme}://{cookie['domain']}{cookie['path']}"
    if cookie.get("expires", -1) >= 0:
        wanted["expires"] = cookie["expires"]
    return wanted


@frozen
class Change:
    """
    What became of a cookie.

    @ivar key: Which one.
    @ivar cookie: As it is now; C{None}: it was deleted.
    """

    key: Key
    cookie: Cookie | None


class CookiesUnavailable(Exception):
    """What keeps cookies does not answer."""


class CookieStore(Protocol):
    """All browsers' cookies, each as the browser had it that changed it last."""

    async def learn(self, changes: Sequence[Change]) -> None:
        """
        Some have changed.

        @raise CookiesUnavailable: This could not be told.
        """

    async def since(self, version: int) -> tuple[int, list[Change]]:
        """
        The version now, and what has changed since another; 0: since ever.

        @raise CookiesUnavailable: It could not be asked.
        """


class LocalCookies:
    """A L{CookieStore} in this process."""

    def __init__(self) -> None:
        self._version = 0
        self._changes: dict[Key, tuple[int, Change]] = {}

    async def learn(self, changes: Sequence[Change]) -> None:
        """See L{CookieStore}."""
        for change in changes:
            self._version += 1
            self._changes[change.key] = (self._version, change)

    async def since(self, version: int) -> tuple[int, list[Change]]:
        """See L{CookieStore}."""
        changes = [change for at, change in self._changes.values() if at > version]
        return self._version, changes


class SharedCookies:
    """
    A L{CookieStore} in Redis. Who reads it can log in as the browsers are.

    @param redis: The Redis.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def learn(self, changes: Sequence[Change]) -> None:
        """See L{CookieStore}."""
        arguments: list[bytes | int] = [_KEPT]
        for change in changes:
            arguments += [_encoder.encode(change.key), _encoder.encode(change.cookie)]
        try:
            await self._redis.run(_LEARN, _KEYS, arguments)
        except RedisError as error:
            raise CookiesUnavailable(str(error)) from None

    async def since(self, version: int) -> tuple[int, list[Change]]:
        """See L{CookieStore}."""
        try:
            reply = await self._redis.run(_SINCE, _KEYS, [version])
        except RedisError as error:
            raise CookiesUnavailable(str(error)) from None
        now, *told = reply if isinstance(reply, list) else [version]
        keys = [_key_decoder.decode(_bytes(key)) for key in told[::2]]
        cookies = [_cookie_decoder.decode(_bytes(cookie)) for cookie in told[1::2]]
        changes = [Change(key, cookie) for key, cookie in zip(keys, cookies, strict=True)]
        return int(_bytes(now)), changes


def _bytes(reply: object) -> bytes:
    return reply if isinstance(reply, bytes) else str(reply).encode("utf-8")
