"""The admin page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from twisted.logger import globalLogPublisher

from twisted_aigate import __version__
from twisted_aigate.admin.assets import load_assets
from twisted_aigate.admin.feed import Feed
from twisted_aigate.admin.figures import Figures
from twisted_aigate.admin.routes import Access, admin_routes
from twisted_aigate.interfaces import Snapshot
from twisted_aigate.kernel.log_ring import LogRing
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.settings import Configuration
from twisted_aigate.platform.secrets import all_secrets
from twisted_aigate.platform.shared import Shared
from twisted_aigate.web.off import render_json_error
from twisted_aigate.web.site import Tree

_PREFIX = "ui"
_LOG_EVENTS = 5000


class AdminPart:
    """
    The admin page.

    @param shared: What it is built on.
    @param snapshots: How things stand, by the names that the page knows.
    @ivar figures: To be told what happens.
    @ivar feed: Tells open pages.
    """

    def __init__(self, shared: Shared, snapshots: Mapping[str, Snapshot]) -> None:
        self._shared = shared
        self._ring = LogRing(_LOG_EVENTS, all_secrets(shared.settings))
        self.figures = Figures(shared.reactor)
        self.feed = Feed(shared.reactor, self.figures, self._ring, snapshots, __version__)

    def trees(self) -> Iterator[Tree]:
        """See L{Part}."""
        settings = self._shared.settings
        access = Access(
            settings.master_key, settings.admin.basic_auth, self._shared.limiter("admin")
        )
        prefix = _PREFIX.encode("ascii")
        routes = admin_routes(prefix, access, load_assets(), self.feed, self._ring, self._tokens())
        yield Tree(
            prefix,
            routes,
            render_json_error,
            # It counts by itself: not all of it counts.
            None,
            frozenset(),
            settings.edge.timeouts.admin,
        )

    def _tokens(self) -> Mapping[bytes, Secret]:
        settings = self._shared.settings
        tokens = {
            b"": settings.master_key,
            b"storage": settings.storage.master_key,
            b"claudebox": settings.claudebox.api_token,
            b"claudebox-zai": settings.claudebox.zai.api_token,
            b"stealthy-auto-browse": settings.browser.token,
        }
        return {prefix: token for prefix, token in tokens.items() if token is not None}

    def summary(self) -> Iterator[tuple[str, str | None]]:
        """See L{Part}."""
        yield f"/{_PREFIX}/", None

    def check(self, configuration: Configuration) -> None:
        """See L{Part}; nothing of it changes without a restart."""

    async def start(self) -> None:
        """See L{Part}."""
        globalLogPublisher.addObserver(self._ring)

    def reload(self, configuration: Configuration) -> None:
        """See L{Part}; nothing of it changes without a restart."""

    async def stop(self) -> None:
        """See L{Part}."""
        self.feed.stop()
        globalLogPublisher.removeObserver(self._ring)
