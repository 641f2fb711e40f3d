"""Choosing one among the deployments that are available."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.routing.policy import Strategy
from twisted_aigate.gateway.routing.states import States

_Choose = Callable[[Sequence[Deployment], States, Random], Deployment]


def _shuffle(deployments: Sequence[Deployment], states: States, random: Random) -> Deployment:
    return random.choices(deployments, [each.weight for each in deployments])[0]


def _least(
    measure: Callable[[Deployment], Any], deployments: Sequence[Deployment], random: Random
) -> Deployment:
    measures = [measure(deployment) for deployment in deployments]
    least = min(measures)
    best = [each for each, value in zip(deployments, measures, strict=True) if value == least]
    return best[0] if len(best) == 1 else random.choice(best)


def _latency(deployments: Sequence[Deployment], states: States, random: Random) -> Deployment:
    def latency(deployment: Deployment) -> float:
        state = states.of(deployment)
        if state.latency is not None:
            return state.latency
        # One that has not answered yet gets to be known by one call; the others do not wait for it.
        return math.inf if state.in_flight else 0.0

    return _least(latency, deployments, random)


def _least_busy(deployments: Sequence[Deployment], states: States, random: Random) -> Deployment:
    return _least(lambda each: states.of(each).in_flight, deployments, random)


def _usage(deployments: Sequence[Deployment], states: States, random: Random) -> Deployment:
    def usage(deployment: Deployment) -> tuple[int, int]:
        state = states.of(deployment)
        # What calls in hand will take is not known yet: they count by their number.
        return state.tokens, state.requests

    return _least(usage, deployments, random)


_CHOICES: dict[Strategy, _Choose] = {
    Strategy.SHUFFLE: _shuffle,
    Strategy.LATENCY: _latency,
    Strategy.LEAST_BUSY: _least_busy,
    Strategy.USAGE: _usage,
}


def choose(
    strategy: Strategy, deployments: Sequence[Deployment], states: States, random: Random
) -> Deployment:
    """
    One of the deployments.

    @param deployments: Those that are available; at least one.
    """
    if len(deployments) == 1:
        return deployments[0]
    return _CHOICES[strategy](deployments, states, random)
