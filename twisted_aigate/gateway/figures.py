"""The gateway's figures: models, and the deployments behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from twisted.internet.interfaces import IReactorTime

from twisted_aigate.gateway.accounting.tally import Tally
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.routing.router import Router
from twisted_aigate.gateway.routing.states import State
from twisted_aigate.kernel.figures import Family

_LABELS = ("model", "deployment")


class GatewayFigures:
    """
    A L{twisted_aigate.interfaces.FigureSource}.

    @param tally: What calls took.
    @param router: Knows the deployments.
    @param clock: Tells for how long they are left alone.
    """

    def __init__(self, tally: Tally, router: Router, clock: IReactorTime) -> None:
        self._tally = tally
        self._router = router
        self._clock = clock

    async def figures(self) -> Sequence[Family]:
        """See L{FigureSource}."""
        now = self._clock.seconds()
        # By an alias it is the same one.
        deployments = {each.id: each for each in reversed(list(self._router.catalogue))}
        states = [(each, self._router.states.of(each)) for each in deployments.values()]

        def family(
            name: str, help: str, figure: Callable[[State], float | None], *, grows: bool = False
        ) -> Family:
            samples = [
                (_named(deployment), value)
                for deployment, state in states
                if (value := figure(state)) is not None
            ]
            kind: Literal["counter", "gauge"] = "counter" if grows else "gauge"
            return Family(f"aigate_deployment_{name}", kind, help, samples, _LABELS)

        return (
            *self._tally.families(),
            family("calls", "Calls that it was given.", lambda state: state.calls, grows=True),
            family(
                "failures", "Calls that it failed at.", lambda state: state.failed_calls, grows=True
            ),
            family("in_flight", "Calls that it has in hand.", lambda state: state.in_flight),
            family(
                "cooldown_seconds",
                "For how long it is left alone yet; 0: it is asked.",
                lambda state: max(state.cooling_until - now, state.resting_until - now, 0.0),
            ),
            family(
                "latency_seconds",
                "How long its last answers took to begin, on average.",
                lambda state: state.latency,
            ),
        )


def _named(deployment: Deployment) -> tuple[str, str]:
    return deployment.model_name, deployment.id
