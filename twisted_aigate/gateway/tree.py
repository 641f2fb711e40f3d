"""The gateway as a whole: built out of the settings, reloaded, stopped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

from attrs import asdict, evolve
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.gateway.accounting.accounts import Accounts
from twisted_aigate.gateway.agent.service import Agent
from twisted_aigate.gateway.cache.plan import CachePlan, make_plan
from twisted_aigate.gateway.cache.service import ResponseCache
from twisted_aigate.gateway.cache.stores import make_store
from twisted_aigate.gateway.catalogue import make_catalogue
from twisted_aigate.gateway.config_file import parse_sections
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.figures import GatewayFigures
from twisted_aigate.gateway.health import HealthChecks
from twisted_aigate.gateway.local.model import LocalModel
from twisted_aigate.gateway.local.provider import LocalProvider
from twisted_aigate.gateway.local.table import LOCAL_MODELS, LocalModelEntry
from twisted_aigate.gateway.providers.anthropic.provider import AnthropicProvider
from twisted_aigate.gateway.providers.azure import AzureProvider
from twisted_aigate.gateway.providers.azure_ai import AzureAIProvider
from twisted_aigate.gateway.providers.claudebox import ClaudeProvider, claude_deployments
from twisted_aigate.gateway.providers.cohere.provider import CohereProvider
from twisted_aigate.gateway.providers.gemini.provider import GeminiProvider
from twisted_aigate.gateway.providers.interface import IProvider
from twisted_aigate.gateway.providers.openai import OpenAIProvider
from twisted_aigate.gateway.providers.upstream import Upstream
from twisted_aigate.gateway.realtime.service import Realtime
from twisted_aigate.gateway.responses.kept import KeptResponses
from twisted_aigate.gateway.responses.records import ResponseTable
from twisted_aigate.gateway.routing.configured import configured_policy
from twisted_aigate.gateway.routing.policy import Policy
from twisted_aigate.gateway.routing.router import Router
from twisted_aigate.gateway.schemas.service import Schemas
from twisted_aigate.gateway.service import Gateway
from twisted_aigate.http_client import HTTPClient, WebSocketClient
from twisted_aigate.http_client.client import endpoints
from twisted_aigate.http_client.guarded import GuardedFetch, name_resolver
from twisted_aigate.interfaces import IChatModels, ToolSource
from twisted_aigate.kernel.addresses import is_public
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.processes import minimal_environment
from twisted_aigate.kernel.redis import Redis
from twisted_aigate.kernel.settings import (
    ConfigError,
    Configuration,
    Settings,
    SettingsError,
)
from twisted_aigate.kernel.threads import Threads

_SCHEMA_THREADS = 2


def usable_local_models(settings: Settings) -> Iterator[tuple[LocalModelEntry, str | None]]:
    """
    The embedded models.

    @return: Each with C{None} when it is on, or the reason why it is off.
    @raise SettingsError: C{LOCAL_MODELS=1} and a package is missing.
    """
    for entry in LOCAL_MODELS:
        if settings.local_models.enabled is False:
            yield entry, "LOCAL_MODELS=0"
            continue
        missing = entry.missing()
        if missing and settings.local_models.enabled:
            raise SettingsError(
                f"LOCAL_MODELS: 1, but {entry.name} needs {', '.join(missing)}; "
                "run: make local-models"
            )
        yield (
            entry,
            f"{', '.join(missing)} not installed; run: make local-models" if (missing) else None,
        )


def read_catalogue(
    configuration: Configuration,
    claude: Iterable[Deployment],
    local: Iterable[LocalModelEntry],
) -> tuple[Catalogue, Policy, list[str]]:
    """
    The models that the configuration makes, and how calls to them are routed.

    @param claude: The deployments of Claude Code that are on.
    @param local: The embedded models that are on.
    @return: The models, the policy, and the keys in the file that are not supported.
    @raise SettingsError: The file cannot be used.
    """
    try:
        sections, unsupported = parse_sections(configuration.file)
        switches = asdict(configuration.settings.providers)
        catalogue = make_catalogue(sections, switches, claude, local, configuration.environment)
        policy = configured_policy(sections)
        if configuration.settings.enable_json_schema_validation:
            policy = evolve(policy, enable_json_schema_validation=True)
        unknown = sorted(name for name in policy.names if name not in catalogue)
        unsupported += [f"the fallback {name!r} (no such model)" for name in unknown]
        for name, reason in catalogue.left_out.items():
            unsupported.append(f"an entry of the model {name!r} ({reason})")
        return catalogue, policy, unsupported
    except ConfigError as error:
        raise configuration.wrong_file(error) from None


def read_cache_plan(configuration: Configuration) -> CachePlan:
    """
    When answers are kept.

    @raise SettingsError: The file cannot be used.
    """
    settings = configuration.settings
    try:
        sections, _ = parse_sections(configuration.file)
        said = sections.litellm_settings
        return make_plan(
            settings.cache, said.cache, said.cache_params, settings.redis, configuration.environment
        )
    except ConfigError as error:
        raise configuration.wrong_file(error) from None


class GatewayTree:
    """
    The gateway and what it runs on.

    @param reactor: Connects, starts workers, keeps time.
    @param configuration: The configuration.
    @param threads: Where files are read and written.
    @param folder: The disk that uploads are put on.
    @param random: Chooses among deployments.
    @param claude: The instances of Claude Code that are on, by name.
    @param accounts: Who has which key, and what they spend.
    @param database: Where responses are kept.
    @param redis: What processes share.
    @param tools: What models may have called.
    @raise SettingsError: The configuration cannot be used.
    @ivar agent: The gateway, for calls whose models may call tools.
    @ivar cache: The cache of answers.
    @ivar figures: Its figures.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        configuration: Configuration,
        threads: Threads,
        folder: Path,
        random: Random,
        claude: Mapping[str, IChatModels],
        accounts: Accounts,
        database: Database,
        redis: Redis | None,
        tools: ToolSource,
    ) -> None:
        settings = configuration.settings
        self._accounts = accounts
        self._client = HTTPClient(reactor, endpoints(reactor))
        self._sockets = WebSocketClient(reactor, endpoints(reactor))
        self._local = {
            entry.name: LocalModel(
                reactor,
                reactor,
                entry,
                minimal_environment(configuration.environment),
                settings.local_models.queue,
                settings.local_models.idle,
            )
            for entry, off in usable_local_models(settings)
            if off is None
        }
        self._claude = claude_deployments(claude)
        upstream = Upstream(self._client)
        fetch = GuardedFetch(reactor, name_resolver(reactor), is_public)
        providers: dict[str, IProvider] = {
            "openai": OpenAIProvider(upstream, threads),
            "anthropic": AnthropicProvider(upstream, reactor),
            "gemini": GeminiProvider(upstream, fetch, reactor),
            "cohere": CohereProvider(upstream, reactor),
            "azure": AzureProvider(upstream, threads),
            "azure_ai": AzureAIProvider(upstream, threads),
            "local": LocalProvider(self._local),
            **{name: ClaudeProvider(models) for name, models in claude.items()},
        }
        catalogue, policy, unsupported = self._read(configuration)
        self._warn(unsupported)
        kept = settings.responses
        self._responses = KeptResponses(
            ResponseTable(), database, reactor, kept.retention, kept.max_size
        )
        plan = read_cache_plan(configuration)
        # The file may name one for the cache alone.
        self._redis = None if plan.redis is None else Redis(reactor, plan.redis, random)
        store = make_store(plan, self._redis or redis, reactor)
        self.cache = ResponseCache(plan, store, reactor)
        router = Router(catalogue, policy, reactor, random)
        self._schema_threads = Threads(reactor, _SCHEMA_THREADS, "schemas")
        schemas = Schemas(self._schema_threads)
        self.gateway = Gateway(
            router, providers, accounts.meter, self._responses, schemas, reactor, self.cache
        )
        self.agent = Agent(self.gateway.call, tools, self._responses)
        self.realtime = Realtime(router, providers, self._sockets, accounts.meter, reactor)
        self.figures = GatewayFigures(accounts.meter.tally, router, reactor)
        self.health = HealthChecks(self.gateway, self.realtime, threads, folder)

    @property
    def _entries(self) -> list[LocalModelEntry]:
        return [model.entry for model in self._local.values()]

    def _read(self, configuration: Configuration) -> tuple[Catalogue, Policy, list[str]]:
        return read_catalogue(configuration, self._claude, self._entries)

    def _warn(self, unsupported: list[str]) -> None:
        for key in unsupported:
            self._log.warn("configuration: {key} is not supported and has no effect", key=key)

    def check(self, configuration: Configuration) -> None:
        """
        See whether L{reload} could take a configuration.

        @raise SettingsError: It could not.
        """
        self._read(configuration)

    def reload(self, configuration: Configuration) -> None:
        """
        Have other models from the next call on; calls in hand go on.

        @raise SettingsError: The configuration cannot be used: nothing has changed.
        """
        catalogue, policy, unsupported = self._read(configuration)
        self._warn(unsupported)
        self.gateway.router.replace(catalogue, policy)

    async def start(self) -> None:
        """Make everything ready that calls need."""
        # Beside all else: the first call waits for what is left of it.
        prices = self._accounts.prices.prepare(lambda: self.gateway.catalogue)
        Deferred.fromCoroutine(prices).addErrback(self._no_prices)
        if self._redis is not None:
            await self._redis.start()
        await self._accounts.start()
        self._responses.start()

    def _no_prices(self, failure: Failure) -> None:
        self._log.failure("the vendors' prices cannot be loaded", failure)

    async def stop(self) -> None:
        """End the workers, close the connections to providers, and keep what calls cost."""
        await self._responses.stop()
        self._client.close()
        await self._sockets.close()
        if self._redis is not None:
            await self._redis.stop()
        stops = [Deferred.fromCoroutine(model.stop()) for model in self._local.values()]
        await gatherResults(stops)
        self._schema_threads.stop()
        await self._accounts.stop()
