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
from collections.abc import Sequence
from random import Random

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_aigate.gateway.accounting.reader import UsageReader
from twisted_aigate.gateway.calls import Result
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.routing.asking import Ask, attempt
from twisted_aigate.gateway.routing.backoff import LONGEST_BACKOFF, LONGEST_PROMISE, wait_before
from twisted_aigate.gateway.routing.failures import Meaning, meaning_of
from twisted_aigate.gateway.routing.fallbacks import fallbacks_of
from twisted_aigate.gateway.routing.policy import Policy
from twisted_aigate.gateway.routing.states import States
from twisted_aigate.gateway.routing.strategies import choose


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
        self._clock = clock
        self._random = random

    def replace(self, catalogue: Catalogue, policy: Policy) -> None:
        """Have other deployments and another policy from the next call on."""
        self.catalogue, self.policy = catalogue, policy
        self.states.keep(catalogue)

    async def route_to(self, deployment: Deployment, ask: Ask) -> Answer:
        """
        Have one deployment answer: tried again as any, but nobody takes its place.

        @param ask: Asks it. Cancelled when the caller leaves.
        @raise GatewayError: It gives no answer.
        """
        try:
            return await self._try([deployment], ask, 0, True)
        except _Failed as failed:
            raise failed.error from None

    async def route(self, model: str, ask: Ask) -> Answer:
        """
        Have a deployment of a model name, or of one of its fallbacks, answer.

        @param ask: Asks a deployment. Cancelled when the caller leaves.
        @raise GatewayError: None gives an answer: the first model name's error.
        """
        deployments = self.catalogue.find(model)
        last_resort = not self._chain(model, Meaning.RETRY)
        try:
            return await self._try(deployments, ask, 0, last_resort)
        except _Failed as failed:
            first = failed
        retries = first.retries
        chain = self._chain(model, first.meaning)
        for number, name in enumerate(chain, 1):
            self._log.info("{model}: falling back to {name}", model=model, name=name)
            try:
                deployments = self.catalogue.find(name)
                answer = await self._try(deployments, ask, number, number == len(chain))
            except _Failed as failed:
                retries += failed.retries
            else:
                return evolve(answer, retries=answer.retries + retries)
        raise first.error

    def reachable(self, model: str) -> list[Deployment]:
        """
        All deployments that may answer a call of a model name, as its fallbacks too.

        @raise GatewayError: 404: there is no such name.
        """
        names = {name for meaning in Meaning for name in self._chain(model, meaning)}
        return [each for name in (model, *names) for each in self.catalogue.find(name)]

    def _chain(self, model: str, meaning: Meaning) -> list[str]:
        chain = fallbacks_of(self.policy, model, meaning)
        return [name for name in chain if name in self.catalogue][: self.policy.max_fallbacks]

    async def _try(
        self, left: Sequence[Deployment], ask: Ask, fallbacks: int, last_resort: bool
    ) -> Answer:
        policy = self.policy
        failures: Counter[str] = Counter()
        retries = -1
        last: _Failed | None = None
        while True:
            deployment = self._choose(left, failures)
            if deployment is None:
                raise last or self._none_available(left)
            retries += 1
            try:
                reader = UsageReader()
                result = await attempt(deployment, ask, self.states, self._clock, reader)
                return Answer(result, deployment, retries, fallbacks, reader)
            except GatewayError as error:
                failed = error
            meaning = self._failed(deployment, failed)
            last = _Failed(failed, meaning, retries)
            failures[deployment.id] += 1
            if meaning is Meaning.ELSEWHERE:
                left = [each for each in left if each.id != deployment.id]
                if not left:
                    raise last
            elif meaning is Meaning.RETRY and retries < policy.num_retries:
                seconds = self._wait(left, deployment, failures, last_resort)
                if seconds is None:
                    raise last
                await self._sleep(seconds)
            else:
                raise last

    def _choose(self, left: Sequence[Deployment], failures: Counter[str]) -> Deployment | None:
        available = [each for each in left if self.states.is_available(each)]
        if not available:
            return None
        if failures:
            least = min(failures[each.id] for each in available)
            available = [each for each in available if failures[each.id] == least]
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
        if any(failures[each.id] < count and self.states.is_available(each) for each in left):
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
        asked_to_wait = error.retry_after is not None
        if meaning in (Meaning.RETRY, Meaning.ELSEWHERE) and (
            asked_to_wait or self._has_alternative(deployment)
        ):
            lasting = meaning is Meaning.ELSEWHERE
            self.states.failed(deployment, self.policy, error.retry_after, lasting=lasting)
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
