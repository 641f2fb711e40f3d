"""The policy that a configuration file makes."""

from __future__ import annotations

from typing import Any

from attrs import fields

from twisted_aigate.gateway.config_file import ConfigFile
from twisted_aigate.gateway.routing.policy import STRATEGIES, Policy


def _chains(value: list[dict[str, list[str]]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(chain) for entry in value for name, chain in entry.items()}


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
    strategy = STRATEGIES.get(config.router_settings.routing_strategy or "")
    if strategy is not None:
        said["strategy"] = strategy
    return Policy(**said)
