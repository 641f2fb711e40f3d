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
from twisted_aigate.gateway.config_keys import unknown_keys
from twisted_aigate.gateway.routing.policy import STRATEGIES
from twisted_aigate.kernel.settings import ConfigError

NonNegative = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]
Dollars = Annotated[float, Meta(ge=0)]


class RequestDefaults(msgspec.Struct, kw_only=True):
    """Fields of requests, for those that do not have them; what they may be is the provider's."""

    temperature: Any = None
    top_p: Any = None
    top_k: Any = None
    max_tokens: Any = None
    max_completion_tokens: Any = None
    n: Any = None
    stop: Any = None
    seed: Any = None
    presence_penalty: Any = None
    frequency_penalty: Any = None
    logit_bias: Any = None
    logprobs: Any = None
    top_logprobs: Any = None
    response_format: Any = None
    tools: Any = None
    tool_choice: Any = None
    parallel_tool_calls: Any = None
    reasoning_effort: Any = None
    thinking: Any = None
    verbosity: Any = None
    service_tier: Any = None
    user: Any = None
    dimensions: Any = None
    encoding_format: Any = None
    input_type: Any = None
    voice: Any = None
    extra_body: dict[str, Any] = {}


class LiteLLMParams(RequestDefaults):
    """C{litellm_params} of an entry."""

    model: str
    custom_llm_provider: str | None = None
    litellm_credential_name: str | None = None
    order: int | None = None
    num_retries: NonNegative | None = None
    max_retries: NonNegative | None = None
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


class FallbackTarget(msgspec.Struct):
    """A model that is asked in place of another, in its long form."""

    model: str


FallbackChains = list[dict[str, list[str | FallbackTarget]]]


class Reliability(msgspec.Struct):
    """What C{litellm_settings} and C{router_settings} may both say; the router's own wins."""

    num_retries: NonNegative | None = None
    allowed_fails: NonNegative | None = None
    cooldown_time: Seconds | None = None
    retry_after: Seconds | None = None
    fallbacks: FallbackChains | None = None
    context_window_fallbacks: FallbackChains | None = None
    content_policy_fallbacks: FallbackChains | None = None
    default_fallbacks: list[str] | None = None
    max_fallbacks: NonNegative | None = None


class LiteLLMSettings(Reliability):
    """C{litellm_settings}."""

    request_timeout: float | None = None
    drop_params: bool | None = None
    cache: bool | None = None
    cache_params: CacheParams = msgspec.field(default_factory=CacheParams)
    enable_json_schema_validation: bool | None = None


class AliasTarget(msgspec.Struct):
    """What an alias of C{model_group_alias} stands for, in its long form."""

    model: str
    hidden: bool = False


class RetryPolicy(msgspec.Struct):
    """C{retry_policy}: how often a call is tried again, by its failure."""

    TimeoutErrorRetries: NonNegative | None = None
    RateLimitErrorRetries: NonNegative | None = None
    InternalServerErrorRetries: NonNegative | None = None
    ServiceUnavailableErrorRetries: NonNegative | None = None
    DefaultRetries: NonNegative | None = None


class AllowedFailsPolicy(msgspec.Struct):
    """C{allowed_fails_policy}: C{allowed_fails} by the failure."""

    AuthenticationErrorAllowedFails: NonNegative | None = None
    NotFoundErrorAllowedFails: NonNegative | None = None
    TimeoutErrorAllowedFails: NonNegative | None = None
    RateLimitErrorAllowedFails: NonNegative | None = None
    InternalServerErrorAllowedFails: NonNegative | None = None
    BadGatewayErrorAllowedFails: NonNegative | None = None
    ServiceUnavailableErrorAllowedFails: NonNegative | None = None


class RouterSettings(Reliability):
    """C{router_settings}."""

    routing_strategy: str | None = None
    model_group_alias: dict[str, str | AliasTarget] = {}
    timeout: float | None = None
    stream_timeout: float | None = None
    default_max_parallel_requests: int | None = None
    disable_cooldowns: bool | None = None
    retry_policy: RetryPolicy | None = None
    model_group_retry_policy: dict[str, RetryPolicy] | None = None
    allowed_fails_policy: AllowedFailsPolicy | None = None


class GeneralSettings(msgspec.Struct):
    """C{general_settings}: what L{twisted_aigate.kernel.settings} takes of them."""

    master_key: Any = None
    database_url: Any = None


class Credential(msgspec.Struct):
    """An entry of C{credential_list}: values of C{litellm_params} that several entries share."""

    credential_name: str
    credential_values: dict[str, str] = {}
    credential_info: dict[str, Any] = {}


class ConfigFile(msgspec.Struct):
    """The file."""

    model_list: list[ModelEntry] = []
    litellm_settings: LiteLLMSettings = msgspec.field(default_factory=LiteLLMSettings)
    router_settings: RouterSettings = msgspec.field(default_factory=RouterSettings)
    general_settings: GeneralSettings = msgspec.field(default_factory=GeneralSettings)
    credential_list: list[Credential] = []


SECTIONS = ConfigFile.__struct_fields__
"""The sections of the file that are the gateway's."""


def _without_nulls(value: Any) -> Any:
    """A key without a value says nothing."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value


def _unsupported(data: dict[str, Any], config: ConfigFile) -> list[str]:
    found = unknown_keys(data, ConfigFile)
    cache = config.litellm_settings.cache_params
    found += [f"litellm_settings.cache_params.{each}" for each in cache.unsupported]
    router = data.get("router_settings")
    strategy = router.get("routing_strategy") if isinstance(router, dict) else None
    if strategy is not None and strategy not in STRATEGIES:
        found.append(f"router_settings.routing_strategy: {strategy}")
    return sorted(found)


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
