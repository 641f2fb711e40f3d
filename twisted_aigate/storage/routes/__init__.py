"""Storage over HTTP: who calls, what is wanted, and how it is answered."""

from twisted_aigate.storage.routes.api import StorageAPI
from twisted_aigate.storage.routes.caller import Callers, render_plain_error
from twisted_aigate.storage.routes.dispatch import Dispatcher
from twisted_aigate.web.routing import CatchAll

__all__ = ["Callers", "StorageAPI", "render_plain_error", "storage_routes"]


def storage_routes(api: StorageAPI, callers: Callers) -> CatchAll:
    """All of storage, as a L{twisted_aigate.web.site.Renderer}."""
    return CatchAll(Dispatcher(api), callers)
