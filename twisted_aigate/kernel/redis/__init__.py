"""Redis, over one connection that is kept: commands, scripts and messages of its channels."""

from twisted_aigate.kernel.redis.address import RedisAddress, parse_redis_url
from twisted_aigate.kernel.redis.client import Redis
from twisted_aigate.kernel.redis.errors import RedisError, RedisRefused, RedisUnavailable
from twisted_aigate.kernel.redis.replies import Argument, Reply
from twisted_aigate.kernel.redis.script import Script
from twisted_aigate.kernel.redis.subscriptions import Subscriptions

__all__ = [
    "Argument",
    "Redis",
    "RedisAddress",
    "RedisError",
    "RedisRefused",
    "RedisUnavailable",
    "Reply",
    "Script",
    "Subscriptions",
    "parse_redis_url",
]
