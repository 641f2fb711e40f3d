"""A router over deployments that answer as a test says."""

from __future__ import annotations

from collections import defaultdict, deque
from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.calls import Result
from twisted_aigate.gateway.deployments import Catalogue, Deployment, Limits
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.routing.policy import Policy
from twisted_aigate.gateway.routing.router import Answer, Router
from twisted_aigate.http_client import Origin

Outcome = Result | Exception | Deferred[Result]

OK = Result(b'{"ok":true}')
_ORIGIN = Origin("http", "upstream.test", 80)


def failure(status: int, retry_after: int | None = None, code: str | None = None) -> GatewayError:
    """A provider's error."""
    return GatewayError(status, f"status {status}", code=code, retry_after=retry_after)


def too_long() -> GatewayError:
    """A prompt is too long."""
    return failure(400, code="context_length_exceeded")


def refused() -> GatewayError:
    """A prompt is against a policy."""
    return failure(400, code="content_policy_violation")


def deployment(name: str, model: str = "m", limits: Limits | None = None) -> Deployment:
    """A deployment of a model name."""
    return Deployment(model, "openai", name, _ORIGIN, limits=limits or Limits())


class RouterCase(SynchronousTestCase):
    """
    A router.

    @ivar script: What a deployment answers, call by call, by its model; then L{OK}.
    @ivar asked: The models that were asked, in order.
    @ivar times: When they were.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000 * 60)
        self.script: dict[str, deque[Outcome]] = defaultdict(deque)
        self.asked: list[str] = []
        self.times: list[float] = []

    def make(self, *deployments: Deployment, **policy: object) -> Router:
        """Have a router of these."""
        self.router = Router(
            Catalogue(deployments),
            Policy(**policy),
            self.clock,
            Random(5),  # type: ignore[arg-type]
        )
        return self.router

    async def ask(self, deployment: Deployment) -> Result:
        """Answer as the script says."""
        self.asked.append(deployment.model)
        self.times.append(self.clock.seconds())
        script = self.script[deployment.model]
        outcome = script.popleft() if script else OK
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, Deferred):
            return await outcome
        return outcome

    def route(self, model: str = "m") -> Deferred[Answer]:
        """Begin a call."""
        return Deferred.fromCoroutine(self.router.route(model, self.ask))

    def finish(self, call: Deferred[Answer]) -> None:
        """Let time pass until a call is over, or half an hour is."""
        for _ in range(18_000):
            if call.called:
                return
            self.clock.advance(0.1)

    def answer(self, model: str = "m") -> Answer:
        """What a call comes to."""
        call = self.route(model)
        self.finish(call)
        return self.successResultOf(call)

    def error(self, model: str = "m") -> GatewayError:
        """How a call fails."""
        call = self.route(model)
        self.finish(call)
        error = self.failureResultOf(call, GatewayError).value
        assert isinstance(error, GatewayError)
        return error

    def fails(self, name: str, *outcomes: Outcome, times: int = 1) -> None:
        """Have a deployment fail."""
        self.script[name].extend(outcomes * times)

    def in_flight(self) -> list[int]:
        """How many calls each deployment has in hand."""
        return [self.router.states.of(each).in_flight for each in self.router.catalogue]

    def assertIdle(self) -> None:
        """Nothing is left: no call in hand, no timer."""
        self.assertEqual(set(self.in_flight()), {0})
        self.assertEqual(self.clock.getDelayedCalls(), [])
