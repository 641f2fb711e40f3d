"""The page and its files."""

from __future__ import annotations

from collections.abc import Mapping

from twisted_aigate.admin.assets import Asset
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.errors import Headers, HTTPError
from twisted_aigate.web.reply import Reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router

_PAGE = "index.html"
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    b"connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'self'; "
    b"frame-ancestors 'none'"
)
_SAFETY: Headers = (
    (b"Content-Security-Policy", _POLICY),
    (b"Referrer-Policy", b"no-referrer"),
    (b"Cross-Origin-Opener-Policy", b"same-origin"),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
)


class PageRoutes:
    """
    C{/} and C{/assets/}.

    @param assets: The files, by their paths.
    """

    def __init__(self, assets: Mapping[str, Asset]) -> None:
        self._assets = assets

    def add_to(self, router: Router, visitor: Authorise[None], loader: Authorise[None]) -> None:
        """
        Add the routes.

        @param visitor: Says who may load the page.
        @param loader: Says who may load its files.
        """
        router.add("GET", "/", self._page, visitor)
        router.add("GET", "/assets/<path:name>", self._asset, loader)

    async def _page(self, request: Request, caller: None) -> Reply:
        return _reply(request, self._assets[_PAGE])

    async def _asset(self, request: Request, caller: None, name: str) -> Reply:
        asset = self._assets.get(name)
        if asset is None or name == _PAGE:
            raise HTTPError(404, "There is no such file.")
        return _reply(request, asset)


def _reply(request: Request, asset: Asset) -> Reply:
    fields: Headers = (
        *_SAFETY,
        (b"ETag", asset.etag),
        # Kept, and asked about each time: its name stays when it changes.
        (b"Cache-Control", b"no-cache"),
        (b"Vary", b"Accept-Encoding"),
    )
    known = request.joined_field(b"if-none-match") or b""
    if asset.etag in known:
        return Reply(b"", b"", 304, fields)
    if b"gzip" in (request.joined_field(b"accept-encoding") or b""):
        encoded = (*fields, (b"Content-Encoding", b"gzip"))
        return Reply(asset.packed, asset.content_type, 200, encoded)
    return Reply(asset.body, asset.content_type, 200, fields)
