"""The cache itself: answers a call from what is kept, or has it made once for all who ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_aigate.gateway.cache.entry import make_entry, repeated
from twisted_aigate.gateway.cache.flight import Flight
from twisted_aigate.gateway.cache.key import cache_key
from twisted_aigate.gateway.cache.plan import CachePlan, Mode
from twisted_aigate.gateway.cache.stores import Store
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.calls import Call, Result

Ask = Callable[[], Awaitable[Result]]


class ResponseCache:
    """
    The cache.

    @param plan: When it is used.
    @param store: Where answers are kept.
    @param clock: Tells how old they are.
    @ivar store: See above.
    """

    _log = Logger()

    def __init__(self, plan: CachePlan, store: Store, clock: IReactorTime) -> None:
        self.store = store
        self._plan = plan
        self._clock = clock
        self._flights: dict[str, Flight] = {}

    @property
    def kind(self) -> str | None:
        """Where answers are kept: C{local} or C{redis}; C{None}: nowhere, it is off."""
        return None if self._plan.mode is Mode.OFF else self.store.kind

    def covers(self, call: Call) -> bool:
        """Whether the cache is used for a call."""
        if call.task not in self._plan.tasks or call.mock_response is not None:
            return False
        mode = self._plan.mode
        return mode is Mode.ON or (mode is Mode.OPT_IN and call.cache.use_cache)

    async def answer(self, caller: Caller, call: Call, ask: Ask) -> tuple[Result, bool]:
        """
        Answer a call that L{covers} says is one for the cache.

        @param ask: Makes the call. It is not called when the answer is kept, or on its way.
        @return: The answer, and whether it was this call that was made for it.
        @raise GatewayError: It gives no result; each who waits for it gets the same.
        """
        controls = call.cache
        ttl = self._plan.ttl if controls.ttl is None else controls.ttl
        # A plan's 0 is no end, and a call's 0 is none at all.
        keeps = not controls.no_store and controls.ttl != 0
        namespace = self._plan.namespace if controls.namespace is None else controls.namespace
        key = cache_key(caller, call, namespace)
        if not controls.no_cache:
            kept = await self._kept(key, controls.s_maxage)
            if kept is not None:
                return kept, False
        flight = self._flight(key, ask, shared=not controls.no_cache)
        made = not flight.begun
        result = await flight.join(ttl if keeps else None)
        return result if made else repeated(result), made

    async def _kept(self, key: str, oldest: float | None) -> Result | None:
        entry = await self.store.get(key)
        if entry is None or (oldest is not None and self._clock.seconds() - entry.at > oldest):
            return None
        return entry.result(key)

    def _flight(self, key: str, ask: Ask, *, shared: bool) -> Flight:
        flight = self._flights.get(key) if shared else None
        if flight is None or not flight.is_open:
            flight = Flight(ask, partial(self._over, key))
            if shared:
                self._flights[key] = flight
        return flight

    def _over(self, key: str, flight: Flight, result: Result | None, body: bytes | None) -> None:
        storing = Deferred.fromCoroutine(self._store(key, flight.ttl, result, body))
        # Until it is kept, who asks finds it here.
        storing.addBoth(self._forget, key, flight)
        storing.addErrback(lambda failure: self._log.failure("an answer was not kept", failure))

    async def _store(
        self, key: str, ttl: float | None, result: Result | None, body: bytes | None
    ) -> None:
        if ttl is None or result is None or body is None:
            return
        entry = make_entry(result, body, self._clock.seconds())
        if entry is not None:
            await self.store.put(key, entry, ttl)

    def _forget(self, outcome: object, key: str, flight: Flight) -> object:
        if self._flights.get(key) is flight:
            del self._flights[key]
        return outcome
