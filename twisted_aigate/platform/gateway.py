"""The gateway, and its calls as jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import SystemRandom

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_aigate.claudebox.accounts import check_gateway_model, gateway_token
from twisted_aigate.gateway.accounting.accounts import Accounts
from twisted_aigate.gateway.accounting.price_file import PriceFile
from twisted_aigate.gateway.routes import (
    KEY_HEADERS,
    errors_for,
    gateway_routes,
    known_callers,
    render_openai_error,
)
from twisted_aigate.gateway.routing.states import Standing
from twisted_aigate.gateway.tree import GatewayTree, usable_local_models
from twisted_aigate.interfaces import FigureSource, ToolSource
from twisted_aigate.jobs.routes import JobRoutes, job_errors
from twisted_aigate.jobs.tree import JobsTree
from twisted_aigate.kernel.settings import Configuration
from twisted_aigate.platform.claudebox import ClaudeboxPart
from twisted_aigate.platform.shared import Shared
from twisted_aigate.web.internal import InternalRequests
from twisted_aigate.web.proxies import ClientAddresses
from twisted_aigate.web.routing import Router
from twisted_aigate.web.site import Site, Tree


class GatewayPart:
    """
    The gateway.

    @param shared: What it is built on.
    @param claudebox: Claude Code, which it serves and which may ask it.
    @param tools: What models may have called.
    @raise SettingsError: The configuration cannot be used.
    @ivar callers: Says who calls it.
    @ivar figures: Its figures, by its name.
    @ivar router: Its routes.
    @ivar tree: Its tree.
    @ivar tally: Sums up what its calls take.
    @ivar posts: Answers requests of this process.
    """

    _log = Logger()

    def __init__(self, shared: Shared, claudebox: ClaudeboxPart, tools: ToolSource) -> None:
        self._shared = shared
        settings = shared.settings
        accounts = Accounts(
            shared.reactor,
            settings.master_key,
            shared.database,
            shared.redis,
            shared.node,
            settings.spend.log_retention,
            PriceFile(
                shared.reactor,
                shared.threads,
                shared.configuration.environment,
                settings.data_dir / "prices",
            ).load,
        )
        self.tally = accounts.meter.tally
        self._gateway = GatewayTree(
            shared.reactor,
            shared.configuration,
            shared.threads,
            shared.uploads,
            SystemRandom(),
            claudebox.models,
            accounts,
            shared.database,
            shared.redis,
            tools,
        )
        self.figures: Mapping[str, FigureSource] = {"gateway": self._gateway.figures}
        # Claude Code has a token that opens nothing but the API that it speaks.
        ours = None
        if claudebox.runs_on_gateway:
            check_gateway_model(settings, self._gateway.gateway.catalogue)
            ours = gateway_token(settings)
        self.callers = known_callers(settings.master_key, accounts.keys, shared.reactor)
        self.router: Router = gateway_routes(
            self._gateway.gateway,
            self._gateway.agent,
            self._gateway.realtime,
            self._gateway.health,
            accounts,
            self._gateway.cache,
            self.callers,
            known_callers(settings.master_key, accounts.keys, shared.reactor, ours),
            settings.edge.max_body_size,
            shared.threads,
            shared.uploads,
        )
        self.tree = Tree(
            b"",
            self.router,
            render_openai_error,
            shared.limiter("api"),
            frozenset(self.router.unlimited),
            settings.edge.timeouts.api,
            errors_for,
        )
        # What comes from ourselves was counted where it came in.
        tree = evolve(self.tree, limiter=None)
        self.posts = InternalRequests(Site([tree], ClientAddresses(()), shared.reactor))

    @property
    def models(self) -> list[str]:
        """The model names that there are."""
        return self._gateway.gateway.catalogue.names

    def standing(self) -> list[Standing]:
        """How the deployments stand; a L{Snapshot}."""
        router = self._gateway.gateway.router
        return [router.states.standing(deployment) for deployment in router.catalogue]

    def trees(self) -> Iterator[Tree]:
        """See L{Part}."""
        yield self.tree

    def summary(self) -> Iterator[tuple[str, str | None]]:
        """See L{Part}."""
        if self.models:
            yield ", ".join(self.models), None
        else:
            self._log.warn(
                "no model is on: run make local-models, or set a provider's key or AIGATE_CONFIG"
            )
        for entry, off in usable_local_models(self._shared.settings):
            if off is not None:
                yield entry.name, off

    def check(self, configuration: Configuration) -> None:
        """See L{Part}."""
        self._gateway.check(configuration)

    async def start(self) -> None:
        """See L{Part}."""
        await self._gateway.start()

    def reload(self, configuration: Configuration) -> None:
        """See L{Part}."""
        self._gateway.reload(configuration)

    async def stop(self) -> None:
        """See L{Part}."""
        await self._gateway.stop()


class JobsPart:
    """
    The gateway's calls as jobs.

    @param shared: What they are built on.
    @param gateway: What answers them.
    @ivar figures: Their figures, by their name.
    """

    def __init__(self, shared: Shared, gateway: GatewayPart) -> None:
        self._shared = shared
        self._router = gateway.router
        self._jobs = JobsTree(
            shared.reactor,
            shared.settings,
            shared.node,
            gateway.posts,
            shared.database,
            shared.threads,
        )
        self.figures: Mapping[str, FigureSource] = {"jobs": self._jobs}

    def trees(self) -> Iterator[Tree]:
        """See L{Part}."""
        edge = self._shared.settings.edge
        # Whoever may send a job may look at it: of all the gateway's paths this one opens to most.
        looks = self._router.authoriser(b"POST", b"/messages")
        assert looks is not None
        routes = JobRoutes(
            self._jobs.jobs,
            self._jobs.seal,
            lambda path: self._router.authoriser(b"POST", path),
            looks,
            KEY_HEADERS,
            edge.max_body_size,
        )
        errors = job_errors(render_openai_error)
        limiter = self._shared.limiter("queue")
        yield Tree(b"q", routes.router, errors, limiter, frozenset(), edge.timeouts.api)

    def summary(self) -> Iterator[tuple[str, str | None]]:
        """See L{Part}."""
        yield "/q/", None

    def check(self, configuration: Configuration) -> None:
        """See L{Part}; nothing of it changes without a restart."""

    async def start(self) -> None:
        """See L{Part}."""
        await self._jobs.start()

    def reload(self, configuration: Configuration) -> None:
        """See L{Part}; nothing of it changes without a restart."""

    def drain(self) -> Deferred[None]:
        """
        Start no job any more.

        @return: Fires when none is running.
        """
        return self._jobs.drain()

    def cut(self) -> None:
        """Leave off the jobs that are running."""
        self._jobs.cut()

    async def stop(self) -> None:
        """See L{Part}."""
        await self._jobs.stop()
