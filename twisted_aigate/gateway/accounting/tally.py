"""What calls took and cost since the start, by model name: in memory, for who watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import define

from twisted_aigate.gateway.accounting.money import to_dollars
from twisted_aigate.gateway.accounting.records import Spent
from twisted_aigate.interfaces import UsageListener
from twisted_aigate.kernel.figures import Family

_MODEL = ("model",)
_MOST = 1000
_OTHERS = "other models"
"""Those beyond the most, summed up: of a model name with a C{*} there is no end of them."""


@define
class _Sums:
    calls: int = 0
    prompt: int = 0
    completion: int = 0
    cached: int = 0
    cost: int = 0
    hits: int = 0


class Tally:
    """
    Sums up calls that were answered.

    @ivar listener: Told of each of them; C{None}: nobody is.
    """

    def __init__(self) -> None:
        self.listener: UsageListener | None = None
        self._sums: dict[str, _Sums] = {}

    def add(self, spent: Spent) -> None:
        """A call is over. It was answered, so that its model is one that there is."""
        name = spent.model_group
        if name not in self._sums and len(self._sums) >= _MOST:
            name = _OTHERS
        sums = self._sums.setdefault(name, _Sums())
        sums.calls += 1
        sums.prompt += spent.prompt_tokens
        sums.completion += spent.completion_tokens
        sums.cached += spent.cached_tokens
        sums.cost += spent.spend
        sums.hits += spent.cache_hit
        if self.listener is not None:
            self.listener(spent.prompt_tokens + spent.completion_tokens, to_dollars(spent.spend))

    def families(self) -> Iterator[Family]:
        """The sums."""
        yield self._family("calls", "Calls that were answered.", lambda sums: sums.calls)
        yield Family(
            "aigate_model_tokens",
            "counter",
            "Tokens that calls took; cached ones are among those of prompts.",
            [
                ((model, kind), count)
                for model, sums in self._sums.items()
                for kind, count in (
                    ("prompt", sums.prompt),
                    ("completion", sums.completion),
                    ("cached", sums.cached),
                )
            ],
            ("model", "kind"),
        )
        yield self._family("cost_dollars", "What calls cost.", lambda sums: to_dollars(sums.cost))
        yield self._family("cache_hits", "Calls that the cache answered.", lambda sums: sums.hits)

    def _family(self, name: str, help: str, figure: Callable[[_Sums], float]) -> Family:
        samples = [((model,), figure(sums)) for model, sums in self._sums.items()]
        return Family(f"aigate_model_{name}", "counter", help, samples, _MODEL)
