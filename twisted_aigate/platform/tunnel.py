"""The tunnel that brings the internet here."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from random import SystemRandom

from twisted.internet.interfaces import IAddress

from twisted_aigate.interfaces import TunnelStatus
from twisted_aigate.kernel.settings import Configuration
from twisted_aigate.platform.shared import Shared
from twisted_aigate.tunnel.local import local_url
from twisted_aigate.tunnel.plan import plan_tunnel
from twisted_aigate.tunnel.tree import TunnelTree
from twisted_aigate.web.site import Tree


class TunnelPart:
    """
    The tunnel; a L{twisted_aigate.interfaces.Tunnel}.

    @param shared: What it is built on.
    @raise SettingsError: The configuration cannot be used.
    """

    def __init__(self, shared: Shared) -> None:
        self._tunnel = TunnelTree(
            shared.reactor,
            plan_tunnel(shared.settings, shutil.which),
            shared.configuration.environment,
            shared.settings.data_dir / "tunnel" / "config.yml",
            shared.threads,
            SystemRandom(),
        )

    def status(self) -> TunnelStatus:
        """See L{twisted_aigate.interfaces.Tunnel}."""
        return self._tunnel.status()

    def trees(self) -> Iterator[Tree]:
        """See L{Part}; there is none."""
        return iter(())

    def summary(self) -> Iterator[tuple[str, str | None]]:
        """See L{Part}."""
        yield "tunnel", self._tunnel.off

    def check(self, configuration: Configuration) -> None:
        """See L{Part}; nothing of it changes without a restart."""

    async def start(self) -> None:
        """See L{Part}; it begins with L{open}, when there is something to come to."""

    async def open(self, listening: Iterable[tuple[str, IAddress]]) -> None:
        """
        Begin.

        @param listening: Where all trees are: descriptions of endpoints and their addresses.
        """
        await self._tunnel.open(local_url(listening))

    def reload(self, configuration: Configuration) -> None:
        """See L{Part}; nothing of it changes without a restart."""

    async def stop(self) -> None:
        """See L{Part}."""
        await self._tunnel.stop()
