"""
What a deployment's work costs: amounts of it, and a price for each kind.

Source of the names that a configuration may use:
https://docs.litellm.ai/docs/proxy/custom_pricing
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, evolve, fields, frozen

from twisted_aigate.gateway.accounting.money import to_nanos


@define
class Amounts:
    """
    How much of each kind of work a call was, or may become.

    @ivar prompt: Tokens that were read, without those of the next four.
    @ivar cache_read: Tokens read out of a cache.
    @ivar cache_write: Tokens put into one.
    @ivar cache_write_hour: Tokens put into one for an hour.
    @ivar prompt_audio: Tokens of sound that were read.
    @ivar completion: Tokens that were written, without the next.
    @ivar completion_audio: Tokens of sound that were written.
    @ivar seconds: Seconds of sound that were heard.
    @ivar characters: Characters that were spoken.
    @ivar images: Pictures that were made.
    @ivar requests: Calls; a reranker's searches.
    """

    prompt: float = 0
    cache_read: float = 0
    cache_write: float = 0
    cache_write_hour: float = 0
    prompt_audio: float = 0
    completion: float = 0
    completion_audio: float = 0
    seconds: float = 0
    characters: float = 0
    images: float = 0
    requests: float = 1

    @property
    def read(self) -> float:
        """All tokens that were read: by them it is known which tier of prices holds."""
        cached = self.cache_read + self.cache_write + self.cache_write_hour
        return self.prompt + cached + self.prompt_audio


_NOTHING = {attribute.name: 0.0 for attribute in fields(Amounts)}

# What LiteLLM's configuration calls the price of one of each.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "prompt": ("input_cost_per_token",),
    "cache_read": ("cache_read_input_token_cost",),
    "cache_write": ("cache_creation_input_token_cost",),
    "cache_write_hour": ("cache_creation_input_token_cost_above_1hr",),
    "prompt_audio": ("input_cost_per_audio_token",),
    "completion": ("output_cost_per_token",),
    "completion_audio": ("output_cost_per_audio_token",),
    "seconds": ("input_cost_per_second", "output_cost_per_second"),
    "characters": ("input_cost_per_character", "output_cost_per_character"),
    "images": ("output_cost_per_image", "input_cost_per_image"),
    "requests": ("input_cost_per_query", "input_cost_per_request"),
}
PRICE_NAMES = frozenset(name for names in _NAMES.values() for name in names)
"""All names of prices in a configuration."""

# Where one has no price of its own it has that of what it is a kind of.
_SAME_AS = {
    "cache_read": "prompt",
    "cache_write": "prompt",
    "cache_write_hour": "cache_write",
    "prompt_audio": "prompt",
    "completion_audio": "completion",
}


@frozen
class Tier:
    """
    Prices in dollars.

    @ivar above: The tokens read from which on they hold.
    @ivar prices: One of each kind's.
    """

    above: int
    prices: Amounts

    def cost(self, amounts: Amounts) -> float:
        """What that much work costs, in dollars."""
        # Written out: every call is counted so.
        prices = self.prices
        return (
            prices.prompt * amounts.prompt
            + prices.cache_read * amounts.cache_read
            + prices.cache_write * amounts.cache_write
            + prices.cache_write_hour * amounts.cache_write_hour
            + prices.prompt_audio * amounts.prompt_audio
            + prices.completion * amounts.completion
            + prices.completion_audio * amounts.completion_audio
            + prices.seconds * amounts.seconds
            + prices.characters * amounts.characters
            + prices.images * amounts.images
            + prices.requests * amounts.requests
        )


@frozen(eq=False)
class Tariff:
    """
    The prices of a deployment; those that cost the same have the same one, to be told apart fast.

    @ivar tiers: The lowest first; none: it is free, or nobody knows what it costs.
    """

    tiers: tuple[Tier, ...] = ()

    def cost(self, amounts: Amounts) -> int:
        """What that much work costs, in billionths of a dollar."""
        if not self.tiers:
            return 0
        tier, *higher = self.tiers
        for each in higher:
            if amounts.read > each.above:
                tier = each
        return to_nanos(tier.cost(amounts))

    @property
    def is_free(self) -> bool:
        """Whether nothing that it does costs anything."""
        return not self.tiers

    def worst(self, amounts: Amounts) -> int:
        """The most that this much work can cost, whatever of it the caches have or not."""
        read = amounts.prompt
        ways = (amounts, evolve(amounts, prompt=0, cache_write_hour=read))
        return max(map(self.cost, ways))


FREE = Tariff()


def tariff(tiers: Mapping[int, Mapping[str, float]]) -> Tariff:
    """
    A tariff.

    @param tiers: Tokens read to the prices that hold above them, by the names of L{Amounts}.
    """
    made = []
    for above in sorted(tiers):
        prices = dict(tiers[above])
        for kind, like in _SAME_AS.items():
            if like in prices:
                prices.setdefault(kind, prices[like])
        if any(prices.values()):
            made.append(Tier(above, Amounts(**{**_NOTHING, **prices})))
    return Tariff(tuple(made))


def configured_tariff(said: Mapping[str, Any]) -> Tariff | None:
    """
    The tariff that a configuration makes.

    @param said: Its keys of L{PRICE_NAMES}, and others; dollars.
    @return: C{None}: it says nothing of prices.
    """
    prices = {}
    for kind, names in _NAMES.items():
        for name in names:
            value = said.get(name)
            if isinstance(value, int | float) and value >= 0 and kind not in prices:
                prices[kind] = float(value)
    return tariff({0: prices}) if prices else None
