"""
How calls are routed: LiteLLM's C{router_settings} and the parts of C{litellm_settings} like them.

Source: https://docs.litellm.ai/docs/routing and https://docs.litellm.ai/docs/proxy/reliability
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from attrs import Factory, frozen


class Strategy(Enum):
    """How one is chosen among the deployments of a model name."""

    LATENCY = "latency-based-routing"
    SHUFFLE = "simple-shuffle"
    LEAST_BUSY = "least-busy"
    USAGE = "usage-based-routing"


STRATEGIES = {strategy.value: strategy for strategy in Strategy} | {
    "usage-based-routing-v2": Strategy.USAGE,
}
"""By the names that LiteLLM has for them."""


@frozen
class Policy:
    """
    The policy.

    @ivar strategy: How a deployment is chosen.
    @ivar num_retries: How often a call is tried again after its first failure.
    @ivar retry_after: The fewest seconds between two tries.
    @ivar allowed_fails: How many failures a minute a deployment may have before it is left alone.
    @ivar cooldown_time: Seconds for which it is then left alone; 0: never.
    @ivar fallbacks: Model name to those that are asked in its place when it fails.
    @ivar context_window_fallbacks: The same, for prompts that are too long for it.
    @ivar content_policy_fallbacks: The same, for what its provider's policy refuses.
    @ivar default_fallbacks: For model names that have no entry in C{fallbacks}.
    @ivar max_fallbacks: How many of them are asked at most.
    @ivar retries: C{num_retries} by the kind of the failure, as
        L{twisted_aigate.gateway.routing.failures.kind_of} has it, and C{Default}.
    @ivar group_retries: The same for a model name; they win.
    @ivar enable_json_schema_validation: Whether an answer fails that does not fit its schema.
    @ivar allowed: C{allowed_fails} by the kind of the failure.
    """

    strategy: Strategy = Strategy.LATENCY
    num_retries: int = 3
    retry_after: float = 0.0
    allowed_fails: int = 3
    cooldown_time: float = 5.0
    fallbacks: Mapping[str, tuple[str, ...]] = Factory(dict)
    context_window_fallbacks: Mapping[str, tuple[str, ...]] = Factory(dict)
    content_policy_fallbacks: Mapping[str, tuple[str, ...]] = Factory(dict)
    default_fallbacks: tuple[str, ...] = ()
    max_fallbacks: int = 5
    retries: Mapping[str, int] = Factory(dict)
    group_retries: Mapping[str, Mapping[str, int]] = Factory(dict)
    allowed: Mapping[str, int] = Factory(dict)
    enable_json_schema_validation: bool = False

    def retries_after(self, kind: str, model: str, own: int | None) -> int:
        """
        How often a call is tried again that has failed so.

        @param kind: The kind of its last failure.
        @param model: The model name.
        @param own: What the deployment that failed says of it.
        """
        for table in (self.group_retries.get(model, {}), self.retries):
            number = table.get(kind, table.get("Default"))
            if number is not None:
                return number
        return self.num_retries if own is None else own

    @property
    def names(self) -> set[str]:
        """The model names that stand in for others."""
        tables = (self.fallbacks, self.context_window_fallbacks, self.content_policy_fallbacks)
        named = {name for table in tables for chain in table.values() for name in chain}
        return named.union(self.default_fallbacks)
