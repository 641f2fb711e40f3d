"""Object storage: at its prefix, and alone at the root of another port."""

from __future__ import annotations

from collections.abc import Iterator

from twisted_aigate.interfaces import FigureSource, ToolSource, Uploads
from twisted_aigate.kernel.settings import Configuration
from twisted_aigate.platform.endpoints import Endpoints
from twisted_aigate.platform.shared import Shared
from twisted_aigate.storage.buckets import configured_storage
from twisted_aigate.storage.routes import (
    Callers,
    StorageAPI,
    render_plain_error,
    storage_routes,
)
from twisted_aigate.storage.routes.tools import ToolCallers
from twisted_aigate.storage.tools import StorageTools
from twisted_aigate.storage.tree import StorageTree, missing
from twisted_aigate.storage.uploading import StorageUploads
from twisted_aigate.web.site import Site, Tree

_SERVER = "hybrids3"
"""What its tools' server is called."""


class StoragePart:
    """
    Storage.

    @param shared: What it is built on.
    @param endpoints: Where an endpoint for its tools is made.
    @raise SettingsError: The configuration cannot be used.
    @ivar figures: Its figures, by its name; none when it is off.
    @ivar tools: Its tools, by their server's name; none when it is off.
    @ivar uploads: Keeps what others make; C{None} when it is off.
    """

    def __init__(self, shared: Shared, endpoints: Endpoints) -> None:
        self._shared = shared
        self._endpoints = endpoints
        self._off = missing(shared.configuration)
        self._storage: StorageTree | None = None
        if self._off is None:
            self._storage = StorageTree(
                shared.reactor, shared.configuration, shared.database, shared.threads
            )
        self.figures: dict[str, FigureSource] = {}
        self.tools: dict[str, ToolSource] = {}
        self.uploads: Uploads | None = None
        if self._storage is not None:
            self.figures["storage"] = self._storage.figures
            parts = self._storage.store, self._storage.buckets, self._storage.keys
            self.tools[_SERVER] = StorageTools(*parts, "/storage")
            self.uploads = StorageUploads(*parts, "/storage")
        # One for both ports: an address has one allowance.
        self._limiter = shared.limiter("storage")

    def trees(self) -> Iterator[Tree]:
        """See L{Part}."""
        if self._storage is None:
            yield self._shared.off_tree("storage", f"Storage is off: {self._off}.", "storage")
        else:
            health = frozenset((b"/health",))
            tree = self._tree(self._storage, b"storage", health, always_s3=False)
            callers = ToolCallers(self._storage.keys)
            yield self._endpoints.beside(tree, self.tools[_SERVER], callers, callers.admit)

    def site(self) -> Site | None:
        """S3 alone, at the root of a port of its own; C{None}: storage is off."""
        if self._storage is None:
            return None
        tree = self._tree(self._storage, b"", frozenset(), always_s3=True)
        return Site([tree], self._shared.addresses(), self._shared.reactor)

    def _tree(
        self, storage: StorageTree, prefix: bytes, unlimited: frozenset[bytes], *, always_s3: bool
    ) -> Tree:
        callers = Callers(storage.keys, storage.store.now, always_s3=always_s3)
        path = f"/{prefix.decode('ascii')}" if prefix else ""
        api = StorageAPI(storage.store, storage.uploads, storage.buckets, path)
        return Tree(
            prefix,
            storage_routes(api, callers),
            render_plain_error,
            self._limiter,
            unlimited,
            self._shared.settings.edge.timeouts.api,
            callers.errors_for,
        )

    def summary(self) -> Iterator[tuple[str, str | None]]:
        """See L{Part}."""
        yield "/storage/", self._off

    def check(self, configuration: Configuration) -> None:
        """See L{Part}."""
        if self._storage is not None:
            configured_storage(configuration)

    async def start(self) -> None:
        """See L{Part}."""
        if self._storage is not None:
            await self._storage.start()

    def reload(self, configuration: Configuration) -> None:
        """See L{Part}."""
        if self._storage is not None:
            self._storage.reload(configuration)

    async def stop(self) -> None:
        """See L{Part}."""
        if self._storage is not None:
            await self._storage.stop()
