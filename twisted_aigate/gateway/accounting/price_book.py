"""
The prices of deployments: the configuration's own, or those of the C{genai-prices} library.

The library's data come with it; nothing is fetched. Source: https://github.com/pydantic/genai-prices
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import astuple, frozen
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.gateway.accounting.prices import FREE, Tariff, configured_tariff, tariff
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.kernel.units import HOUR

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot

LIBRARY_NAMES = {
    "anthropic": "anthropic",
    "azure": "azure",
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

_KINDS = {
    # Of models that make pictures it may be all that they write; the next wins.
    "output_image_mtok": ("completion", 1e6),
    "input_mtok": ("prompt", 1e6),
    "output_mtok": ("completion", 1e6),
    "cache_read_mtok": ("cache_read", 1e6),
    "cache_write_mtok": ("cache_write", 1e6),
    "cache_write_1h_mtok": ("cache_write_hour", 1e6),
    "input_audio_mtok": ("prompt_audio", 1e6),
    "output_audio_mtok": ("completion_audio", 1e6),
    "input_mchars": ("characters", 1e6),
    "audio_hours": ("seconds", HOUR),
    "input_audio_hours": ("seconds", HOUR),
    "requests_kcount": ("requests", 1e3),
}
"""The library's kinds of prices to ours, and how many of one make the price."""


_MOST_KNOWN = 4096
"""Deployments whose prices are kept: of a model name with a C{*} there is no end of them."""


def load_library() -> DataSnapshot:
    """The library's prices; the first time, this takes a third of a second."""
    from genai_prices.data_snapshot import get_snapshot

    return get_snapshot()


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
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._known: dict[tuple[str, str], _Known] = {}
        self._tariffs: dict[object, Tariff] = {}

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
        name = LIBRARY_NAMES.get(deployment.provider)
        if name is None:
            return FREE
        now = datetime.fromtimestamp(self._clock.seconds(), UTC)
        return _library_tariff(load_library(), name, deployment.model, now)


def _library_tariff(library: DataSnapshot, provider: str, model: str, now: datetime) -> Tariff:
    try:
        _, found = library.find_provider_model(model, None, provider, None)
        said: dict[str, Any] = vars(found.get_prices(now))
    except LookupError:
        return FREE
    prices: dict[int, dict[str, float]] = {}
    steps = {tier.start for price in said.values() for tier in getattr(price, "tiers", ())}
    for start in sorted({0, *steps}):
        prices[start] = {
            kind: float(_at(said[name], start)) / many
            for name, (kind, many) in _KINDS.items()
            if said.get(name) is not None
        }
    return tariff(prices)


def _at(price: Any, start: int) -> Any:
    """A price at a number of tokens read; above it, for those that have tiers."""
    value = getattr(price, "base", price)
    for tier in getattr(price, "tiers", ()):
        if start >= tier.start:
            value = tier.price
    return value
