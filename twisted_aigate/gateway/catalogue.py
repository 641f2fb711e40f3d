"""Making the catalogue: the configuration's deployments, the shipped and the embedded models."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from attrs import evolve

from twisted_aigate.gateway.accounting.prices import PRICE_NAMES
from twisted_aigate.gateway.config_entry import request_defaults, with_credential
from twisted_aigate.gateway.config_file import (
    AliasTarget,
    ConfigFile,
    LiteLLMParams,
    ModelEntry,
)
from twisted_aigate.gateway.deployments import (
    Catalogue,
    Deployment,
    Limits,
    with_distinct_ids,
)
from twisted_aigate.gateway.local.table import DEFAULT_ALIAS, LocalModelEntry
from twisted_aigate.gateway.providers.claudebox import CLAUDE_MODELS
from twisted_aigate.gateway.providers.names import IN_PROCESS, NotHere, provider_of
from twisted_aigate.gateway.providers.remote import OpenAIShaped, Remote
from twisted_aigate.gateway.providers.table import REMOTE
from twisted_aigate.gateway.shipped import SHIPPED, known_mode
from twisted_aigate.gateway.wildcards import Wildcard, Wildcards
from twisted_aigate.http_client.messages import split_url
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.settings import ConfigError

_LOCAL = "local"

_DEFAULT_TIMEOUT = 600.0


def _base_url(
    entry: ModelEntry, provider: str, remote: Remote, environment: Mapping[str, str]
) -> str:
    params = entry.litellm_params
    base = params.api_base or params.base_url or remote.base(environment)
    if not base:
        raise ConfigError(f"model_list: {entry.model_name}: {provider} needs an api_base")
    base = base.rstrip("/")
    path = remote.path if isinstance(remote, OpenAIShaped) else ""
    return base if base.endswith(path) else base + path


def _api_version(provider: str, environment: Mapping[str, str]) -> str | None:
    return environment.get("AZURE_API_VERSION") if provider == "azure" else None


def _serves_responses(remote: Remote, base: str, mode: object) -> bool:
    if not isinstance(remote, OpenAIShaped):
        return False
    own = remote.base_url in (None, base.rstrip("/"))
    return mode == "responses" or (remote.responses and own)


def _fields(pairs: Mapping[str, str], where: str) -> tuple[tuple[bytes, bytes], ...]:
    try:
        return tuple((k.encode("ascii"), v.encode("ascii")) for k, v in pairs.items())
    except UnicodeEncodeError:
        raise ConfigError(f"{where}: extra_headers must be ASCII") from None


def configured(entry: ModelEntry, config: ConfigFile, environment: Mapping[str, str]) -> Deployment:
    """
    The deployment of an entry of C{model_list}.

    @raise ConfigError: It cannot be served.
    """
    where = f"model_list: {entry.model_name}"
    entry = with_credential(entry, config)
    params = entry.litellm_params
    provider, model = provider_of(entry.model_name, params)
    info = {str(key): value for key, value in entry.model_info.items()}
    info |= {n: price for n in PRICE_NAMES if (price := getattr(params, n)) is not None}
    timeout = next(
        value
        for value in (
            params.timeout,
            params.request_timeout,
            config.router_settings.timeout,
            config.litellm_settings.request_timeout,
            _DEFAULT_TIMEOUT,
        )
        if value is not None
    )
    stream_timeout = next(
        value
        for value in (params.stream_timeout, config.router_settings.stream_timeout, timeout)
        if value is not None
    )
    weight = next((w for w in (params.weight, params.rpm, params.tpm) if w is not None), 1.0)
    if weight <= 0 or timeout < 0 or stream_timeout < 0:
        raise ConfigError(f"{where}: weights are above 0 and time-outs are not below it")
    max_parallel = params.max_parallel_requests
    if max_parallel is None:
        max_parallel = config.router_settings.default_max_parallel_requests
    mode = info.get("mode")
    drop_params = bool(
        config.litellm_settings.drop_params if params.drop_params is None else params.drop_params
    )
    origin, path, key, serves_responses = None, "", None, False
    if provider not in IN_PROCESS:
        remote = REMOTE[provider]
        try:
            base = _base_url(entry, provider, remote, environment)
            origin, path = split_url(base)
        except ValueError as error:
            raise ConfigError(f"{where}: api_base: {error}") from None
        serves_responses = _serves_responses(remote, base, mode)
        text = params.api_key or remote.key(environment)
        key = Secret(text) if text else None
        if text and not text.isascii():
            raise ConfigError(f"{where}: api_key must be ASCII")
    headers = dict(params.extra_headers)
    if params.organization:
        headers["OpenAI-Organization"] = params.organization
    return Deployment(
        model_name=entry.model_name,
        provider=provider,
        model=model,
        origin=origin,
        path=path,
        api_key=key,
        headers=_fields(headers, where),
        timeout=timeout,
        stream_timeout=stream_timeout,
        limits=Limits(params.rpm, params.tpm, max_parallel),
        weight=weight,
        mode=mode if isinstance(mode, str) else known_mode(provider, model),
        mock_response=params.mock_response,
        drop_params=drop_params,
        drop_parameters=frozenset(params.additional_drop_params),
        api_version=params.api_version or _api_version(provider, environment),
        serves_responses=serves_responses,
        info=info,
        order=math.inf if params.order is None else params.order,
        # A client library's own tries, of which 0 are not those of the router.
        num_retries=(params.max_retries or None)
        if params.num_retries is None
        else params.num_retries,
        defaults=request_defaults(params),
    )


def _wildcard(
    entry: ModelEntry, itself: Deployment, config: ConfigFile, environment: Mapping[str, str]
) -> Wildcard[Deployment]:
    """
    The wildcard of an entry.

    @param itself: The entry's deployment, as if its name were one.
    @raise ConfigError: It is of a provider in this process.
    """
    if itself.provider in IN_PROCESS:
        raise ConfigError(f"model_list: {entry.model_name}: {itself.provider} has no wildcards")

    def make(name: str, model: str) -> Deployment | None:
        params = msgspec.structs.replace(entry.litellm_params, model=model)
        try:
            found = configured(ModelEntry(name, params, entry.model_info), config, environment)
        except ConfigError:
            # It is the name that was asked for: there is no such provider, or it needs a base URL.
            return None
        if found.provider in IN_PROCESS:
            return None
        # They have one provider and one key: limits and failures count together.
        same = "" if found.provider == itself.provider else f"-{found.provider}"
        info = {**found.info, "id": f"{itself.id}{same}"}
        return evolve(found, info=info, wildcard=entry.model_name)

    shipped = next((each for each in SHIPPED if each.provider == itself.provider), None)
    models = shipped.models if shipped is not None and itself.model == "*" else ()
    single = entry.model_name.count("*") == 1
    known = tuple(entry.model_name.replace("*", each.model) for each in models if single)
    return Wildcard(entry.model_name, entry.litellm_params.model, make, known)


def embedded(entry: LocalModelEntry) -> Deployment:
    """The deployment of an embedded model."""
    return Deployment(
        model_name=entry.name,
        provider=_LOCAL,
        model=entry.name,
        mode=entry.mode,
        info={"owned_by": entry.owner},
    )


def shipped(
    config: ConfigFile, switches: Mapping[str, bool | None], environment: Mapping[str, str]
) -> Iterator[Deployment]:
    """
    The deployments of the shipped models that are on and whose names the configuration leaves.

    @param switches: Provider's name to what its switch says.
    @raise ConfigError: One cannot be served, since a base URL in the environment is wrong.
    """
    taken = {entry.model_name for entry in config.model_list}
    for group in SHIPPED:
        if not group.is_on(switches.get(group.provider), environment):
            continue
        for model in group.models:
            if model.name not in taken:
                params = LiteLLMParams(f"{group.provider}/{model.model}")
                info = {**model.info, "mode": model.mode}
                yield configured(ModelEntry(model.name, params, info), config, environment)


def make_catalogue(
    config: ConfigFile,
    switches: Mapping[str, bool | None],
    claude: Iterable[Deployment],
    local: Iterable[LocalModelEntry],
    environment: Mapping[str, str],
) -> Catalogue:
    """
    All that can be called.

    @param switches: Provider's name to what the switch of its shipped models says.
    @param claude: The deployments of Claude Code that are on.
    @param local: The embedded models that are on.
    @param environment: Where providers' keys are.
    @raise ConfigError: An entry of the configuration cannot be served.
    """
    local, claude = list(local), list(claude)
    on = {deployment.provider for deployment in claude}
    entries, made, left_out = [], [], {}
    for entry in config.model_list:
        try:
            made.append(configured(entry, config, environment))
            entries.append(entry)
        except NotHere as error:
            left_out[entry.model_name] = str(error)
    pairs = list(zip(entries, with_distinct_ids(made), strict=True))
    deployments = [each for _, each in pairs if "*" not in each.model_name]
    wildcards = [
        _wildcard(entry, each, config, environment)
        for entry, each in pairs
        if "*" in each.model_name
    ]
    known = {entry.name for entry in local}
    for deployment in deployments:
        if deployment.provider == _LOCAL and deployment.model not in known:
            raise ConfigError(
                f"model_list: {deployment.model_name}: there is no local model "
                f"{deployment.model!r}; there are: {', '.join(sorted(known)) or 'none'}"
            )
        if deployment.provider in CLAUDE_MODELS and deployment.provider not in on:
            raise ConfigError(
                f"model_list: {deployment.model_name}: {deployment.provider} is off; "
                "aigate check says why"
            )
    deployments += shipped(config, switches, environment)
    deployments += [*claude, *(embedded(entry) for entry in local)]
    targets = {
        alias: AliasTarget(target) if isinstance(target, str) else target
        for alias, target in config.router_settings.model_group_alias.items()
    }
    aliases = {alias: target.model for alias, target in targets.items()}
    chats = [each for each in deployments if each.mode == "chat"]
    # Claude Code is more than a model, and may itself be asking for the default.
    chats.sort(key=lambda each: each.provider in CLAUDE_MODELS)
    best = next((each.model_name for each in chats), None)
    if best is not None:
        # Configured models come first: whoever adds one means to use it.
        aliases.setdefault(DEFAULT_ALIAS, best)
    return Catalogue(
        deployments,
        aliases,
        hidden={alias for alias, target in targets.items() if target.hidden},
        wildcards=Wildcards(wildcards),
        left_out=left_out,
    )
