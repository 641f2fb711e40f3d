"""
The configuration file: YAML, in sections that belong to the trees.

It is LiteLLM's C{config.yaml} (https://docs.litellm.ai/docs/proxy/configs) with sections of our own
beside it. Any value may be C{os.environ/NAME}.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted_aigate.kernel.settings.variables import SettingsError

_REFERENCE = "os.environ/"


class ConfigError(Exception):
    """The file cannot be used; the text says where and why, in one line."""


def _resolve(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, str) and value.startswith(_REFERENCE):
        # An unset variable is an unset value, as in LiteLLM.
        return environment.get(value.removeprefix(_REFERENCE))
    if isinstance(value, dict):
        return {key: _resolve(item, environment) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, environment) for item in value]
    return value


def parse_config_file(text: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """
    Parse the file's text.

    @param environment: What C{os.environ/NAME} refers to.
    @return: Section to value; a section that is there and empty is left out.
    @raise ConfigError: It is no YAML mapping.
    """
    # Only a process with a configuration file pays for the YAML library.
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data = yaml.load(text, Loader=loader)  # noqa: S506 (a safe loader, in C where there is one)
    except yaml.YAMLError as error:
        raise ConfigError(f"not valid YAML: {' '.join(str(error).split())}") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError("not a mapping at the top")
    resolved: dict[str, Any] = _resolve(data, environment)
    return {str(key): value for key, value in resolved.items() if value is not None}


def read_config_file(path: Path | None, environment: Mapping[str, str]) -> dict[str, Any]:
    """
    Read and parse the file.

    @param path: Where it is; C{None}: there is none, and so no section.
    @raise SettingsError: It cannot be read or parsed.
    """
    if path is None:
        return {}
    try:
        return parse_config_file(path.read_text("utf-8"), environment)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"AIGATE_CONFIG: {path}: cannot be read: {error}") from None
    except ConfigError as error:
        raise SettingsError(f"AIGATE_CONFIG: {path}: {error}") from None
