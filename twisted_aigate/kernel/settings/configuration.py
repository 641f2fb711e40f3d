"""All of the configuration, read at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from twisted_aigate.kernel.settings.config_file import ConfigError, read_config_file
from twisted_aigate.kernel.settings.environment import Environment, read_environment
from twisted_aigate.kernel.settings.model import Settings, read_settings
from twisted_aigate.kernel.settings.variables import SettingsError, read_variable


@frozen
class Configuration:
    """
    The configuration.

    @ivar settings: The variables that we know.
    @ivar environment: All variables, the file's among them, where providers' keys are found.
    @ivar file: The configuration file's sections.
    """

    settings: Settings
    environment: Environment
    file: Mapping[str, Any]

    def wrong_file(self, error: ConfigError) -> SettingsError:
        """What the operator reads of a section that cannot be used."""
        return SettingsError(f"AIGATE_CONFIG: {self.settings.config}: {error}")


def load(process: Environment, folder: Path) -> Configuration:
    """
    Read the configuration.

    @param process: Usually C{os.environ}.
    @param folder: Where C{.env} is looked for.
    @raise SettingsError: A variable, or the file, is wrong.
    """
    outside = read_environment(process, folder)
    path = read_variable(Settings, "config", outside)
    file, environment = read_config_file(path, outside)
    return Configuration(read_settings(environment), environment, file)
