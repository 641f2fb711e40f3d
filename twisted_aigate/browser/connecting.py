"""
From processes that run to a browser that can be used. For the browser's thread.

This module, with selenium and the X client behind it, is imported when the first browser starts.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from random import Random

from twisted_aigate.browser.browser import Browser, Traffic
from twisted_aigate.browser.chromium import grid_options, local_options
from twisted_aigate.browser.dialogs import Dialogs
from twisted_aigate.browser.errors import ActionFailed
from twisted_aigate.browser.input.system import SystemInput
from twisted_aigate.browser.input.webdriver import WebDriverInput
from twisted_aigate.browser.pace import Pace
from twisted_aigate.browser.page import Page
from twisted_aigate.browser.screen import desktop_png
from twisted_aigate.kernel.units import SECOND

_WARM_UP = "data:text/html,<title>ready</title>"
_WARM_UP_TIMEOUT = 20 * SECOND


def connect_local(
    chromium: str,
    driver_port: int,
    display: int,
    proxy_port: int,
    folder: Path,
    traffic: Traffic,
    pace: Pace,
    random: Random,
) -> Browser:
    """
    Have a driver start a browser.

    @param chromium: The executable.
    @param driver_port: On loopback.
    @param display: The number of the display that it shows itself on.
    @param proxy_port: On loopback.
    @param folder: Where all files of its are.
    @param traffic: What goes between it and the world.
    @param pace: How time passes.
    @param random: Makes input uneven.
    @raise BrowserDied: It does not start.
    """
    downloads = folder / "downloads"
    options = local_options(chromium, folder / "profile", downloads, proxy_port)
    page = Page(f"http://127.0.0.1:{driver_port}", options, Dialogs())
    # The first page of a fresh browser may take seconds.
    page.open(_WARM_UP, _WARM_UP_TIMEOUT)
    return Browser(
        page=page,
        input=SystemInput(display, page, pace, random),
        pace=pace,
        traffic=traffic,
        desktop=partial(desktop_png, display),
        downloads=downloads,
        uploads=folder / "uploads",
    )


class UnknownTraffic:
    """A L{Traffic} of which nothing is known."""

    def quiet_for(self) -> float:
        """See L{Traffic}: a page that is loaded counts as quiet."""
        return float("inf")

    def refusal(self, url: str) -> str | None:
        """See L{Traffic}."""
        return None


def connect_grid(url: str, uploads: Path, pace: Pace) -> Browser:
    """
    Have a Grid start a browser.

    @param url: The Grid's.
    @param uploads: Where files are put on their way to it.
    @param pace: How time passes.
    @raise BrowserDied: It does not start.
    """
    page = Page(url, grid_options(), Dialogs(), is_far=True)
    return Browser(
        page=page,
        input=WebDriverInput(page, pace),
        pace=pace,
        traffic=UnknownTraffic(),
        desktop=_no_desktop,
        downloads=None,
        uploads=uploads,
    )


def _no_desktop() -> bytes:
    raise ActionFailed("the desktop of a Grid's browser is out of reach")
