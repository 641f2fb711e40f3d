"""The browser cluster."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from random import SystemRandom

from twisted_aigate.browser.programs import find_programs
from twisted_aigate.browser.routes import browser_routes, render_browser_error
from twisted_aigate.browser.routes.tools import tool_callers
from twisted_aigate.browser.tools import BrowserTools
from twisted_aigate.browser.tree import BrowserTree
from twisted_aigate.interfaces import FigureSource, ToolSource, Uploads
from twisted_aigate.kernel.settings import Configuration
from twisted_aigate.platform.endpoints import Endpoints
from twisted_aigate.platform.shared import Shared
from twisted_aigate.web.site import Tree

_PREFIX = "stealthy-auto-browse"
_SERVER = "stealthy_auto_browse"
"""What their tools' server is called."""


class BrowserPart:
    """
    The browsers.

    @param shared: What they are built on.
    @param endpoints: Where an endpoint for their tools is made.
    @param uploads: Keeps pictures; C{None}: nobody does.
    @raise SettingsError: The configuration cannot be used.
    @ivar tools: Their tools, by their server's name; none when they are off.
    @ivar figures: Their figures, by their name; none when they are off.
    """

    def __init__(self, shared: Shared, endpoints: Endpoints, uploads: Uploads | None) -> None:
        self._shared = shared
        self._endpoints = endpoints
        self.tools: dict[str, ToolSource] = {}
        self._off: str | None = None
        self._tree: BrowserTree | None = None
        self.figures: dict[str, FigureSource] = {}
        programs = find_programs(shared.settings, shutil.which)
        if isinstance(programs, str):
            self._off = programs
        else:
            self._tree = BrowserTree(
                shared.reactor,
                shared.configuration,
                programs,
                shared.threads,
                SystemRandom(),
                uploads,
                shared.redis,
            )
            self.tools[_SERVER] = BrowserTools(self._tree.browsers)
            self.figures["browser"] = self._tree

    def standing(self) -> dict[str, object] | None:
        """How the browsers are doing, if there are any; a L{Snapshot}."""
        return None if self._tree is None else self._tree.browsers.status()

    def trees(self) -> Iterator[Tree]:
        """See L{Part}."""
        if self._tree is None:
            yield self._shared.off_tree(_PREFIX, f"/{_PREFIX}/ is off: {self._off}.", "browser")
            return
        edge = self._shared.settings.edge
        routes = browser_routes(self._tree, edge.max_body_size)
        api = Tree(
            _PREFIX.encode("ascii"),
            routes,
            render_browser_error,
            self._shared.limiter("browser"),
            frozenset(routes.unlimited),
            edge.timeouts.browser,
        )
        yield self._endpoints.beside(api, self.tools[_SERVER], tool_callers(self._tree.token))

    def summary(self) -> Iterator[tuple[str, str | None]]:
        """See L{Part}."""
        yield f"/{_PREFIX}/", self._off

    def check(self, configuration: Configuration) -> None:
        """See L{Part}; nothing of it changes without a restart."""

    async def start(self) -> None:
        """See L{Part}."""
        if self._tree is not None:
            await self._tree.start()

    def reload(self, configuration: Configuration) -> None:
        """See L{Part}; nothing of it changes without a restart."""

    async def stop(self) -> None:
        """See L{Part}."""
        if self._tree is not None:
            await self._tree.stop()
