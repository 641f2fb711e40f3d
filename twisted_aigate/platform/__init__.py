"""
The trees and what they run on, built out of the configuration.

This package and L{twisted_aigate.application} are the only ones that know every tree.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import SystemRandom
from typing import Any, BinaryIO

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger

from twisted_aigate.admin.feed import Service
from twisted_aigate.gateway.config_file import SECTIONS as GATEWAY_SECTIONS
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.folder_lock import lock_folder
from twisted_aigate.kernel.node import node_name
from twisted_aigate.kernel.redis import Redis
from twisted_aigate.kernel.settings import Configuration, Settings
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.mcp.client.config import SECTIONS as MCP_SECTIONS
from twisted_aigate.platform.admin import AdminPart
from twisted_aigate.platform.browser import BrowserPart
from twisted_aigate.platform.claudebox import ClaudeboxPart
from twisted_aigate.platform.endpoints import Endpoints
from twisted_aigate.platform.gateway import GatewayPart, JobsPart
from twisted_aigate.platform.mcp import McpPart
from twisted_aigate.platform.metrics import MetricsPart
from twisted_aigate.platform.part import Part
from twisted_aigate.platform.secrets import weak_secrets
from twisted_aigate.platform.shared import Shared
from twisted_aigate.platform.storage import StoragePart
from twisted_aigate.platform.tools import LateTools
from twisted_aigate.platform.tunnel import TunnelPart
from twisted_aigate.storage.buckets import SECTIONS as STORAGE_SECTIONS
from twisted_aigate.web.site import Site

_SECTIONS = {*GATEWAY_SECTIONS, *STORAGE_SECTIONS, *MCP_SECTIONS}
"""The sections of the configuration file."""

_FILE_THREADS = 8
_MIGRATIONS = "twisted_aigate.migrations"
_TRY = (
    "try: . ./.env; curl localhost:{port}/v1/chat/completions"
    ' -H "Authorization: Bearer $LITELLM_MASTER_KEY" -H "Content-Type: application/json"'
    ' -d \'{{"model": "default", "messages": [{{"role": "user", "content": "Hello!"}}]}}\''
)
"""The command that a new user is shown."""


def unknown_sections(configuration: Configuration) -> list[str]:
    """The sections of the configuration file that nobody reads."""
    return sorted(set(configuration.file) - _SECTIONS)


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
        self._configuration = configuration
        self._settings = settings = configuration.settings
        uploads = settings.data_dir / "uploads"
        uploads.mkdir(parents=True, exist_ok=True)
        self._lock: BinaryIO | None = None
        self._threads = Threads(reactor, _FILE_THREADS, "files")
        self._database = Database(reactor, _database_url(settings), _MIGRATIONS)
        address = settings.redis
        self._redis = None if address is None else Redis(reactor, address, SystemRandom())
        shared = Shared(
            reactor,
            configuration,
            self._database,
            self._redis,
            self._threads,
            uploads,
            node_name(settings.data_dir),
        )
        self._endpoints = Endpoints(shared)
        storage = StoragePart(shared, self._endpoints)
        claudebox = ClaudeboxPart(shared, self._endpoints)
        browser = BrowserPart(shared, self._endpoints, storage.uploads)
        late = LateTools()
        self._gateway = GatewayPart(shared, claudebox, late)
        self._jobs = JobsPart(shared, self._gateway)
        tools = {**storage.tools, **claudebox.tools, **browser.tools}
        mcp = McpPart(shared, self._endpoints, tools, self._gateway, storage.uploads)
        late.come_from(mcp.tools)
        self._tunnel = TunnelPart(shared)
        figures = {
            **storage.figures,
            **claudebox.figures,
            **browser.figures,
            **self._gateway.figures,
            **self._jobs.figures,
        }
        self._admin = AdminPart(
            shared,
            {
                "models": self._gateway.standing,
                "runs": claudebox.standing,
                "browsers": browser.standing,
                "servers": mcp.standing,
                "tunnel": self._tunnel.status,
            },
        )
        self._gateway.tally.listener = self._admin.figures.spent
        # In the order in which they start: who asks another comes after it.
        self._parts: list[Part] = [
            self._admin,
            storage,
            claudebox,
            browser,
            self._gateway,
            self._jobs,
            mcp,
            MetricsPart(shared, figures, self._sites, self._tunnel),
            self._tunnel,
        ]
        trees = [tree for part in self._parts for tree in part.trees()]
        self.site = Site(trees, shared.addresses(), reactor)
        self.site.traffic.observer = self._admin.figures.answered
        self.s3_site = storage.site()

    def _sites(self) -> dict[str, Site]:
        sites = {"gateway": self.site}
        if self.s3_site is not None:
            sites["s3"] = self.s3_site
        return sites

    async def start(self) -> None:
        """
        Make everything ready that requests need.

        @raise Exception: It cannot be.
        """
        # Two processes on one folder would take each other's uploads for what a crash has left.
        self._lock = lock_folder(self._settings.data_dir)
        await self._database.start()
        if self._redis is not None:
            await self._redis.start()
        for part in self._parts:
            await part.start()

    async def open(self, listening: Iterable[tuple[str, IAddress]]) -> None:
        """
        Begin with what needs listening ports.

        @param listening: Where L{site} is: descriptions of endpoints, each with its address.
        """
        await self._tunnel.open(listening)

    def summarise(self) -> None:
        """Say what is on, what is off and why, and what to try."""
        for section in unknown_sections(self._configuration):
            self._log.warn(
                "configuration: {section} is not supported and has no effect", section=section
            )
        self._admin.feed.services = services = self._services()
        for service in services:
            self._say(service.name, service.reason)
        for name in weak_secrets(self._settings):
            self._log.warn(
                "{name} is a well-known default: anyone can use this server. Change it.",
                name=name,
            )
        if self._gateway.models:
            self._log.info(_TRY, port=self._settings.edge.port)

    def _services(self) -> list[Service]:
        return [Service(*each) for part in self._parts for each in part.summary()]

    def _say(self, what: str, reason: str | None) -> None:
        if reason is None:
            self._log.info("on: {what}", what=what)
        else:
            self._log.info("off: {what}: {reason}", what=what, reason=reason)

    def reload(self, configuration: Configuration) -> None:
        """
        Take on what can change without a restart.

        @raise SettingsError: The configuration cannot be used: nothing has changed.
        """
        # Whatever can be refused comes before whatever changes.
        for part in self._parts:
            part.check(configuration)
        for part in self._parts:
            part.reload(configuration)
        self._admin.feed.services = self._services()
        self._log.info("reloaded; on: {names}", names=", ".join(self._gateway.models))

    def drain(self) -> Deferred[None]:
        """
        Start no work by ourselves any more.

        @return: Fires when none is left.
        """
        self._endpoints.drain()
        return self._jobs.drain()

    def cut(self) -> None:
        """Leave off the work that is left."""
        self._jobs.cut()

    async def stop(self) -> None:
        """End what runs beside the reactor."""
        for part in reversed(self._parts):
            await part.stop()
        if self._redis is not None:
            await self._redis.stop()
        await self._database.stop()
        self._threads.stop()
        if self._lock is not None:
            self._lock.close()


def _database_url(settings: Settings) -> str:
    url = settings.database_url
    path = (settings.data_dir / "aigate.sqlite").absolute()
    return f"sqlite:///{path}" if url is None else url.reveal()
