"""What is told of deployments."""

from __future__ import annotations

from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.accounting.tally import Tally
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.figures import GatewayFigures
from twisted_aigate.gateway.routing.policy import Policy
from twisted_aigate.gateway.routing.router import Router


class DeploymentFiguresTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.one = Deployment("m", "openai", "x", info={"id": "one"})
        two = Deployment("m", "openai", "y", info={"id": "two"})
        self.policy = Policy(allowed_fails=0, cooldown_time=30)
        catalogue = Catalogue([self.one, two], {"alias": "m"})
        self.router = Router(catalogue, self.policy, self.clock, Random(1))
        self.figures = GatewayFigures(Tally(), self.router, self.clock)

    def of(self, name: str) -> dict[str, object]:
        """A figure, by deployment."""
        families = self.successResultOf(Deferred.fromCoroutine(self.figures.figures()))
        [family] = [each for each in families if each.name == f"aigate_deployment_{name}"]
        self.assertEqual({labels[0] for labels, _ in family.samples} - {"m"}, set())
        return {labels[1]: value for labels, value in family.samples}

    def test_each_is_there_once_whatever_it_is_called(self) -> None:
        for name in ("calls", "failures", "in_flight", "cooldown_seconds"):
            self.assertEqual(self.of(name), {"one": 0, "two": 0})
        self.assertEqual(self.of("latency_seconds"), {})

    def test_what_it_does_is_told(self) -> None:
        states = self.router.states
        state = states.begin(self.one)
        states.begin(self.one)
        state.answered(self.clock.seconds(), 0.5)
        states.end(state)
        self.assertEqual((self.of("calls")["one"], self.of("in_flight")["one"]), (2, 1))
        self.assertEqual(self.of("latency_seconds"), {"one": 0.5})

    def test_one_that_fails_is_left_alone(self) -> None:
        self.router.states.failed(self.one, self.policy, None, kind="RateLimitError", lasting=False)
        self.clock.advance(10)
        self.assertEqual(self.of("cooldown_seconds"), {"one": 20.0, "two": 0.0})
        self.assertEqual(self.of("failures"), {"one": 1, "two": 0})
        self.clock.advance(30)
        self.assertEqual(self.of("cooldown_seconds")["one"], 0.0)
