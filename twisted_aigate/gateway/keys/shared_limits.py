"""How often keys call, counted in Redis for all processes that share it."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_aigate.gateway.keys.limits import ILimitCounters, LimitCounters, Standing
from twisted_aigate.gateway.keys.models import KeyLimits
from twisted_aigate.kernel.identifiers import new_id
from twisted_aigate.kernel.redis import Argument, Redis, RedisError, Script
from twisted_aigate.kernel.shielding import shielded
from twisted_aigate.kernel.units import MINUTE

_IN_HAND_FOR = 10 * MINUTE
"""After which a call is in hand no more: its process may have crashed."""

_KEPT = int(2 * MINUTE)
"""Seconds for which the counts of a minute are kept."""

# KEYS: the minute's counts, the calls in hand. ARGV: the three limits, -1 for none; the call's id,
# the time, when it is in hand no more, and for how long the counts and the calls are kept.
_BEGIN = Script("""
local counts = redis.call('HMGET', KEYS[1], 'calls', 'tokens')
local calls, tokens = tonumber(counts[1] or 0) + 1, tonumber(counts[2] or 0)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[5])
local parallel = redis.call('ZCARD', KEYS[2]) + 1
local rpm, tpm, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if (rpm < 0 or calls <= rpm) and (tpm < 0 or tokens < tpm) and (most < 0 or parallel <= most) then
  redis.call('HINCRBY', KEYS[1], 'calls', 1)
  redis.call('EXPIRE', KEYS[1], ARGV[7])
  redis.call('ZADD', KEYS[2], ARGV[6], ARGV[4])
  redis.call('EXPIRE', KEYS[2], ARGV[8])
end
return {calls, tokens, parallel}
""")


@implementer(ILimitCounters)
class SharedLimitCounters:
    """
    Counts in Redis; while that is down, in memory, each process for itself.

    @param redis: The Redis.
    @param clock: Tells the time: Unix time, the same for all.
    """

    _log = Logger()

    def __init__(self, redis: Redis, clock: IReactorTime) -> None:
        self._redis = redis
        self._clock = clock
        self._memory = LimitCounters(clock)

    async def begin(self, token: str, limits: KeyLimits) -> Standing:
        """See L{ILimitCounters}."""
        counted = Deferred.fromCoroutine(self._begin(token, limits))
        try:
            # Who leaves meanwhile must not stay in hand.
            return await shielded(counted, unwanted=lambda standing: self._forget(token, standing))
        except RedisError:
            # That it is down is logged by its connection.
            return await self._memory.begin(token, limits)

    async def _begin(self, token: str, limits: KeyLimits) -> Standing:
        now, call = self._clock.seconds(), new_id()
        said = (limits.rpm, limits.tpm, limits.max_parallel)
        reply = await self._redis.run(
            _BEGIN,
            self._keys(token),
            [
                *(-1 if limit is None else limit for limit in said),
                call,
                repr(now),
                repr(now + _IN_HAND_FOR),
                _KEPT,
                int(_IN_HAND_FOR),
            ],
        )
        if not isinstance(reply, list):
            raise RedisError("the script's reply is no list")
        calls, tokens, parallel = (int(each) for each in reply if isinstance(each, int))
        return Standing(calls, tokens, parallel, MINUTE - now % MINUTE, call)

    def end(self, token: str, standing: Standing, tokens: int) -> None:
        """See L{ILimitCounters}."""
        if standing.call is None:
            self._memory.end(token, standing, tokens)
            return
        counts, in_hand = self._keys(token)
        # In one turn of the reactor: they are sent together, ahead of the key's next call.
        self._tell("ZREM", in_hand, standing.call)
        if tokens:
            self._tell("HINCRBY", counts, "tokens", tokens)
            self._tell("EXPIRE", counts, _KEPT)

    def _tell(self, *words: Argument) -> None:
        self._redis.command(*words).addErrback(self._not_told)

    def _forget(self, token: str, standing: Standing) -> None:
        self.end(token, standing, 0)

    def _not_told(self, failure: Failure) -> None:
        failure.trap(RedisError)
        self._log.debug("a call's end could not be counted: {why}", why=str(failure.value))

    def _keys(self, token: str) -> tuple[str, str]:
        minute = int(self._clock.seconds() // MINUTE)
        # In braces what says which node of a cluster has both.
        return f"aigate:{{{token}}}:minute:{minute}", f"aigate:{{{token}}}:in-hand"
