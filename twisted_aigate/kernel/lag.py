"""How late the reactor comes: what blocks it shows here."""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_aigate.kernel.figures import Family, Histogram
from twisted_aigate.kernel.units import SECOND

_EVERY = 1 * SECOND
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class ReactorLag:
    """
    Asks to be called each second, and counts by how much that is late.

    @param clock: The reactor.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._histogram = Histogram(_BOUNDS)
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Begin."""
        self._call = self._clock.callLater(_EVERY, self._look, self._clock.seconds() + _EVERY)

    def _look(self, due: float) -> None:
        self._histogram.observe(max(self._clock.seconds() - due, 0.0))
        self.start()

    def stop(self) -> None:
        """Ask no more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def family(self) -> Family:
        """What was counted."""
        return Family(
            "aigate_reactor_lag_seconds",
            "histogram",
            "How late the reactor is, looked at each second.",
            [((), self._histogram.distribution())],
        )
