"""What is known of each deployment from the calls that it had: in memory, of this process."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from attrs import define, field
from msgspec import Struct
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.routing.policy import Policy
from twisted_aigate.kernel.units import HOUR, MINUTE, SECOND

_LATENCIES = 10
_LATENCIES_KEPT = HOUR
"""After which one that was slow is tried again."""

_LONGEST_REST = 5 * MINUTE
"""What a provider may ask for; some say a day."""

_A_MOMENT = 1 * SECOND
"""Until one of several calls may be over: nobody knows."""


@define(eq=False)
class State:
    """
    What is known of a deployment.

    @ivar in_flight: Calls that it has in hand.
    @ivar cooling_until: The time, on the clock, until which it is left alone for its failures.
    @ivar resting_until: The same, because its provider asks for it.
    @ivar requests: Calls that it was given in the minute.
    @ivar tokens: Tokens that it has answered with in the minute.
    @ivar calls: Calls that it was ever given.
    @ivar failed_calls: Calls that it has ever failed at.
    @ivar latency: Seconds that its last answers took to begin, on average; C{None}: there was none.
    """

    in_flight: int = 0
    cooling_until: float = 0.0
    resting_until: float = 0.0
    requests: int = 0
    tokens: int = 0
    calls: int = 0
    failed_calls: int = 0
    latency: float | None = None
    _minute_began: float = -math.inf
    _latencies: deque[float] = field(factory=lambda: deque(maxlen=_LATENCIES))
    _answered_at: float = 0.0
    _failures: deque[float] = field(factory=deque)

    def turn_to(self, now: float) -> None:
        """Forget what is over."""
        if 0 <= now - self._minute_began < MINUTE:
            return
        self._minute_began, self.requests, self.tokens = now // MINUTE * MINUTE, 0, 0
        if now - self._answered_at > _LATENCIES_KEPT:
            self._latencies.clear()
            self.latency = None

    def answered(self, now: float, seconds: float) -> None:
        """Keep how long an answer took to begin."""
        self._answered_at = now
        self._latencies.append(seconds)
        self.latency = sum(self._latencies) / len(self._latencies)

    def failed(self, now: float) -> int:
        """
        Keep a failure.

        @return: How many there were in the last minute.
        """
        self.failed_calls += 1
        self._failures.append(now)
        while self._failures[0] <= now - MINUTE:
            self._failures.popleft()
        return len(self._failures)

    def cool(self, until: float) -> None:
        """Leave it alone until then, and count anew after it."""
        self.cooling_until = max(self.cooling_until, until)
        self._failures.clear()

    def rest(self, until: float) -> None:
        """Leave it alone until then."""
        self.resting_until = max(self.resting_until, until)


class Standing(Struct, frozen=True):
    """
    How a deployment stands.

    @ivar requests: As in L{State}.
    @ivar latency: As in L{State}.
    @ivar left_alone: Seconds for which it is given no call.
    """

    id: str
    model_name: str
    in_flight: int
    requests: int
    tokens: int
    latency: float | None
    left_alone: int


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
        return self._at(deployment, self._clock.seconds())

    def _at(self, deployment: Deployment, now: float) -> State:
        state = self._states.get(deployment.id)
        if state is None:
            state = self._states[deployment.id] = State()
        state.turn_to(now)
        return state

    def keep(self, deployments: Iterable[Deployment]) -> None:
        """Forget all others: the catalogue has changed."""
        ids = {deployment.id for deployment in deployments}
        self._states = {key: state for key, state in self._states.items() if key in ids}

    def standing(self, deployment: Deployment) -> Standing:
        """How a deployment stands, for those who watch."""
        state, now = self.of(deployment), self._clock.seconds()
        return Standing(
            deployment.id,
            deployment.model_name,
            state.in_flight,
            state.requests,
            state.tokens,
            None if state.latency is None else round(state.latency, 3),
            math.ceil(max(state.cooling_until, state.resting_until, now) - now),
        )

    def begin(self, deployment: Deployment) -> State:
        """It is given a call; whoever gives it says when that is over, by L{end}."""
        state = self.of(deployment)
        state.in_flight += 1
        state.requests += 1
        state.calls += 1
        return state

    def spend(self, state: State, tokens: int) -> None:
        """
        It has answered with tokens.

        @param state: Its state when it was given the call: that of another catalogue may be
            another one.
        """
        state.turn_to(self._clock.seconds())
        state.tokens += tokens

    def end(self, state: State, tokens: int = 0) -> None:
        """
        It is done with a call.

        @param state: As for L{spend}.
        @param tokens: What the answer took, beside what was spent already.
        """
        self.spend(state, tokens)
        state.in_flight -= 1

    def failed(
        self,
        deployment: Deployment,
        policy: Policy,
        retry_after: float | None,
        *,
        kind: str,
        lasting: bool,
    ) -> None:
        """
        It has failed at a call.

        @param kind: The kind of the failure, for the policy.
        @param retry_after: Seconds for which its provider wants to be left alone.
        @param lasting: It will fail again: it is left alone at the first time, unless the policy
            says how many such failures there may be.
        """
        now = self._clock.seconds()
        state = self.of(deployment)
        allowed = policy.allowed.get(kind)
        if allowed is None:
            allowed = 0 if lasting else policy.allowed_fails
        if state.failed(now) > allowed and policy.cooldown_time:
            state.cool(now + policy.cooldown_time)
        if retry_after:
            state.rest(now + min(retry_after, _LONGEST_REST))

    def available(self, deployments: Iterable[Deployment]) -> list[Deployment]:
        """Those that may be given a call now."""
        now = self._clock.seconds()
        return [each for each in deployments if not self._wait(each, now)]

    def rest(self, deployments: Iterable[Deployment]) -> float | None:
        """
        Seconds until one of them may be given a call, as their providers ask.

        @return: C{None}: for other reasons none may.
        """
        now = self._clock.seconds()
        states = ((each, self._at(each, now)) for each in deployments)
        rests = [
            max(state.resting_until - now, 0.0)
            for each, state in states
            if state.cooling_until <= now and not _full(each, state, now)
        ]
        return min(rests, default=None)

    def wait(self, deployments: Iterable[Deployment]) -> float:
        """Seconds until one of them may be available again; 0: it is."""
        now = self._clock.seconds()
        return min(self._wait(each, now) for each in deployments)

    def _wait(self, deployment: Deployment, now: float) -> float:
        state = self._at(deployment, now)
        full = _full(deployment, state, now)
        if state.cooling_until <= now and state.resting_until <= now:
            return full
        return max(state.cooling_until - now, state.resting_until - now, full)


def _full(deployment: Deployment, state: State, now: float) -> float:
    """Seconds for which it is at its limits."""
    limits = deployment.limits
    if (limits.rpm is not None and state.requests >= limits.rpm) or (
        limits.tpm is not None and state.tokens >= limits.tpm
    ):
        return MINUTE - now % MINUTE
    if limits.max_parallel is not None and state.in_flight >= limits.max_parallel:
        return _A_MOMENT
    return 0.0
