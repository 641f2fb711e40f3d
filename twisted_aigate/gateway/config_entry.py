"""What an entry of C{model_list} says by what it refers to, and of requests."""

from __future__ import annotations

import msgspec

from twisted_aigate.gateway.config_file import (
    ConfigFile,
    LiteLLMParams,
    ModelEntry,
    RequestDefaults,
)
from twisted_aigate.kernel.settings import ConfigError


def with_credential(entry: ModelEntry, config: ConfigFile) -> ModelEntry:
    """
    An entry with the values of its credential that it does not say itself.

    @raise ConfigError: There is no such credential.
    """
    params = entry.litellm_params
    name = params.litellm_credential_name
    if name is None:
        return entry
    found = next((each for each in config.credential_list if each.credential_name == name), None)
    if found is None:
        raise ConfigError(
            f"model_list: {entry.model_name}: there is no credential {name!r} in credential_list"
        )
    missing = {
        key: value
        for key, value in found.credential_values.items()
        if getattr(params, key, "") is None
    }
    params = msgspec.structs.replace(params, **missing)
    return msgspec.structs.replace(entry, litellm_params=params)


def request_defaults(params: LiteLLMParams) -> dict[str, msgspec.Raw]:
    """The fields that requests get which do not have them, as JSON."""
    said = {**params.extra_body}
    for name in RequestDefaults.__struct_fields__:
        value = getattr(params, name)
        if name != "extra_body" and value is not None:
            said[name] = value
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in said.items()}
