"""What is known of each deployment from the calls that it had: in memory, of this process."""

from __future__ import annotations

from collections import deque

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.routing.policy import Policy
from twisted_aigate.kernel.units import MINUTE

_LATENCIES = 10


@define(eq=False)
class State:
    """
    What is known of a deployment.

    @ivar in_flight: Calls that it has in hand.
    @ivar cooling_until: The time, on the clock, until which it is left alone.
    @ivar requests: Calls that it was given in the minute.
    @ivar tokens: Tokens that it has answered with in the minute.
    """

    in_flight: int = 0
    cooling_until: float = 0.0
    requests: int = 0
    tokens: int = 0
    _minute: int = -1
    _latencies: deque[float] = field(factory=lambda: deque(maxlen=_LATENCIES))
    _failures: deque[float] = field(factory=deque)

    @property
    def latency(self) -> float:
        """Seconds that its last answers took to begin, on average; 0 when there was none."""
        return sum(self._latencies) / len(self._latencies) if self._latencies else 0.0

    def turn_to(self, now: float) -> None:
        """Forget the usage of minutes that are over."""
        minute = int(now // MINUTE)
        if minute != self._minute:
            self._minute, self.requests, self.tokens = minute, 0, 0

    def answered(self, seconds: float) -> None:
        """Keep how long an answer took to begin."""
        self._latencies.append(seconds)

    def failed(self, now: float) -> int:
        """
        Keep a failure.

        @return: How many there were in the last minute.
        """
        self._failures.append(now)
        while self._failures and self._failures[0] <= now - MINUTE:
            self._failures.popleft()
        return len(self._failures)

    def cool(self, until: float) -> None:
        """Leave it alone until then."""
        self.cooling_until = max(self.cooling_until, until)
        self._failures.clear()


class States:
    """
    The states of all deployments.

    @param clock: Tells the time.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._states: dict[str, State] = {}

    def of(self, deployment: Deployment) -> State:
        """The state of a deployment, of this moment."""
        state = self._states.get(deployment.id)
        if state is None:
            state = self._states[deployment.id] = State()
        state.turn_to(self._clock.seconds())
        return state

    def keep(self, deployments: list[Deployment]) -> None:
        """Forget all others: the catalogue has changed."""
        ids = {deployment.id for deployment in deployments}
        self._states = {key: state for key, state in self._states.items() if key in ids}

    def is_available(self, deployment: Deployment) -> bool:
        """Whether it may be given a call now."""
        state = self.of(deployment)
        if state.cooling_until > self._clock.seconds():
            return False
        limits = deployment.limits
        return (
            (limits.rpm is None or state.requests < limits.rpm)
            and (limits.tpm is None or state.tokens < limits.tpm)
            and (limits.max_parallel is None or state.in_flight < limits.max_parallel)
        )

    def begin(self, deployment: Deployment) -> None:
        """It is given a call."""
        state = self.of(deployment)
        state.in_flight += 1
        state.requests += 1

    def end(self, deployment: Deployment) -> None:
        """It is done with a call."""
        self.of(deployment).in_flight -= 1

    def failed(
        self, deployment: Deployment, policy: Policy, retry_after: float | None, *, lasting: bool
    ) -> None:
        """
        It has failed at a call.

        @param retry_after: Seconds for which its provider wants to be left alone.
        @param lasting: It will fail again: it is left alone at the first time.
        """
        now = self._clock.seconds()
        state = self.of(deployment)
        many = state.failed(now) > policy.allowed_fails
        if policy.cooldown_time and (many or lasting or retry_after):
            state.cool(now + max(policy.cooldown_time, retry_after or 0.0))

    def wait(self, deployments: list[Deployment]) -> float:
        """Seconds until one of them may be available again."""
        now = self._clock.seconds()
        waits = []
        for deployment in deployments:
            cooling = self.of(deployment).cooling_until - now
            waits.append(cooling if cooling > 0 else MINUTE - now % MINUTE)
        return min(waits)
