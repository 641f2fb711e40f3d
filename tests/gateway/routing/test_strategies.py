"""Which deployment is chosen."""

from __future__ import annotations

from collections import Counter
from random import Random

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.routing.policy import Strategy
from twisted_aigate.gateway.routing.states import States
from twisted_aigate.gateway.routing.strategies import choose

_A, _B, _C = (Deployment("m", "openai", name) for name in "abc")


class StrategyTests(SynchronousTestCase):
    """Each strategy."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.states = States(self.clock)
        self.random = Random(3)

    def chosen(
        self, strategy: Strategy, *deployments: Deployment, times: int = 1000
    ) -> Counter[str]:
        """How often each is chosen."""
        return Counter(
            choose(strategy, deployments or (_A, _B, _C), self.states, self.random).model
            for _ in range(times)
        )

    def answered(self, deployment: Deployment, seconds: float) -> None:
        """A deployment has answered."""
        self.states.of(deployment).answered(self.clock.seconds(), seconds)

    def test_one(self) -> None:
        """There is no choice."""
        for strategy in Strategy:
            self.assertEqual(self.chosen(strategy, _B, times=3), {"b": 3})

    def test_nothing_known(self) -> None:
        """All have their share."""
        for strategy in Strategy:
            shares = self.chosen(strategy)
            self.assertEqual(set(shares), {"a", "b", "c"})
            self.assertGreater(min(shares.values()), 250)

    def test_shuffle(self) -> None:
        """Shares by weight."""
        heavy = evolve(_A, weight=900.0)
        light = evolve(_B, weight=100.0)
        shares = self.chosen(Strategy.SHUFFLE, heavy, light, times=10_000)
        self.assertGreater(shares["a"], 8_800)
        self.assertGreater(shares["b"], 800)

    def test_latency(self) -> None:
        """The fastest; its equals by turns."""
        for deployment, seconds in ((_A, 3.0), (_B, 0.25), (_C, 1.0)):
            self.answered(deployment, seconds)
        self.assertEqual(self.chosen(Strategy.LATENCY), {"b": 1000})
        for _ in range(10):
            self.answered(_C, 0.25)  # the first is forgotten
        self.assertEqual(set(self.chosen(Strategy.LATENCY)), {"b", "c"})

    def test_latency_of_an_unknown_one(self) -> None:
        """It is tried by one call, and no more of them wait for it."""
        self.answered(_A, 2.0)
        self.answered(_B, 1.0)
        self.assertEqual(self.chosen(Strategy.LATENCY), {"c": 1000})
        self.states.begin(_C)
        self.assertEqual(self.chosen(Strategy.LATENCY), {"b": 1000})

    def test_latency_of_unknown_ones_alone(self) -> None:
        """Calls are spread over them."""
        for _ in range(3):
            self.states.begin(_A)
        self.assertEqual(set(self.chosen(Strategy.LATENCY)), {"b", "c"})
        self.states.begin(_B)
        self.states.begin(_C)
        self.assertEqual(set(self.chosen(Strategy.LATENCY)), {"a", "b", "c"})

    def test_least_busy(self) -> None:
        """The one with the fewest calls in hand."""
        held = [self.states.begin(each) for each in (_A, _A, _B, _C, _C)]
        self.assertEqual(self.chosen(Strategy.LEAST_BUSY), {"b": 1000})
        self.states.end(held[0])
        self.states.end(held[1])
        self.assertEqual(self.chosen(Strategy.LEAST_BUSY), {"a": 1000})

    def test_usage(self) -> None:
        """The one with the fewest tokens in the minute; among equals, the fewest calls."""
        for deployment, tokens in ((_A, 50), (_B, 10), (_B, 10), (_C, 30)):
            self.states.end(self.states.begin(deployment), tokens)
        self.assertEqual(self.chosen(Strategy.USAGE), {"b": 1000})
        self.states.end(self.states.begin(_B), 10)
        self.assertEqual(self.chosen(Strategy.USAGE), {"c": 1000})
        self.clock.advance(60)
        self.states.begin(_A)
        self.states.begin(_B)
        self.assertEqual(self.chosen(Strategy.USAGE), {"c": 1000})
