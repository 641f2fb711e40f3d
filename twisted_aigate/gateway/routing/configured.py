"""The policy that a configuration file makes."""

from __future__ import annotations

from typing import Any

import msgspec
from attrs import fields

from twisted_aigate.gateway.config_file import ConfigFile, FallbackChains
from twisted_aigate.gateway.routing.policy import STRATEGIES, Policy


def _chains(value: FallbackChains) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(each if isinstance(each, str) else each.model for each in chain)
        for entry in value
        for name, chain in entry.items()
    }


def _by_failure(policy: msgspec.Struct, ending: str) -> dict[str, int]:
    return {
        name.removesuffix(ending): value
        for name, value in msgspec.structs.asdict(policy).items()
        if value is not None
    }


def configured_policy(config: ConfigFile) -> Policy:
    """
    How calls are routed.

    C{router_settings} wins over C{litellm_settings}; what neither says has L{Policy}'s default.
    """
    said: dict[str, Any] = {}
    for attribute in fields(Policy):
        for section in (config.router_settings, config.litellm_settings):
            value = getattr(section, attribute.name, None)
            if value is not None:
                said[attribute.name] = value
                break
    for name in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks"):
        if name in said:
            said[name] = _chains(said[name])
    if "default_fallbacks" in said:
        said["default_fallbacks"] = tuple(said["default_fallbacks"])
    router = config.router_settings
    if router.retry_policy is not None:
        said["retries"] = _by_failure(router.retry_policy, "Retries")
    said["group_retries"] = {
        name: _by_failure(each, "Retries")
        for name, each in (router.model_group_retry_policy or {}).items()
    }
    if router.allowed_fails_policy is not None:
        said["allowed"] = _by_failure(router.allowed_fails_policy, "AllowedFails")
    if router.disable_cooldowns:
        said["cooldown_time"] = 0.0
    strategy = STRATEGIES.get(router.routing_strategy or "")
    if strategy is not None:
        said["strategy"] = strategy
    return Policy(**said)
