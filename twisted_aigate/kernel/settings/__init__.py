"""The configuration: environment, C{.env} and defaults, read once into frozen, typed values."""

from twisted_aigate.kernel.settings.environment import Environment, read_environment
from twisted_aigate.kernel.settings.model import Settings, read_settings
from twisted_aigate.kernel.settings.variables import SettingsError, declared, describe

__all__ = [
    "Environment",
    "Settings",
    "SettingsError",
    "declared",
    "describe",
    "read_environment",
    "read_settings",
]
