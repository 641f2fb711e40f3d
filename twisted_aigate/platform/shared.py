"""What the trees share: one reactor, configuration, database and edge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import frozen

from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.redis import Redis
from twisted_aigate.kernel.settings import Configuration, Settings
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import Rate
from twisted_aigate.web.off import SwitchedOff, render_json_error
from twisted_aigate.web.proxies import LOOPBACK, ClientAddresses
from twisted_aigate.web.ratelimit import Limiter, RateLimiter
from twisted_aigate.web.shared_ratelimit import SharedRateLimiter
from twisted_aigate.web.site import Tree


@frozen(eq=False)
class Shared:
    """
    What every part is built on.

    @ivar reactor: Everything runs on it.
    @ivar configuration: The configuration at the start.
    @ivar database: What survives.
    @ivar redis: What processes share beside it; C{None}: this one keeps its own.
    @ivar threads: Where files are read and written.
    @ivar uploads: The folder for what comes with requests.
    @ivar node: This process's name among those that share the database.
    """

    reactor: Any
    configuration: Configuration
    database: Database
    redis: Redis | None
    threads: Threads
    uploads: Path
    node: str

    @property
    def settings(self) -> Settings:
        """The settings at the start."""
        return self.configuration.settings

    def addresses(self) -> ClientAddresses:
        """How clients' addresses are found."""
        trusted = self.settings.edge.trusted_proxies
        if self.settings.switches.tunnel:
            trusted = (*trusted, *LOOPBACK)
        return ClientAddresses(trusted)

    def limiter(self, zone: str) -> Limiter | None:
        """
        A rate limit by address; with Redis, of all processes that share it.

        @param zone: The name of its settings.
        @return: C{None}: it is off.
        """
        limits = self.settings.edge.rate_limits
        rate: Rate | None = getattr(limits, zone)
        burst: int = getattr(limits, f"{zone}_burst")
        if rate is None:
            return None
        alone = RateLimiter(rate, burst, self.reactor)
        if self.redis is None:
            return alone
        return SharedRateLimiter(zone, rate, burst, self.redis, alone)

    def off_tree(self, prefix: str, reason: str, zone: str) -> Tree:
        """
        A tree that is off.

        @param reason: One line: what is missing and how to turn it on.
        @param zone: Of its rate limit.
        """
        return Tree(
            prefix.encode("ascii"),
            SwitchedOff(reason),
            render_json_error,
            self.limiter(zone),
            frozenset(),
            self.settings.edge.timeouts.api,
        )
