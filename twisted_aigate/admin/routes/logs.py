"""The log, to be searched."""

from __future__ import annotations

from twisted_aigate.kernel.log_ring import LogRing
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router

_MOST = 1000
_NO_STORE = ((b"Cache-Control", b"no-store"),)


class LogRoutes:
    """
    C{/logs} over L{LogRing}.

    @param ring: The log.
    """

    def __init__(self, ring: LogRing) -> None:
        self._ring = ring

    def add_to(self, router: Router, authorise: Authorise[None]) -> None:
        """Add the route."""
        router.add("GET", "/logs", self._find, authorise)

    async def _find(self, request: Request, caller: None) -> Reply:
        levels = frozenset(filter(None, _text(request, b"level").split(",")))
        text = _text(request, b"limit") or str(_MOST)
        if not text.isdigit() or len(text) > 5:
            raise HTTPError(400, "limit must be a number.", param="limit")
        found = self._ring.find(
            _text(request, b"request_id"), _text(request, b"text"), levels, min(int(text), _MOST)
        )
        return json_reply({"events": found}, headers=_NO_STORE)


def _text(request: Request, name: bytes) -> str:
    return request.args.get(name, [b""])[0].decode("utf-8", "replace").strip()
