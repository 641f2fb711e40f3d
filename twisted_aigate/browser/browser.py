"""A browser as its actions have it: in its own thread, one action at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from twisted_aigate.browser.input.interface import Input
from twisted_aigate.browser.pace import Pace

if TYPE_CHECKING:
    # It comes with selenium, which only a browser that runs pays for.
    from twisted_aigate.browser.page import Page


class Traffic(Protocol):
    """What goes between a browser and the world; asked from any thread."""

    def quiet_for(self) -> float:
        """Seconds since anything went, or an answer was awaited; 0: one is awaited now."""

    def refusal(self, url: str) -> str | None:
        """Why an address's host could not be reached, if that is known."""


@frozen(eq=False)
class Browser:
    """
    A browser.

    @ivar page: What it shows.
    @ivar input: Its mouse and keyboard.
    @ivar pace: How time passes for it.
    @ivar traffic: What goes between it and the world.
    @ivar desktop: A picture of its desktop, as PNG.
    @ivar downloads: The folder that it downloads to; C{None}: it is out of reach.
    @ivar uploads: The folder that its pages may be given files of.
    """

    page: Page
    input: Input
    pace: Pace
    traffic: Traffic
    desktop: Callable[[], bytes]
    downloads: Path | None
    uploads: Path
