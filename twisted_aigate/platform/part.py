"""A part of the platform: one service and its trees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from twisted_aigate.kernel.settings import Configuration
from twisted_aigate.web.site import Tree


class Part(Protocol):
    """What a part can be asked."""

    def trees(self) -> Iterator[Tree]:
        """Its trees for the site; asked for once."""

    def summary(self) -> Iterator[tuple[str, str | None]]:
        """What it has, each with C{None} when that is on, or the reason why it is off."""

    def check(self, configuration: Configuration) -> None:
        """
        See whether L{reload} could take a configuration.

        @raise SettingsError: It could not.
        """

    async def start(self) -> None:
        """
        Make ready what requests need.

        @raise Exception: It cannot be.
        """

    def reload(self, configuration: Configuration) -> None:
        """
        Take on what can change without a restart.

        @raise SettingsError: The configuration cannot be used: nothing has changed.
        """

    async def stop(self) -> None:
        """End what runs beside the reactor; for one that has not started, too."""
