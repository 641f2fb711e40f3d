"""
LiteLLM's C{config.yaml}: the part of its schema that makes deployments.

Source: https://docs.litellm.ai/docs/proxy/configs. What is written there and not supported here
is named once a key, and never silently dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

_REFERENCE = "os.environ/"


class ConfigError(Exception):
    """The file cannot be used; the text says where and why, in one line."""


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
    rpm: float | None = None
    tpm: float | None = None
    extra_headers: dict[str, str] = {}
    mock_response: str | None = None
    organization: str | None = None


class ModelEntry(msgspec.Struct):
    """An entry of C{model_list}."""

    model_name: str
    litellm_params: LiteLLMParams
    model_info: dict[str, Any] = {}


class LiteLLMSettings(msgspec.Struct):
    """C{litellm_settings}."""

    request_timeout: float | None = None


class RouterSettings(msgspec.Struct):
    """C{router_settings}."""

    model_group_alias: dict[str, str] = {}
    timeout: float | None = None
    stream_timeout: float | None = None


class ConfigFile(msgspec.Struct):
    """The file."""

    model_list: list[ModelEntry] = []
    litellm_settings: LiteLLMSettings = msgspec.field(default_factory=LiteLLMSettings)
    router_settings: RouterSettings = msgspec.field(default_factory=RouterSettings)


def _resolve(value: Any, environment: Mapping[str, str], where: str) -> Any:
    if isinstance(value, str) and value.startswith(_REFERENCE):
        name = value.removeprefix(_REFERENCE)
        # An unset variable is an unset value, as in LiteLLM.
        return environment.get(name)
    if isinstance(value, dict):
        return {key: _resolve(item, environment, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [
            _resolve(item, environment, f"{where}[{index}]") for index, item in enumerate(value)
        ]
    return value


def _unknown(value: Any, model: type[msgspec.Struct], where: str) -> list[str]:
    known = set(model.__struct_fields__)
    return [f"{where}{key}" for key in value if key not in known] if isinstance(value, dict) else []


def _unsupported(data: dict[str, Any]) -> list[str]:
    found = _unknown(data, ConfigFile, "")
    found += _unknown(data.get("litellm_settings"), LiteLLMSettings, "litellm_settings.")
    found += _unknown(data.get("router_settings"), RouterSettings, "router_settings.")
    entries = data.get("model_list")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            found += _unknown(entry, ModelEntry, "model_list.")
            params = entry.get("litellm_params")
            found += _unknown(params, LiteLLMParams, "model_list.litellm_params.")
    return sorted(set(found))


def parse_config(text: str, environment: Mapping[str, str]) -> tuple[ConfigFile, list[str]]:
    """
    Parse the file's text.

    @param environment: What C{os.environ/NAME} refers to.
    @return: The file, and the keys in it that are not supported.
    @raise ConfigError: It is no such file.
    """
    # Only a process with a configuration file pays for the YAML library.
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data = yaml.load(text, Loader=loader)  # noqa: S506 (a safe loader, in C where there is one)
    except yaml.YAMLError as error:
        raise ConfigError(f"not valid YAML: {' '.join(str(error).split())}") from None
    data = {} if data is None else data
    if not isinstance(data, dict):
        raise ConfigError("not a mapping at the top")
    resolved = _resolve(data, environment, "")
    # A section that is there and empty is an empty section.
    present = {key: value for key, value in resolved.items() if value is not None}
    try:
        return msgspec.convert(present, ConfigFile, strict=False), _unsupported(present)
    except msgspec.ValidationError as error:
        raise ConfigError(str(error)) from None


def read_config(path: Path, environment: Mapping[str, str]) -> tuple[ConfigFile, list[str]]:
    """
    Read and parse the file.

    @raise ConfigError: It cannot be read, or is no such file.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}") from None
    return parse_config(text, environment)
