"""
Rate limits that several processes count together, in Redis.

What L{twisted_aigate.web.ratelimit} says of a bucket holds of these; the time is Redis's own, so
that the clocks of many machines need not agree.
"""

from __future__ import annotations

import math

from twisted.internet.defer import Deferred

from twisted_aigate.kernel.redis import Redis, RedisError, Script
from twisted_aigate.kernel.units import Rate
from twisted_aigate.web.ratelimit import RateLimiter, too_many

# A bucket is its excess and when that was so. It is forgotten when it would be empty, and a request
# more: as if it had never been.
_TAKE = Script("""
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local before = redis.call('GET', KEYS[1])
local excess = 0
if before then
  local had, at = string.match(before, '(%S+) (%S+)')
  excess = math.max(0, had - rate * math.max(0, now - at) + 1)
  if excess > burst then
    return string.format('%.17g', (excess - burst) / rate)
  end
end
local bucket = string.format('%.17g %.17g', excess, now)
redis.call('SET', KEYS[1], bucket, 'PX', math.ceil((excess + 1) / rate * 1000))
return false
""")


class SharedRateLimiter:
    """
    The buckets of one zone.

    @param zone: Its name.
    @param rate: What drains a bucket.
    @param burst: How many requests a full bucket holds beyond the one in hand.
    @param redis: Where they are.
    @param alone: Counts while Redis is down.
    """

    def __init__(self, zone: str, rate: Rate, burst: int, redis: Redis, alone: RateLimiter) -> None:
        self._zone = zone
        self._rate = rate.per_second
        self._burst = burst
        self._redis = redis
        self._alone = alone

    def take(self, address: str) -> Deferred[None] | None:
        """See L{twisted_aigate.web.ratelimit.Limiter}."""
        if not self._redis.is_up:
            self._alone.take(address)
            return None
        return Deferred.fromCoroutine(self._take(address))

    async def _take(self, address: str) -> None:
        key = f"aigate:limit:{self._zone}:{address}"
        try:
            wait = await self._redis.run(_TAKE, [key], [repr(self._rate), self._burst])
        except RedisError:
            self._alone.take(address)
            return
        if isinstance(wait, bytes):
            raise too_many(max(1, math.ceil(float(wait))))
