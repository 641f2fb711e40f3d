"""The prices of deployments: the configuration's own, or those of the C{genai-prices} library."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from attrs import astuple, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_aigate.gateway.accounting.price_table import PriceTable
from twisted_aigate.gateway.accounting.prices import FREE, Tariff, configured_tariff
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.kernel.latch import Latch
from twisted_aigate.kernel.units import HOUR

LIBRARY_NAMES = {
    "anthropic": "anthropic",
    "azure": "azure",
    "azure_ai": "azure",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "fireworks_ai": "fireworks",
    "gemini": "google",
    "groq": "groq",
    "mistral": "mistral",
    "openai": "openai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "together_ai": "together",
    "xai": "x-ai",
}
"""Our providers to the library's; those that are not here cost nothing that it knows."""
_MOST_KNOWN = 4096
"""Deployments whose prices are kept: of a model name with a C{*} there is no end of them."""


def needs_library(deployment: Deployment) -> bool:
    """Whether what a deployment costs is for the library to say."""
    return deployment.provider in LIBRARY_NAMES and configured_tariff(deployment.info) is None


@frozen
class _Known:
    deployment: Deployment
    hour: int
    tariff: Tariff


class PriceBook:
    """
    Knows prices.

    @param clock: Keeps Unix time: prices hold from a day, or at hours of it.
    @param load: Loads the library's; called when they are first needed.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, load: Callable[[], Awaitable[PriceTable]]) -> None:
        self._clock = clock
        self._load = load
        self._loading: Latch[None] | None = None
        self._table: PriceTable | None = None
        self._known: dict[tuple[str, str], _Known] = {}
        self._tariffs: dict[object, Tariff] = {}

    async def prepare(self, deployments: Callable[[], Iterable[Deployment]]) -> None:
        """
        Have all prices of deployments at hand: to be awaited before L{of} is called.

        @raise Exception: The library's cannot be loaded.
        """
        if self._table is None and any(map(needs_library, deployments())):
            await self._have_table()

    async def _have_table(self) -> None:
        while self._table is None:
            if self._loading is not None:
                # Whoever loads it may leave, or fail.
                await self._loading.wait()
                continue
            loading = self._loading = Latch()
            try:
                self._table = await self._load()
            finally:
                self._loading = None
                loading.open(None)

    def of(self, deployment: Deployment) -> Tariff:
        """What a deployment's work costs now."""
        hour = int(self._clock.seconds() // HOUR)
        which = (deployment.model_name, deployment.id)
        known = self._known.get(which)
        if known is None or known.hour != hour or known.deployment is not deployment:
            # The configuration may have other prices for it by now.
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[which] = _Known(
                deployment, hour, self._the_one(self._find(deployment))
            )
        return known.tariff

    def _the_one(self, tariff: Tariff) -> Tariff:
        what = tuple((tier.above, astuple(tier.prices)) for tier in tariff.tiers)
        return self._tariffs.setdefault(what, tariff)

    def _find(self, deployment: Deployment) -> Tariff:
        own = configured_tariff(deployment.info)
        if own is not None:
            return own
        vendor = LIBRARY_NAMES.get(deployment.provider)
        if vendor is None:
            return FREE
        if self._table is None:
            # It has come with a reload while the call was under way.
            self._log.warn("{model}: its price is not known yet", model=deployment.model)
            return FREE
        return self._table.tariff(vendor, deployment.model, self._clock.seconds())
