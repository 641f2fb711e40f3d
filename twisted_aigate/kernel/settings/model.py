"""The settings themselves: every variable, its kind and its default, in one place."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from twisted_aigate.kernel.redis.address import RedisAddress
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
class ProviderSwitches:
    """
    The providers whose models are in the list without being configured.

    On (C{True}), off (C{False}) or on when the provider's key is set (C{None}).
    """

    anthropic: bool | None = variable("ANTHROPIC", kinds.SWITCH)
    openai: bool | None = variable("OPENAI", kinds.SWITCH)
    gemini: bool | None = variable("GEMINI", kinds.SWITCH)
    mistral: bool | None = variable("MISTRAL", kinds.SWITCH)
    cohere: bool | None = variable("COHERE", kinds.SWITCH)
    groq: bool | None = variable("GROQ", kinds.SWITCH)
    cerebras: bool | None = variable("CEREBRAS", kinds.SWITCH)
    openrouter: bool | None = variable("OPENROUTER", kinds.SWITCH)
    huggingface: bool | None = variable("HUGGINGFACE", kinds.SWITCH)
    ollama: bool | None = variable("OLLAMA", kinds.SWITCH)
    speaches: bool | None = variable("SPEACHES", kinds.SWITCH)


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
class StorageSettings:
    """
    Object storage.

    @ivar master_key: Opens every bucket.
    @ivar master_public_key: The access key that goes with it in S3.
    @ivar uploads_key: The key of the bucket C{uploads}.
    @ivar uploads_ttl: Seconds after which an object of C{uploads} expires; 0: never.
    @ivar uploads_max_size: Bytes that an object of C{uploads} may have; 0: no limit.
    @ivar lock_wait: Seconds that a request waits for a key's lock.
    @ivar lock_hold: Seconds that a request may hold it.
    @ivar lock_max_waiters: How many may wait for one key.
    @ivar s3_endpoint: Keep objects' bytes at this S3 endpoint in place of files.
    @ivar s3_listen: Serve S3 at the root of this endpoint (a Twisted endpoint string) too.
    """

    master_key: Secret | None = variable("HYBRIDS3_MASTER_KEY", kinds.SECRET)
    master_public_key: str = variable("HYBRIDS3_MASTER_PUBLIC_KEY", kinds.TEXT, "master")
    uploads_key: Secret | None = variable("HYBRIDS3_UPLOADS_KEY", kinds.SECRET)
    uploads_ttl: float = variable("HYBRIDS3_UPLOADS_TTL", kinds.DURATION, "168h")
    uploads_max_size: int = variable("HYBRIDS3_UPLOADS_MAX_SIZE", kinds.SIZE, "100MB")
    lock_wait: float = variable("HYBRIDS3_LOCK_WAIT", kinds.DURATION, "30s")
    lock_hold: float = variable("HYBRIDS3_LOCK_HOLD", kinds.DURATION, "300s")
    lock_max_waiters: int = variable("HYBRIDS3_LOCK_MAX_WAITERS", kinds.AT_LEAST_ZERO, "100")
    s3_endpoint: str | None = variable("STORAGE_S3_ENDPOINT", kinds.TEXT)
    s3_bucket: str = variable("STORAGE_S3_BUCKET", kinds.TEXT, "aigate")
    s3_access_key: str = variable("STORAGE_S3_ACCESS_KEY", kinds.TEXT, "")
    s3_secret_key: Secret | None = variable("STORAGE_S3_SECRET_KEY", kinds.SECRET)
    s3_region: str = variable("STORAGE_S3_REGION", kinds.TEXT, "us-east-1")
    s3_listen: str | None = variable("STORAGE_S3_LISTEN", kinds.TEXT)


@frozen
class ClaudeboxZaiSettings:
    """
    The instance on z.ai's models.

    @ivar api_token: What its callers present.
    @ivar auth_token: The key for z.ai.
    @ivar base_url: z.ai's Anthropic endpoint.
    @ivar opus: The model that C{opus} is.
    @ivar sonnet: The model that C{sonnet} is.
    @ivar haiku: The model that C{haiku} is.
    """

    api_token: Secret | None = variable("CLAUDEBOX_ZAI_API_TOKEN", kinds.SECRET)
    auth_token: Secret | None = variable("CLAUDEBOX_ZAI_AUTH_TOKEN", kinds.SECRET)
    base_url: str = variable("CLAUDEBOX_ZAI_BASE_URL", kinds.TEXT, "https://api.z.ai/api/anthropic")
    opus: str = variable("ZAI_OPUS_MODEL", kinds.TEXT, "glm-5.1")
    sonnet: str = variable("ZAI_SONNET_MODEL", kinds.TEXT, "glm-4.7")
    haiku: str = variable("ZAI_HAIKU_MODEL", kinds.TEXT, "glm-4.5-air")


@frozen
class ClaudeboxSettings:
    """
    Claude Code, run as an API.

    @ivar zai: The instance on z.ai's models.
    @ivar api_token: What callers present.
    @ivar oauth_token: The token of a Claude subscription.
    @ivar anthropic_api_key: A key for Anthropic's API.
    @ivar base_url: Anthropic's API, or one like it.
    @ivar backend: Whose models answer: C{anthropic}'s, or those of the C{gateway}.
    @ivar gateway_model: With the gateway's: the model that answers when none is named.
    @ivar binary: Claude Code's executable.
    @ivar max_processes: How many runs there may be at once, in both instances together.
    @ivar retention: Seconds that a run's result is kept.
    """

    zai: ClaudeboxZaiSettings
    api_token: Secret | None = variable("CLAUDEBOX_API_TOKEN", kinds.SECRET)
    oauth_token: Secret | None = variable("CLAUDE_CODE_OAUTH_TOKEN", kinds.SECRET)
    anthropic_api_key: Secret | None = variable("CLAUDEBOX_ANTHROPIC_API_KEY", kinds.SECRET)
    base_url: str | None = variable("CLAUDEBOX_ANTHROPIC_BASE_URL", kinds.TEXT)
    backend: str = variable("CLAUDEBOX_BACKEND", kinds.choice("anthropic", "gateway"), "anthropic")
    gateway_model: str = variable("CLAUDEBOX_GATEWAY_MODEL", kinds.TEXT, "default")
    binary: str | None = variable("CLAUDE_BIN", kinds.TEXT)
    max_processes: int = variable("CLAUDEBOX_MAX_PROCESSES", kinds.AT_LEAST_ONE, "8")
    retention: float = variable("CLAUDEBOX_RESULT_RETENTION", kinds.DURATION, "6h")


@frozen
class BrowserSettings:
    """
    The browser cluster.

    @ivar token: What callers present.
    @ivar replicas: How many browsers there may be.
    @ivar queue_timeout: Seconds that a request waits for one; 0: any time.
    @ivar memory_limit: Bytes beyond which an idle browser is started anew; 0: no limit.
    @ivar allow_private: Pages may reach this machine and its network.
    @ivar grid_url: A Selenium Grid whose sessions are the browsers; C{None}: they run here.
    """

    token: Secret = variable("STEALTHY_AUTO_BROWSE_AUTH_TOKEN", kinds.SECRET, "lulz-4-security")
    replicas: int = variable("STEALTHY_AUTO_BROWSE_NUM_REPLICAS", kinds.AT_LEAST_ONE, "5")
    queue_timeout: float = variable("STEALTHY_AUTO_BROWSE_QUEUE_TIMEOUT", kinds.DURATION, "300")
    memory_limit: int = variable("BROWSER_MEMORY_LIMIT", kinds.SIZE, "1GB")
    allow_private: bool = variable("BROWSER_ALLOW_PRIVATE", kinds.SWITCH, "0")
    grid_url: str | None = variable("SELENIUM_GRID_URL", kinds.TEXT)


@frozen
class CacheSettings:
    """
    The gateway's cache of answers.

    @ivar mode: For all calls, for those that ask for it, or for none; C{None}: as the file says.
    @ivar ttl: Seconds that an answer is kept; 0: as long as there is room. C{None}: as the file
        says.
    @ivar max_bytes: Bytes of answers that are kept in memory.
    """

    mode: str | None = variable("CACHE", kinds.choice("on", "opt-in", "off"))
    ttl: float | None = variable("CACHE_TTL", kinds.DURATION)
    max_bytes: int = variable("CACHE_MAX_BYTES", kinds.SIZE, "64MB")


@frozen
class JobSettings:
    """
    The gateway's calls as jobs.

    @ivar concurrency: How many run at once.
    @ivar retention: Seconds that a job is kept after its end.
    """

    concurrency: int = variable("PROXQ_CONCURRENCY", kinds.AT_LEAST_ONE, "10")
    retention: float = variable("PROXQ_TASK_RETENTION", kinds.DURATION, "1h")


@frozen
class SpendSettings:
    """
    What calls cost.

    @ivar log_retention: Seconds that the row of a call is kept; 0: for ever.
    """

    log_retention: float = variable("SPEND_LOG_RETENTION", kinds.DURATION, "90d")


@frozen
class ResponseSettings:
    """
    Responses of the Responses API, kept to be gone on from.

    @ivar retention: Seconds that a conversation is kept after its newest response; 0: not at all.
    @ivar max_size: Bytes that all of them may take; 0: no limit.
    """

    retention: float = variable("RESPONSES_RETENTION", kinds.DURATION, "30d")
    max_size: int = variable("RESPONSES_MAX_SIZE", kinds.SIZE, "1GB")


@frozen
class McpSettings:
    """
    The Model Context Protocol.

    @ivar max_sessions: How many sessions each endpoint may have.
    @ivar session_idle: Seconds that an unused one lasts; 0: for ever.
    @ivar allowed_origins: The origins of other servers whose web pages may call.
    @ivar image_model: The model that makes pictures when a call names none.
    @ivar tts_model: The same for speech.
    @ivar searxng_url: The SearXNG that searches the web.
    """

    max_sessions: int = variable("MCP_MAX_SESSIONS", kinds.AT_LEAST_ONE, "1000")
    session_idle: float = variable("MCP_SESSION_IDLE", kinds.DURATION, "30m")
    allowed_origins: tuple[str, ...] = variable("MCP_ALLOWED_ORIGINS", kinds.TEXTS, "")
    image_model: str | None = variable("MCP_IMAGE_MODEL", kinds.TEXT)
    tts_model: str | None = variable("MCP_TTS_MODEL", kinds.TEXT, "local-hibari-tts")
    searxng_url: str | None = variable("SEARXNG_URL", kinds.URL)


@frozen
class MetricsSettings:
    """
    Figures for Prometheus.

    @ivar token: What may read them, beside the master key.
    """

    token: Secret | None = variable("METRICS_TOKEN", kinds.SECRET)


@frozen
class TunnelSettings:
    """
    The way in from the internet; C{Switches.tunnel} turns it on.

    @ivar config: cloudflared's configuration of a tunnel that has a name; C{None}: a quick tunnel.
    @ivar credentials: The credentials of that tunnel.
    """

    config: Path | None = variable("CLOUDFLARED_CONFIG", kinds.FILE)
    credentials: Path | None = variable("CLOUDFLARED_CREDS", kinds.FILE)


@frozen
class AdminSettings:
    """
    The admin page.

    @ivar basic_auth: C{user:password}, which the page asks for; C{None}: it is open, and what it
        shows needs the master key all the same.
    """

    basic_auth: Secret | None = variable("LITELLM_UI_BASIC_AUTH", kinds.LOGIN)


@frozen
class Settings:
    """
    Everything that the operator can set.

    @ivar config: A YAML file in LiteLLM's C{config.yaml} schema.
    @ivar data_dir: Where all state lives.
    @ivar enable_json_schema_validation: Chats' answers must fit the schemas that they ask for.
    @ivar database_url: C{postgresql://…}; C{None}: SQLite under C{data_dir}. It holds a password.
    @ivar redis: What several processes share beside the database; C{None}: each keeps its own.
    """

    edge: EdgeSettings
    switches: Switches
    providers: ProviderSwitches
    local_models: LocalModelSettings
    storage: StorageSettings
    claudebox: ClaudeboxSettings
    browser: BrowserSettings
    cache: CacheSettings
    jobs: JobSettings
    spend: SpendSettings
    responses: ResponseSettings
    mcp: McpSettings
    metrics: MetricsSettings
    tunnel: TunnelSettings
    admin: AdminSettings
    master_key: Secret = variable(
        "LITELLM_MASTER_KEY", kinds.SECRET, aliases=("AIGATE_MASTER_KEY",), required=True
    )
    config: Path | None = variable("AIGATE_CONFIG", kinds.FILE)
    data_dir: Path = variable("DATA_DIR", kinds.FOLDER, ".data")
    database_url: Secret | None = variable("DATABASE_URL", kinds.SECRET)
    redis: RedisAddress | None = variable("REDIS_URL", kinds.REDIS)
    enable_json_schema_validation: bool = variable(
        "ENABLE_JSON_SCHEMA_VALIDATION", kinds.SWITCH, "0"
    )
    log_format: str = variable("LOG_FORMAT", kinds.choice("auto", "text", "json"), "auto")
    log_level: str = variable("LOG_LEVEL", kinds.choice("debug", "info", "warn", "error"), "info")


def read_settings(environment: Environment) -> Settings:
    """
    Read the settings.

    @raise SettingsError: A variable is missing or wrong; the text names it.
    """
    return read(Settings, environment)
