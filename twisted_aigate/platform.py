"""
The trees and what they run on, built out of the configuration.

This module and L{twisted_aigate.application} are the only ones that know every tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom
from typing import Any, BinaryIO

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_aigate.claudebox.accounts import NAME as CLAUDEBOX
from twisted_aigate.claudebox.accounts import ZAI as CLAUDEBOX_ZAI
from twisted_aigate.claudebox.accounts import check_gateway_model, gateway_token, make_instance
from twisted_aigate.claudebox.routes import claudebox_routes, render_detail
from twisted_aigate.claudebox.routes import errors_for as claudebox_errors_for
from twisted_aigate.claudebox.slots import Slots
from twisted_aigate.claudebox.tree import ClaudeboxTree
from twisted_aigate.gateway.config_file import SECTIONS as GATEWAY_SECTIONS
from twisted_aigate.gateway.routes import (
    KEY_HEADERS,
    errors_for,
    gateway_routes,
    known_callers,
    render_openai_error,
)
from twisted_aigate.gateway.tree import GatewayTree, usable_local_models
from twisted_aigate.jobs.routes import JobRoutes, job_errors
from twisted_aigate.jobs.tree import JobsTree
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.folder_lock import lock_folder
from twisted_aigate.kernel.node import node_name
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.settings import Configuration
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import Rate
from twisted_aigate.storage.buckets import SECTIONS as STORAGE_SECTIONS
from twisted_aigate.storage.buckets import configured_storage
from twisted_aigate.storage.routes import (
    Callers,
    StorageAPI,
    render_plain_error,
    storage_routes,
)
from twisted_aigate.storage.tree import StorageTree, missing
from twisted_aigate.web.internal import InternalRequests
from twisted_aigate.web.off import SwitchedOff, render_json_error
from twisted_aigate.web.proxies import LOOPBACK, ClientAddresses
from twisted_aigate.web.ratelimit import RateLimiter
from twisted_aigate.web.routing import Router
from twisted_aigate.web.site import Site, Tree

_FILE_THREADS = 8
_MIGRATIONS = "twisted_aigate.migrations"
_WELL_KNOWN_TOKENS = (b"sk-1234", b"sk-master", b"changeme", b"secret", b"password")
_TRY = (
    "try: . ./.env; curl localhost:{port}/v1/chat/completions"
    ' -H "Authorization: Bearer $LITELLM_MASTER_KEY" -H "Content-Type: application/json"'
    ' -d \'{{"model": "default", "messages": [{{"role": "user", "content": "Hello!"}}]}}\''
)
"""The command that a new user is shown."""

_ABSENT = {
    "stealthy-auto-browse": "browser",
}
"""Trees that this version does not have yet: prefix to rate-limit zone."""


class Platform:
    """
    All trees.

    @param reactor: Everything runs on it.
    @param configuration: The configuration.
    @raise SettingsError: It cannot be used.
    @ivar site: All trees on one port.
    @ivar s3_site: S3 alone, at the root of a port of its own; C{None} when storage is off.
    """

    _log = Logger()

    def __init__(self, reactor: Any, configuration: Configuration) -> None:
        self._reactor = reactor
        self._configuration = configuration
        self._settings = configuration.settings
        uploads = self._settings.data_dir / "uploads"
        uploads.mkdir(parents=True, exist_ok=True)
        self._threads = Threads(reactor, _FILE_THREADS, "files")
        self._lock: BinaryIO | None = None
        self._database = Database(reactor, self._database_url(), _MIGRATIONS)
        self._claudeboxes, self._claudeboxes_off = self._make_claudeboxes()
        claude = {name: tree.models for name, tree in self._claudeboxes.items()}
        self._gateway = GatewayTree(
            reactor, configuration, self._threads, uploads, SystemRandom(), claude
        )
        if self._runs_on_gateway():
            check_gateway_model(self._settings, self._gateway.gateway.catalogue)
        self._storage_off = missing(configuration)
        self._storage: StorageTree | None = None
        if self._storage_off is None:
            self._storage = StorageTree(reactor, configuration, self._database, self._threads)
        # One for both ports: an address has one allowance.
        self._storage_limiter = self._limiter("storage")
        gateway_routes = self._gateway_routes(uploads)
        gateway_tree = self._gateway_tree(gateway_routes)
        self._jobs = self._make_jobs(gateway_tree)
        trees = [
            gateway_tree,
            self._jobs_tree(gateway_routes),
            self._storage_tree(),
            *self._claudebox_trees(),
            *self._absent_trees(),
        ]
        self.site = Site(trees, self._addresses(), reactor)
        self.s3_site = self._make_s3_site()

    def _database_url(self) -> str:
        url = self._settings.database_url
        path = (self._settings.data_dir / "aigate.sqlite").absolute()
        return f"sqlite:///{path}" if url is None else url.reveal()

    def _addresses(self) -> ClientAddresses:
        trusted = self._settings.edge.trusted_proxies
        if self._settings.switches.tunnel:
            trusted = (*trusted, *LOOPBACK)
        return ClientAddresses(trusted)

    def _limiter(self, zone: str) -> RateLimiter | None:
        limits = self._settings.edge.rate_limits
        rate: Rate | None = getattr(limits, zone)
        burst: int = getattr(limits, f"{zone}_burst")
        return None if rate is None else RateLimiter(rate, burst, self._reactor)

    def _make_claudeboxes(self) -> tuple[dict[str, ClaudeboxTree], dict[str, str]]:
        slots = Slots(self._settings.claudebox.max_processes)
        node = node_name(self._settings.data_dir)
        trees, off = {}, {}
        for name in (CLAUDEBOX, CLAUDEBOX_ZAI):
            instance = make_instance(self._configuration, name)
            if isinstance(instance, str):
                off[name] = instance
                continue
            trees[name] = ClaudeboxTree(
                self._reactor,
                self._configuration,
                instance,
                node,
                self._database,
                self._threads,
                slots,
            )
        return trees, off

    # Trees.

    def _gateway_routes(self, uploads: Path) -> Router:
        edge = self._settings.edge
        master = self._settings.master_key
        # Claude Code has a token that opens nothing but the API that it speaks.
        ours = gateway_token(self._settings) if self._runs_on_gateway() else None
        return gateway_routes(
            self._gateway.gateway,
            self._gateway.health,
            known_callers(master),
            known_callers(master, ours),
            edge.max_body_size,
            self._threads,
            uploads,
        )

    def _gateway_tree(self, routes: Router) -> Tree:
        return Tree(
            b"",
            routes,
            render_openai_error,
            self._limiter("api"),
            frozenset(routes.unlimited),
            self._settings.edge.timeouts.api,
            errors_for,
        )

    def _make_jobs(self, gateway: Tree) -> JobsTree:
        # A job was counted when it was taken: its run is not.
        site = Site([evolve(gateway, limiter=None)], ClientAddresses(()), self._reactor)
        return JobsTree(
            self._reactor,
            self._settings,
            node_name(self._settings.data_dir),
            InternalRequests(site),
            self._database,
            self._threads,
        )

    def _jobs_tree(self, gateway: Router) -> Tree:
        edge = self._settings.edge
        # Whoever may send a job may look at it: of all the gateway's paths this one opens to most.
        looks = gateway.authoriser(b"POST", b"/messages")
        assert looks is not None
        routes = JobRoutes(
            self._jobs.jobs,
            self._jobs.seal,
            lambda path: gateway.authoriser(b"POST", path),
            looks,
            KEY_HEADERS,
            edge.max_body_size,
        )
        limiter = self._limiter("queue")
        errors = job_errors(render_openai_error)
        return Tree(b"q", routes.router, errors, limiter, frozenset(), edge.timeouts.api)

    def _storage_tree(self) -> Tree:
        if self._storage is None:
            reason = f"Storage is off: {self._storage_off}."
            return self._off_tree("storage", reason, "storage")
        callers = self._callers(always_s3=False)
        return Tree(
            b"storage",
            storage_routes(self._storage_api("/storage"), callers),
            render_plain_error,
            self._storage_limiter,
            frozenset((b"/health",)),
            self._settings.edge.timeouts.api,
            callers.errors_for,
        )

    def _storage_api(self, prefix: str) -> StorageAPI:
        assert self._storage is not None
        tree = self._storage
        return StorageAPI(tree.store, tree.uploads, tree.buckets, prefix)

    def _callers(self, *, always_s3: bool) -> Callers:
        assert self._storage is not None
        return Callers(self._storage.keys, self._storage.store.now, always_s3=always_s3)

    def _make_s3_site(self) -> Site | None:
        if self._storage is None:
            return None
        callers = self._callers(always_s3=True)
        tree = Tree(
            b"",
            storage_routes(self._storage_api(""), callers),
            render_plain_error,
            self._storage_limiter,
            frozenset(),
            self._settings.edge.timeouts.api,
            callers.errors_for,
        )
        return Site([tree], self._addresses(), self._reactor)

    def _runs_on_gateway(self) -> bool:
        return self._settings.claudebox.backend == "gateway" and CLAUDEBOX in self._claudeboxes

    def _claudebox_trees(self) -> Iterator[Tree]:
        # One for both: an address has one allowance.
        limiter = self._limiter("claudebox")
        edge = self._settings.edge
        for name, tree in self._claudeboxes.items():
            routes = claudebox_routes(tree, edge.max_body_size, int(self._reactor.seconds()))
            yield Tree(
                name.encode("ascii"),
                routes,
                render_detail,
                limiter,
                frozenset(routes.unlimited),
                edge.timeouts.claudebox,
                claudebox_errors_for,
            )
        for name, reason in self._claudeboxes_off.items():
            yield self._off_tree(name, f"/{name}/ is off: {reason}.", "claudebox")

    def _off_tree(self, prefix: str, reason: str, zone: str) -> Tree:
        return Tree(
            prefix.encode("ascii"),
            SwitchedOff(reason),
            render_json_error,
            self._limiter(zone),
            frozenset(),
            self._settings.edge.timeouts.api,
        )

    def _absent_trees(self) -> list[Tree]:
        return [
            self._off_tree(prefix, f"/{prefix}/ is not part of this version of aigate.", zone)
            for prefix, zone in _ABSENT.items()
        ]

    # Life.

    async def start(self) -> None:
        """
        Make everything ready that requests need.

        @raise Exception: It cannot be.
        """
        # Two processes on one folder would take each other's uploads for what a crash has left.
        self._lock = lock_folder(self._settings.data_dir)
        await self._database.start()
        if self._storage is not None:
            await self._storage.start()
        for tree in self._claudeboxes.values():
            await tree.start()
        await self._jobs.start()

    def summarise(self) -> None:
        """Say what is on, what is off and why, and what to try."""
        file = self._configuration.file
        for section in sorted(set(file) - set(GATEWAY_SECTIONS) - set(STORAGE_SECTIONS)):
            self._log.warn(
                "configuration: {section} is not supported and has no effect", section=section
            )
        names = self._gateway.gateway.catalogue.names
        if names:
            self._log.info("on: {models}", models=", ".join(names))
        else:
            self._log.warn(
                "no model is on: run make local-models, or set a provider's key or AIGATE_CONFIG"
            )
        for entry, off in usable_local_models(self._settings):
            if off is not None:
                self._log.info("off: {model}: {reason}", model=entry.name, reason=off)
        if self._storage_off is None:
            self._log.info("on: /storage/")
        else:
            self._log.info("off: /storage/: {reason}", reason=self._storage_off)
        for name in self._claudeboxes:
            self._log.info("on: /{tree}/", tree=name)
        for name, reason in self._claudeboxes_off.items():
            self._log.info("off: /{tree}/: {reason}", tree=name, reason=reason)
        for prefix in _ABSENT:
            self._log.info("off: /{tree}/: not part of this version", tree=prefix)
        for name, secret in self._secrets():
            if secret is not None and any(map(secret.matches, _WELL_KNOWN_TOKENS)):
                self._log.warn(
                    "{name} is a well-known default: anyone can use this server. Change it.",
                    name=name,
                )
        if names:
            self._log.info(_TRY, port=self._settings.edge.port)

    def _secrets(self) -> list[tuple[str, Secret | None]]:
        storage = self._settings.storage
        claudebox = self._settings.claudebox
        return [
            ("LITELLM_MASTER_KEY", self._settings.master_key),
            ("HYBRIDS3_MASTER_KEY", storage.master_key),
            ("HYBRIDS3_UPLOADS_KEY", storage.uploads_key),
            ("CLAUDEBOX_API_TOKEN", claudebox.api_token),
            ("CLAUDEBOX_ZAI_API_TOKEN", claudebox.zai.api_token),
        ]

    def reload(self, configuration: Configuration) -> None:
        """
        Take on what can change without a restart.

        @raise SettingsError: The configuration cannot be used: nothing has changed.
        """
        # Whatever can be refused comes before whatever changes.
        if self._storage is not None:
            configured_storage(configuration)
        self._gateway.reload(configuration)
        if self._storage is not None:
            self._storage.reload(configuration)
        names = ", ".join(self._gateway.gateway.catalogue.names)
        self._log.info("reloaded; on: {names}", names=names)

    def drain(self) -> Deferred[None]:
        """
        Start no work by ourselves any more.

        @return: Fires when none is left.
        """
        return self._jobs.drain()

    def cut(self) -> None:
        """Leave off the work that is left."""
        self._jobs.cut()

    async def stop(self) -> None:
        """End what runs beside the reactor."""
        await self._jobs.stop()
        await self._gateway.stop()
        for tree in self._claudeboxes.values():
            await tree.stop()
        if self._storage is not None:
            await self._storage.stop()
        await self._database.stop()
        self._threads.stop()
        if self._lock is not None:
            self._lock.close()
