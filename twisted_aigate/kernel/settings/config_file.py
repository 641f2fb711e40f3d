"""
The configuration file: YAML, in sections that belong to the trees.

It is LiteLLM's C{config.yaml} (https://docs.litellm.ai/docs/proxy/configs) with sections of our own
beside it. Any value may be C{os.environ/NAME}. C{include} names further files, whose paths are from
the file that names them; C{environment_variables} are as if the environment had them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted_aigate.kernel.settings.environment import Environment
from twisted_aigate.kernel.settings.variables import SettingsError

_REFERENCE = "os.environ/"
_INCLUDE = "include"
_VARIABLES = "environment_variables"
_GENERAL_SETTINGS = {
    "master_key": ("LITELLM_MASTER_KEY", "AIGATE_MASTER_KEY"),
    "database_url": ("DATABASE_URL",),
}
"""Keys of C{general_settings} and the variables that they are defaults of, of two the first."""


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


def parse_yaml(text: str) -> dict[str, Any]:
    """
    Parse a YAML file whose top is a mapping.

    @raise ConfigError: It is none.
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
    return {str(key): value for key, value in data.items()}


def _sections(data: dict[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    resolved: dict[str, Any] = _resolve(data, environment)
    return {key: value for key, value in resolved.items() if value is not None}


def parse_config_file(text: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """
    Parse the text of a file that stands for itself.

    @param environment: What C{os.environ/NAME} refers to.
    @return: Section to value; a section that is there and empty is left out.
    @raise ConfigError: It is no YAML mapping.
    """
    return _sections(parse_yaml(text), environment)


def _with_variables(data: dict[str, Any], environment: Environment) -> Environment:
    """The environment with the file's own variables, which win, as in LiteLLM."""
    variables = data.pop(_VARIABLES, None) or {}
    if not isinstance(variables, dict):
        raise ConfigError(f"{_VARIABLES}: not a mapping")
    said = {str(name): _resolve(value, environment) for name, value in variables.items()}
    return {
        **environment,
        **{name: str(value) for name, value in said.items() if value is not None},
    }


def _defaults(sections: Mapping[str, Any], environment: Environment) -> Environment:
    """The environment with what C{general_settings} says and the environment does not."""
    general = sections.get("general_settings")
    said = {}
    for key, names in _GENERAL_SETTINGS.items():
        value = general.get(key) if isinstance(general, dict) else None
        if value is not None and not any(environment.get(name) for name in names):
            said[names[0]] = str(value)
    return {**environment, **said}


def _known_as(path: Path) -> str:
    return os.path.abspath(path)


class _Files:
    """
    The file and all that it includes.

    @ivar _read_already: Those that need not be read again.
    """

    def __init__(self) -> None:
        self._read_already: set[str] = set()

    def read(self, path: Path) -> dict[str, Any]:
        """
        One file's sections, with those of the files that it includes.

        Lists are extended; all else is theirs, as in LiteLLM.
        """
        self._read_already.add(_known_as(path))
        try:
            merged = parse_yaml(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"AIGATE_CONFIG: {path}: cannot be read: {error}") from None
        except ConfigError as error:
            raise SettingsError(f"AIGATE_CONFIG: {path}: {error}") from None
        included = merged.pop(_INCLUDE, None) or []
        if not isinstance(included, list) or not all(isinstance(name, str) for name in included):
            raise SettingsError(f"AIGATE_CONFIG: {path}: {_INCLUDE}: not a list of paths")
        for name in included:
            other = path.parent / name
            if _known_as(other) not in self._read_already:
                for key, value in self.read(other).items():
                    merged[key] = _merged(merged.get(key), value)
        return merged


def _merged(ours: object, theirs: object) -> object:
    if isinstance(ours, list) and isinstance(theirs, list):
        return [*ours, *theirs]
    return ours if theirs is None else theirs


def read_config_file(
    path: Path | None, environment: Environment
) -> tuple[dict[str, Any], Environment]:
    """
    Read and parse the file.

    @param path: Where it is; C{None}: there is none, and so no section.
    @return: Section to value, and the environment with what the file says of it.
    @raise SettingsError: It, or a file that it includes, cannot be read or parsed.
    """
    if path is None:
        return {}, environment
    data = _Files().read(path)
    try:
        environment = _with_variables(data, environment)
    except ConfigError as error:
        raise SettingsError(f"AIGATE_CONFIG: {path}: {error}") from None
    sections = _sections(data, environment)
    return sections, _defaults(sections, environment)
