"""
A call's way through deployments: chosen, tried again, fallen back from.

::

    for each model name: the one asked for, then its fallbacks
        for each try: 1 + num_retries
            choose among the deployments that are available
            ask it; a stream counts as answered when its first bytes are there
            it fails: what the failure means says whether to try again, ask
            another deployment, another model, or nobody
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from random import Random

from attrs import evolve, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.iweb import IBodyProducer

from twisted_aigate.gateway.calls import Result
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.routing.backoff import wait_before
from twisted_aigate.gateway.routing.failures import Meaning, meaning_of
from twisted_aigate.gateway.routing.fallbacks import fallbacks_of
from twisted_aigate.gateway.routing.held import HeldBody, first_error, whole_body
from twisted_aigate.gateway.routing.policy import Policy
from twisted_aigate.gateway.routing.states import States
from twisted_aigate.gateway.routing.strategies import choose

Ask = Callable[[Deployment], Awaitable[Result]]


@frozen
class Answer:
    """
    What came of a call.

    @ivar result: The result.
    @ivar deployment: Which deployment it is of.
    @ivar retries: How often the call was tried again.
    @ivar fallbacks: How many model names were asked before this one.
    """

    result: Result
    deployment: Deployment
    retries: int
    fallbacks: int


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
        self.states.keep(list(catalogue))

    async def route(self, model: str, ask: Ask) -> Answer:
        """
        Have a deployment of a model name, or of one of its fallbacks, answer.

        @param ask: Asks a deployment. Cancelled when the caller leaves.
        @raise GatewayError: None gives an answer: the first model name's error.
        """
        self.catalogue.find(model)
        try:
            return await self._try_model(model, ask, 0)
        except _Failed as failed:
            first = failed
        retries = first.retries
        chain = fallbacks_of(self.policy, model, first.meaning)[: self.policy.max_fallbacks]
        for number, name in enumerate(chain, 1):
            if name not in self.catalogue:
                continue
            self._log.info("{model}: falling back to {name}", model=model, name=name)
            try:
                answer = await self._try_model(name, ask, number)
            except _Failed as failed:
                retries += failed.retries
            else:
                return evolve(answer, retries=answer.retries + retries)
        raise first.error

    async def _try_model(self, model: str, ask: Ask, fallbacks: int) -> Answer:
        deployments = self.catalogue.find(model)
        policy = self.policy
        refused: set[str] = set()
        retries = 0
        while True:
            left = [each for each in deployments if each.id not in refused]
            available = [each for each in left if self.states.is_available(each)]
            if not available:
                raise self._none_available(model, left or deployments, retries)
            deployment = choose(policy.strategy, available, self.states, self._random)
            try:
                return Answer(await self._ask(deployment, ask), deployment, retries, fallbacks)
            except GatewayError as error:
                failed = error
            meaning = meaning_of(failed)
            self._failed(deployment, failed, meaning)
            if meaning is Meaning.ELSEWHERE:
                refused.add(deployment.id)
                if len(refused) == len(deployments):
                    raise _Failed(failed, meaning, retries) from None
                retries += 1
                continue
            if meaning is not Meaning.RETRY or retries >= policy.num_retries:
                raise _Failed(failed, meaning, retries) from None
            retries += 1
            await self._pause(deployments, failed, retries, meaning)

    async def _pause(
        self, deployments: list[Deployment], failed: GatewayError, retries: int, meaning: Meaning
    ) -> None:
        # Another deployment that is ready need not wait for the one that failed.
        ready = any(map(self.states.is_available, deployments))
        if len(deployments) > 1 and ready and not self.policy.retry_after:
            return
        seconds = wait_before(retries, failed.retry_after, self.policy.retry_after, self._random)
        if seconds is None:
            raise _Failed(failed, meaning, retries - 1) from None
        waited: Deferred[None] = Deferred(lambda _: timer.cancel())
        timer = self._clock.callLater(seconds, waited.callback, None)
        await waited

    async def _ask(self, deployment: Deployment, ask: Ask) -> Result:
        states = self.states
        states.begin(deployment)
        began = self._clock.seconds()
        try:
            result = await ask(deployment)
            if not isinstance(result.body, bytes):
                result = evolve(result, body=await self._begun(result, result.body, deployment))
        except BaseException:
            states.end(deployment)
            raise
        states.of(deployment).answered(self._clock.seconds() - began)
        if isinstance(result.body, bytes):
            states.end(deployment)
        return result

    async def _begun(
        self, result: Result, body: IBodyProducer, deployment: Deployment
    ) -> bytes | IBodyProducer:
        try:
            if result.is_json:
                return await whole_body(body)
            held = HeldBody(body)
            await held.begin()
        except CancelledError:
            raise
        except Exception as error:
            raise result.described(error) from None
        failed = first_error(held.first)
        if failed is not None:
            held.stopProducing()
            raise failed
        held.over = lambda: self.states.end(deployment)
        return held

    # Failures.

    def _failed(self, deployment: Deployment, error: GatewayError, meaning: Meaning) -> None:
        self._log.warn(
            "{model}: {provider}/{deployment}: {status} {message}",
            model=deployment.model_name,
            provider=deployment.provider,
            deployment=deployment.model,
            status=error.status,
            message=error.message,
        )
        if meaning in (Meaning.RETRY, Meaning.ELSEWHERE):
            lasting = meaning is Meaning.ELSEWHERE
            self.states.failed(deployment, self.policy, error.retry_after, lasting=lasting)

    def _none_available(self, model: str, deployments: list[Deployment], retries: int) -> _Failed:
        seconds = math.ceil(self.states.wait(deployments))
        error = GatewayError(
            429,
            f"No deployment of {model!r} can take a call now: they are cooling down, or at their"
            " limits.",
            code="no_deployment_available",
            retry_after=max(1, seconds),
        )
        return _Failed(error, Meaning.RETRY, retries)
