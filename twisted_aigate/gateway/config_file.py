"""
LiteLLM's C{config.yaml}: the part of its schema that makes deployments.

Source: https://docs.litellm.ai/docs/proxy/configs. What is written there and not supported here
is named once a key, and never silently dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from twisted_aigate.gateway.cache.plan import CacheParams
from twisted_aigate.gateway.routing.policy import STRATEGIES
from twisted_aigate.kernel.settings import ConfigError

NonNegative = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]
Dollars = Annotated[float, Meta(ge=0)]


class LiteLLMParams(msgspec.Struct):
    """C{litellm_params} of an entry."""

    model: str
    api_base: str | None = None
    base_url: str | None = None
    api_key: str | None = None
    timeout: float | None = None
    request_timeout: float | None = None
    stream_timeout: float | None = None
    weight: float | None = None
    rpm: int | None = None
    tpm: int | None = None
    max_parallel_requests: int | None = None
    extra_headers: dict[str, str] = {}
    mock_response: str | None = None
    organization: str | None = None
    drop_params: bool | None = None
    additional_drop_params: list[str] = []
    api_version: str | None = None
    input_cost_per_token: Dollars | None = None
    output_cost_per_token: Dollars | None = None
    cache_read_input_token_cost: Dollars | None = None
    cache_creation_input_token_cost: Dollars | None = None
    cache_creation_input_token_cost_above_1hr: Dollars | None = None
    input_cost_per_audio_token: Dollars | None = None
    output_cost_per_audio_token: Dollars | None = None
    input_cost_per_second: Dollars | None = None
    output_cost_per_second: Dollars | None = None
    input_cost_per_character: Dollars | None = None
    output_cost_per_character: Dollars | None = None
    input_cost_per_image: Dollars | None = None
    output_cost_per_image: Dollars | None = None
    input_cost_per_query: Dollars | None = None
    input_cost_per_request: Dollars | None = None


class ModelEntry(msgspec.Struct):
    """An entry of C{model_list}."""

    model_name: str
    litellm_params: LiteLLMParams
    model_info: dict[str, Any] = {}


class Reliability(msgspec.Struct):
    """What C{litellm_settings} and C{router_settings} may both say; the router's own wins."""

    num_retries: NonNegative | None = None
    allowed_fails: NonNegative | None = None
    cooldown_time: Seconds | None = None
    retry_after: Seconds | None = None
    fallbacks: list[dict[str, list[str]]] | None = None
    context_window_fallbacks: list[dict[str, list[str]]] | None = None
    content_policy_fallbacks: list[dict[str, list[str]]] | None = None
    default_fallbacks: list[str] | None = None
    max_fallbacks: NonNegative | None = None


class LiteLLMSettings(Reliability):
    """C{litellm_settings}."""

    request_timeout: float | None = None
    drop_params: bool | None = None
    cache: bool | None = None
    cache_params: CacheParams = msgspec.field(default_factory=CacheParams)


class AliasTarget(msgspec.Struct):
    """What an alias of C{model_group_alias} stands for, in its long form."""

    model: str


class RouterSettings(Reliability):
    """C{router_settings}."""

    routing_strategy: str | None = None
    model_group_alias: dict[str, str | AliasTarget] = {}
    timeout: float | None = None
    stream_timeout: float | None = None


class ConfigFile(msgspec.Struct):
    """The file."""

    model_list: list[ModelEntry] = []
    litellm_settings: LiteLLMSettings = msgspec.field(default_factory=LiteLLMSettings)
    router_settings: RouterSettings = msgspec.field(default_factory=RouterSettings)


SECTIONS = ConfigFile.__struct_fields__
"""The sections of the file that are the gateway's."""


def _unknown(value: Any, model: type[msgspec.Struct], where: str) -> list[str]:
    known = set(model.__struct_fields__)
    return [f"{where}{key}" for key in value if key not in known] if isinstance(value, dict) else []


def _without_nulls(value: Any) -> Any:
    """A key without a value says nothing."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value


def _unsupported(data: dict[str, Any], config: ConfigFile) -> list[str]:
    settings = data.get("litellm_settings")
    found = _unknown(settings, LiteLLMSettings, "litellm_settings.")
    cache = "litellm_settings.cache_params."
    if isinstance(settings, dict):
        found += _unknown(settings.get("cache_params"), CacheParams, cache)
    found += [cache + each for each in config.litellm_settings.cache_params.unsupported]
    found += _unknown(data.get("router_settings"), RouterSettings, "router_settings.")
    router = data.get("router_settings")
    aliases = router.get("model_group_alias") if isinstance(router, dict) else None
    for target in aliases.values() if isinstance(aliases, dict) else ():
        found += _unknown(target, AliasTarget, "router_settings.model_group_alias.")
    strategy = router.get("routing_strategy") if isinstance(router, dict) else None
    if strategy is not None and strategy not in STRATEGIES:
        found.append(f"router_settings.routing_strategy: {strategy}")
    entries = data.get("model_list")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            found += _unknown(entry, ModelEntry, "model_list.")
            params = entry.get("litellm_params")
            found += _unknown(params, LiteLLMParams, "model_list.litellm_params.")
    return sorted(set(found))


def parse_sections(file: Mapping[str, Any]) -> tuple[ConfigFile, list[str]]:
    """
    Take the gateway's sections out of the configuration file.

    @return: The sections, and the keys in them that are not supported.
    @raise ConfigError: They are not of LiteLLM's shape.
    """
    ours = _without_nulls({name: file[name] for name in SECTIONS if name in file})
    try:
        config = msgspec.convert(ours, ConfigFile, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(str(error)) from None
    return config, _unsupported(ours, config)
