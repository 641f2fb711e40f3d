"""The settings themselves: every variable, its kind and its default, in one place."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.settings import kinds
from twisted_aigate.kernel.settings.environment import Environment
from twisted_aigate.kernel.settings.kinds import Network
from twisted_aigate.kernel.settings.variables import read, variable
from twisted_aigate.kernel.units import Rate


@frozen
class RateLimits:
    """The sustained rate and the burst over it of each zone; a rate of C{None} is off."""

    admin: Rate | None = variable("RATELIMIT_ADMIN", kinds.RATE, "30r/m")
    admin_burst: int = variable("RATELIMIT_ADMIN_BURST", kinds.AT_LEAST_ZERO, "20")
    api: Rate | None = variable("RATELIMIT_API", kinds.RATE, "500r/m")
    api_burst: int = variable("RATELIMIT_API_BURST", kinds.AT_LEAST_ZERO, "30")
    storage: Rate | None = variable("RATELIMIT_STORAGE", kinds.RATE, "60r/m")
    storage_burst: int = variable("RATELIMIT_STORAGE_BURST", kinds.AT_LEAST_ZERO, "20")
    claudebox: Rate | None = variable("RATELIMIT_CLAUDEBOX", kinds.RATE, "30r/m")
    claudebox_burst: int = variable("RATELIMIT_CLAUDEBOX_BURST", kinds.AT_LEAST_ZERO, "10")
    browser: Rate | None = variable("RATELIMIT_BROWSER", kinds.RATE, "30r/m")
    browser_burst: int = variable("RATELIMIT_BROWSER_BURST", kinds.AT_LEAST_ZERO, "10")
    queue: Rate | None = variable(
        "RATELIMIT_QUEUE", kinds.RATE, "600r/m", aliases=("RATELIMIT_PROXQ",)
    )
    queue_burst: int = variable(
        "RATELIMIT_QUEUE_BURST", kinds.AT_LEAST_ZERO, "30", aliases=("RATELIMIT_PROXQ_BURST",)
    )


@frozen
class Timeouts:
    """How long a request of each tree may take as a whole, in seconds; 0: no end."""

    api: float = variable("TIMEOUT_API", kinds.DURATION, "600")
    claudebox: float = variable("TIMEOUT_CLAUDEBOX", kinds.DURATION, "600")
    browser: float = variable("TIMEOUT_BROWSER", kinds.DURATION, "600")
    admin: float = variable("TIMEOUT_ADMIN", kinds.DURATION, "60")


@frozen
class EdgeSettings:
    """
    The listening side.

    @ivar listen: Twisted server endpoint strings separated by C{;}; C{None}: the port alone.
    @ivar trusted_proxies: Networks whose forwarding headers are believed.
    @ivar max_body_size: Bytes; 0: no limit.
    @ivar shutdown_grace: Seconds that requests in flight get after SIGTERM.
    """

    rate_limits: RateLimits
    timeouts: Timeouts
    port: int = variable("AIGATE_PORT", kinds.PORT, "4000")
    listen: str | None = variable("AIGATE_LISTEN", kinds.TEXT)
    trusted_proxies: tuple[Network, ...] = variable("TRUSTED_PROXIES", kinds.NETWORKS, "")
    max_body_size: int = variable("MAX_BODY_SIZE", kinds.SIZE, "50MB")
    shutdown_grace: float = variable("SHUTDOWN_GRACE", kinds.DURATION, "30s")


@frozen
class Switches:
    """Trees on (C{True}), off (C{False}) or on when their needs are met (C{None})."""

    claudebox: bool | None = variable("CLAUDEBOX", kinds.SWITCH)
    claudebox_zai: bool | None = variable("CLAUDEBOX_ZAI", kinds.SWITCH)
    storage: bool | None = variable("HYBRIDS3", kinds.SWITCH)
    browser: bool | None = variable("BROWSER", kinds.SWITCH)
    tunnel: bool = variable("CLOUDFLARED", kinds.SWITCH, "0")


@frozen
class LocalModelSettings:
    """
    The embedded models.

    @ivar enabled: On, off, or (C{None}) on for each model whose packages are installed.
    @ivar idle: Seconds without a request after which a model's worker process is ended.
    @ivar queue: How many requests may wait for one model before the next is refused.
    """

    enabled: bool | None = variable("LOCAL_MODELS", kinds.SWITCH)
    idle: float = variable("LOCAL_MODELS_IDLE", kinds.DURATION, "10m")
    queue: int = variable("LOCAL_MODELS_QUEUE", kinds.AT_LEAST_ZERO, "64")


@frozen
class Settings:
    """
    Everything that the operator can set.

    @ivar config: A YAML file in LiteLLM's C{config.yaml} schema.
    @ivar data_dir: Where all state lives.
    """

    edge: EdgeSettings
    switches: Switches
    local_models: LocalModelSettings
    master_key: Secret = variable(
        "LITELLM_MASTER_KEY", kinds.SECRET, aliases=("AIGATE_MASTER_KEY",), required=True
    )
    config: Path | None = variable("AIGATE_CONFIG", kinds.FILE)
    data_dir: Path = variable("DATA_DIR", kinds.FOLDER, ".data")
    log_format: str = variable("LOG_FORMAT", kinds.choice("auto", "text", "json"), "auto")
    log_level: str = variable("LOG_LEVEL", kinds.choice("debug", "info", "warn", "error"), "info")


def read_settings(environment: Environment) -> Settings:
    """
    Read the settings.

    @raise SettingsError: A variable is missing or wrong; the text names it.
    """
    return read(Settings, environment)
