"""The configuration: environment, C{.env}, file and defaults, read once into frozen values."""

from twisted_aigate.kernel.settings.config_file import ConfigError, parse_config_file
from twisted_aigate.kernel.settings.configuration import Configuration, load
from twisted_aigate.kernel.settings.environment import Environment, read_environment
from twisted_aigate.kernel.settings.model import Settings, read_settings
from twisted_aigate.kernel.settings.variables import SettingsError, declared, describe

__all__ = [
    "ConfigError",
    "Configuration",
    "Environment",
    "Settings",
    "SettingsError",
    "declared",
    "describe",
    "load",
    "parse_config_file",
    "read_environment",
    "read_settings",
]
