"""
When the cache is used, and what it keeps for how long.

Source: https://docs.litellm.ai/docs/proxy/caching and C{cache_params} there.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Literal

import msgspec
from attrs import frozen
from msgspec import Meta

from twisted_aigate.gateway.calls import Task
from twisted_aigate.kernel.redis import RedisAddress, parse_redis_url
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.settings import ConfigError
from twisted_aigate.kernel.settings.model import CacheSettings
from twisted_aigate.kernel.units import MINUTE

TTL = 10 * MINUTE

_TASKS = {
    "completion": Task.CHAT,
    "acompletion": Task.CHAT,
    "text_completion": Task.COMPLETION,
    "atext_completion": Task.COMPLETION,
    "embedding": Task.EMBEDDING,
    "aembedding": Task.EMBEDDING,
    "moderation": Task.MODERATION,
    "amoderation": Task.MODERATION,
    "rerank": Task.RERANK,
    "arerank": Task.RERANK,
    "anthropic_messages": Task.MESSAGES,
}
"""By LiteLLM's names for them: the tasks whose answers can be kept."""


class Mode(Enum):
    """For which calls the cache is used; the value is C{CACHE}'s."""

    ON = "on"
    OPT_IN = "opt-in"
    OFF = "off"


class CacheParams(msgspec.Struct):
    """C{litellm_settings.cache_params}."""

    type: str | None = None
    ttl: Annotated[float, Meta(ge=0)] | None = None
    namespace: str | None = None
    mode: Literal["default_on", "default_off"] = "default_on"
    supported_call_types: list[str] | None = None
    url: str | None = None
    host: str | None = None
    port: int | None = None
    username: str | None = None
    password: str | None = None
    db: int | None = None
    ssl: bool = False

    @property
    def unsupported(self) -> list[str]:
        """What is said here and has no effect."""
        found = [] if self.type in (None, "local", "redis") else [f"type: {self.type}"]
        names = self.supported_call_types or []
        return found + [f"supported_call_types: {name}" for name in names if name not in _TASKS]


@frozen
class CachePlan:
    """
    The plan.

    @ivar mode: For which calls.
    @ivar ttl: Seconds that an answer is kept; 0: as long as there is room.
    @ivar namespace: The part of the cache that is used when a call names none.
    @ivar tasks: The tasks whose answers are kept.
    @ivar max_bytes: What is kept in memory; 0: no limit.
    @ivar shared: Keep them in Redis.
    @ivar redis: The Redis, where it is one of the cache's own.
    """

    mode: Mode
    ttl: float
    namespace: str
    tasks: frozenset[Task]
    max_bytes: int
    shared: bool
    redis: RedisAddress | None


def make_plan(
    settings: CacheSettings,
    cache: bool | None,
    params: CacheParams,
    redis: RedisAddress | None,
    environment: Mapping[str, str],
) -> CachePlan:
    """
    The plan that the configuration makes: variables win over the file.

    @param cache: C{litellm_settings.cache}.
    @param params: C{litellm_settings.cache_params}.
    @param redis: The Redis of C{REDIS_URL}.
    @param environment: Where LiteLLM's own C{REDIS_HOST}, C{REDIS_PORT} and C{REDIS_PASSWORD} are.
    @raise ConfigError: Redis is to be used, and none is named.
    """
    own = _own_redis(params, environment) if params.type == "redis" else None
    if params.type == "redis" and own is None and redis is None:
        raise ConfigError("litellm_settings.cache_params: no host, and no REDIS_URL is set")
    names = params.supported_call_types
    return CachePlan(
        _mode(settings, cache, params),
        next(ttl for ttl in (settings.ttl, params.ttl, TTL) if ttl is not None),
        params.namespace or "",
        frozenset(task for name, task in _TASKS.items() if names is None or name in names),
        settings.max_bytes,
        params.type != "local" and (own or redis) is not None,
        own,
    )


def _mode(settings: CacheSettings, cache: bool | None, params: CacheParams) -> Mode:
    if settings.mode is not None:
        return Mode(settings.mode)
    if cache and params.mode == "default_on":
        return Mode.ON
    return Mode.OFF if cache is False else Mode.OPT_IN


def _own_redis(params: CacheParams, environment: Mapping[str, str]) -> RedisAddress | None:
    try:
        if params.url:
            return parse_redis_url(params.url)
        host = params.host or environment.get("REDIS_HOST")
        if not host:
            return None
        password = params.password or environment.get("REDIS_PASSWORD")
        return RedisAddress(
            host,
            params.port or int(environment.get("REDIS_PORT") or RedisAddress().port),
            tls=params.ssl,
            username=params.username,
            password=Secret(password) if password else None,
            database=params.db or 0,
        )
    except ValueError:
        # The value may hold a password: it is not repeated.
        raise ConfigError("litellm_settings.cache_params: this names no Redis") from None
