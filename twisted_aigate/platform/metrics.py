"""Figures of all parts, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from twisted_aigate import __version__
from twisted_aigate.interfaces import FigureSource, Tunnel
from twisted_aigate.kernel.figures import Family, gauge
from twisted_aigate.kernel.lag import ReactorLag
from twisted_aigate.kernel.settings import Configuration
from twisted_aigate.metrics.routes import metrics_routes
from twisted_aigate.metrics.service import Metrics
from twisted_aigate.platform.shared import Shared
from twisted_aigate.web.off import render_json_error
from twisted_aigate.web.site import Site, Tree

Sites = Callable[[], Mapping[str, Site]]
"""The sites that are served, by what their tree with the empty prefix is called."""


class _ServerFigures:
    def __init__(self, sites: Sites, tunnel: Tunnel, lag: ReactorLag) -> None:
        self._sites = sites
        self._tunnel = tunnel
        self._lag = lag

    async def figures(self) -> Sequence[Family]:
        sites = self._sites()
        families = [each for root, site in sites.items() for each in site.traffic.families(root)]
        connections = sum(site.connections for site in sites.values())
        families.append(gauge("aigate_http_connections", "Connections of clients.", connections))
        families.append(self._lag.family())
        version = [((__version__,), 1.0)]
        families.append(Family("aigate_info", "gauge", "The version.", version, ("version",)))
        is_up = self._tunnel.status().state == "up"
        families.append(gauge("aigate_tunnel_up", "Whether the tunnel is in connection.", is_up))
        return families


class MetricsPart:
    """
    The figures.

    @param shared: What they are built on.
    @param sources: The trees that have some, by name.
    @param sites: Counted on the way.
    @param tunnel: Looked at.
    """

    def __init__(
        self, shared: Shared, sources: Mapping[str, FigureSource], sites: Sites, tunnel: Tunnel
    ) -> None:
        self._shared = shared
        self._lag = ReactorLag(shared.reactor)
        server = _ServerFigures(sites, tunnel, self._lag)
        self._metrics = Metrics({"server": server, **sources}, shared.threads)

    def trees(self) -> Iterator[Tree]:
        """See L{Part}."""
        settings = self._shared.settings
        token = settings.metrics.token
        tokens = [settings.master_key, *([] if token is None else [token])]
        yield Tree(
            b"metrics",
            metrics_routes(self._metrics, tokens),
            render_json_error,
            self._shared.limiter("admin"),
            frozenset(),
            settings.edge.timeouts.admin,
        )

    def summary(self) -> Iterator[tuple[str, str | None]]:
        """See L{Part}."""
        yield "/metrics", None

    def check(self, configuration: Configuration) -> None:
        """See L{Part}; nothing of it changes without a restart."""

    async def start(self) -> None:
        """See L{Part}."""
        self._lag.start()

    def reload(self, configuration: Configuration) -> None:
        """See L{Part}; nothing of it changes without a restart."""

    async def stop(self) -> None:
        """See L{Part}."""
        self._lag.stop()
