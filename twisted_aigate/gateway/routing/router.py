"""
A call's way through deployments: chosen, tried again, fallen back from.

::

    for each model name: the one asked for, then its fallbacks
        for each try: 1 + num_retries
            choose among the deployments that are available, those first that
            have failed at this call least
            ask it; a stream counts as answered when its first event is there
            it fails: what the failure means says whether to try again, ask
            another deployment, another model, or nobody
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from random import Random
from typing import Generic, TypeVar

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_aigate.gateway.accounting.reader import UsageReader
from twisted_aigate.gateway.calls import Result
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.errors import MISFIT, GatewayError
from twisted_aigate.gateway.routing.asking import Ask, Occupied, attempt, occupy
from twisted_aigate.gateway.routing.backoff import LONGEST_BACKOFF, LONGEST_PROMISE, wait_before
from twisted_aigate.gateway.routing.failures import Meaning, kind_of, meaning_of
from twisted_aigate.gateway.routing.fallbacks import fallbacks_of
from twisted_aigate.gateway.routing.policy import Policy
from twisted_aigate.gateway.routing.states import States
from twisted_aigate.gateway.routing.strategies import choose
from twisted_aigate.gateway.wishes import NO_WISHES, Wishes

_T = TypeVar("_T")
Attempt = Callable[[Deployment], Awaitable[_T]]
"""Has one deployment answer, once; raises the L{GatewayError} when it does not."""


@frozen
class Found(Generic[_T]):
    """
    A deployment that answered.

    @ivar answer: What it answered.
    @ivar deployment: Which it is.
    @ivar retries: How often the call was tried again.
    @ivar fallbacks: How many model names were asked before this one.
    """

    answer: _T
    deployment: Deployment
    retries: int
    fallbacks: int


@frozen
class Answer:
    """
    What came of a call.

    @ivar result: The result.
    @ivar deployment: Which deployment it is of.
    @ivar retries: How often the call was tried again.
    @ivar fallbacks: How many model names were asked before this one.
    @ivar reader: What reads it as it passes; of one that is there already, has read it.
    """

    result: Result
    deployment: Deployment
    retries: int
    fallbacks: int
    reader: UsageReader


class _Failed(Exception):
    def __init__(self, error: GatewayError, meaning: Meaning, retries: int) -> None:
        super().__init__(error)
        self.error = error
        self.meaning = meaning
        self.retries = retries


class Router:
    """
    Routes calls.

    @param clock: Tells the time, and where waits live.
    @param random: Chooses, and spreads waits.
    @ivar catalogue: The deployments.
    @ivar policy: How calls are routed.
    @ivar states: What is known of the deployments.
    """

    _log = Logger()

    def __init__(
        self, catalogue: Catalogue, policy: Policy, clock: IReactorTime, random: Random
    ) -> None:
        self.catalogue = catalogue
        self.policy = policy
        self.states = States(clock)
        self._reachable: dict[str, Sequence[Deployment]] = {}
        self._clock = clock
        self._random = random

    def replace(self, catalogue: Catalogue, policy: Policy) -> None:
        """Have other deployments and another policy from the next call on."""
        self.catalogue, self.policy = catalogue, policy
        self._reachable.clear()
        self.states.keep(catalogue)

    async def route_to(
        self, deployment: Deployment, ask: Ask, wishes: Wishes = NO_WISHES
    ) -> Answer:
        """
        Have one deployment answer: tried again as any, but nobody takes its place.

        @param ask: Asks it. Cancelled when the caller leaves.
        @param wishes: How the caller wants it to be done.
        @raise GatewayError: It gives no answer.
        """
        try:
            return _answer(await self._try([deployment], self._once(ask), 0, True, wishes))
        except _Failed as failed:
            raise failed.error from None

    async def route(self, model: str, ask: Ask, wishes: Wishes = NO_WISHES) -> Answer:
        """
        Have a deployment of a model name, or of one of its fallbacks, answer a call.

        @param ask: Asks a deployment. Cancelled when the caller leaves.
        @param wishes: How the caller wants it to be done.
        @raise GatewayError: None gives an answer: the first model name's error.
        """
        return _answer(await self._route(model, self._once(ask), _any, wishes))

    def _once(self, ask: Ask) -> Attempt[tuple[Result, UsageReader]]:
        async def attempt_once(each: Deployment) -> tuple[Result, UsageReader]:
            reader = UsageReader()
            return await attempt(each, ask, self.states, self._clock, reader), reader

        return attempt_once

    async def occupy(
        self, model: str, ask: Attempt[_T], able: Callable[[Deployment], bool]
    ) -> Found[Occupied[_T]]:
        """
        Have a deployment of a model name, or of one of its fallbacks, answer with what lasts.

        @param ask: Asks a deployment. Cancelled when the caller leaves.
        @param able: Whether a deployment can be asked at all; one of the name's own can.
        @raise GatewayError: None gives an answer: the first model name's error.
        """

        async def ask_once(each: Deployment) -> Occupied[_T]:
            return await occupy(each, ask, self.states, self._clock)

        return await self._route(model, ask_once, able)

    async def _route(
        self,
        model: str,
        attempt: Attempt[_T],
        able: Callable[[Deployment], bool],
        wishes: Wishes = NO_WISHES,
    ) -> Found[_T]:
        deployments = self.catalogue.find(model)
        last_resort = not self._chain(model, Meaning.RETRY, wishes)
        try:
            return await self._try(filter(able, deployments), attempt, 0, last_resort, wishes)
        except _Failed as failed:
            first = failed
        retries = first.retries
        chain = [
            name
            for name in self._chain(model, first.meaning, wishes)
            if any(map(able, self.catalogue.find(name)))
        ]
        for number, name in enumerate(chain, 1):
            self._log.info("{model}: falling back to {name}", model=model, name=name)
            try:
                able_ones = filter(able, self.catalogue.find(name))
                is_last = number == len(chain)
                answer = await self._try(able_ones, attempt, number, is_last, wishes)
            except _Failed as failed:
                retries += failed.retries
            else:
                return evolve(answer, retries=answer.retries + retries)
        raise first.error

    def reachable(self, model: str, wishes: Wishes = NO_WISHES) -> Sequence[Deployment]:
        """
        All deployments that may answer a call of a model name, as its fallbacks too.

        @param wishes: How the caller wants it to be done.
        @raise GatewayError: 404: there is no such name.
        """
        if wishes.fallbacks is not None:
            return self._all_of(model, wishes)
        found = self._reachable.get(model)
        if found is None:
            found = self._reachable[model] = self._all_of(model, wishes)
        return found

    def _all_of(self, model: str, wishes: Wishes) -> list[Deployment]:
        names = {name for meaning in Meaning for name in self._chain(model, meaning, wishes)}
        return [each for name in (model, *names) for each in self.catalogue.find(name)]

    def _chain(self, model: str, meaning: Meaning, wishes: Wishes) -> list[str]:
        policy = self.policy
        if wishes.fallbacks is not None:
            policy = evolve(policy, fallbacks={model: wishes.fallbacks})
        chain = fallbacks_of(policy, model, meaning)
        return [name for name in chain if name in self.catalogue][: self.policy.max_fallbacks]

    async def _try(
        self,
        deployments: Iterable[Deployment],
        attempt: Attempt[_T],
        fallbacks: int,
        last_resort: bool,
        wishes: Wishes,
    ) -> Found[_T]:
        left = list(deployments)
        failures: Counter[str] = Counter()
        retries = -1
        last: _Failed | None = None
        while True:
            deployment = self._choose(left, failures)
            if deployment is None:
                raise last or self._none_available(left)
            retries += 1
            try:
                return Found(await attempt(deployment), deployment, retries, fallbacks)
            except GatewayError as error:
                failed = error
            meaning = self._failed(deployment, failed)
            last = _Failed(failed, meaning, retries)
            failures[deployment.id] += 1
            if meaning is Meaning.ELSEWHERE:
                left = [each for each in left if each.id != deployment.id]
                if not left:
                    raise last
            elif meaning is Meaning.RETRY and retries < self._retries(failed, deployment, wishes):
                seconds = self._wait(left, deployment, failures, last_resort)
                if seconds is None:
                    raise last
                await self._sleep(seconds)
            else:
                raise last

    def _retries(self, error: GatewayError, deployment: Deployment, wishes: Wishes) -> int:
        if wishes.num_retries is not None:
            return wishes.num_retries
        return self.policy.retries_after(
            kind_of(error), deployment.model_name, deployment.num_retries
        )

    def _choose(self, left: Sequence[Deployment], failures: Counter[str]) -> Deployment | None:
        available = self.states.available(left)
        if not available:
            return None
        if failures:
            least = min(failures[each.id] for each in available)
            available = [each for each in available if failures[each.id] == least]
        if len(available) > 1:
            first = min(each.order for each in available)
            available = [each for each in available if each.order == first]
        return choose(self.policy.strategy, available, self.states, self._random)

    def _wait(
        self,
        left: Sequence[Deployment],
        deployment: Deployment,
        failures: Counter[str],
        last_resort: bool,
    ) -> float | None:
        """Seconds until the next try; C{None}: there is none."""
        least = self.policy.retry_after
        count = failures[deployment.id]
        if any(failures[each.id] < count for each in self.states.available(left)):
            # Another deployment need not wait for the one that failed.
            return least
        asked = self.states.rest(left)
        if asked is None or asked > (LONGEST_PROMISE if last_resort else LONGEST_BACKOFF):
            return None
        return wait_before(count, asked, least, self._random)

    async def _sleep(self, seconds: float) -> None:
        if seconds:
            waited: Deferred[None] = Deferred(lambda _: timer.cancel())
            timer = self._clock.callLater(seconds, waited.callback, None)
            await waited

    # Failures.

    def _failed(self, deployment: Deployment, error: GatewayError) -> Meaning:
        """Keep a failure; what it means."""
        self._log.warn(
            "{model}: {provider}/{deployment}: {status} {message}",
            model=deployment.model_name,
            provider=deployment.provider,
            deployment=deployment.model,
            status=error.status,
            message=error.message,
        )
        meaning = meaning_of(error)
        if deployment.origin is None:
            # In this process nothing is lost on the way: that a queue is full is to be heard, and
            # what Claude Code has done is not to be done again.
            return Meaning.ELSEWHERE if meaning is Meaning.RETRY else meaning
        if error.code == MISFIT or (error.status == 404 and deployment.wildcard is not None):
            # It was the caller's schema, or name, of those that the wildcard matches.
            return meaning
        asked_to_wait = error.retry_after is not None
        if meaning in (Meaning.RETRY, Meaning.ELSEWHERE) and (
            asked_to_wait or self._has_alternative(deployment)
        ):
            lasting = meaning is Meaning.ELSEWHERE
            self.states.failed(
                deployment, self.policy, error.retry_after, kind=kind_of(error), lasting=lasting
            )
        return meaning

    def _has_alternative(self, deployment: Deployment) -> bool:
        """Whether calls are better sent elsewhere for a while."""
        name = deployment.model_name
        others = len(self.catalogue.find(name)) > 1
        return others or bool(fallbacks_of(self.policy, name, Meaning.RETRY))

    def _none_available(self, deployments: Sequence[Deployment]) -> _Failed:
        model = deployments[0].model_name
        error = GatewayError(
            429,
            f"No deployment of {model!r} can take a call now: they are cooling down, or at their"
            " limits.",
            code="no_deployment_available",
            retry_after=max(1, math.ceil(self.states.wait(deployments))),
        )
        return _Failed(error, Meaning.RETRY, 0)


def _answer(found: Found[tuple[Result, UsageReader]]) -> Answer:
    result, reader = found.answer
    return Answer(result, found.deployment, found.retries, found.fallbacks, reader)


def _any(deployment: Deployment) -> bool:
    return True
