"""The tree's errors: C{{"success": false, "error"}}."""

from __future__ import annotations

import msgspec

from twisted_aigate.browser.errors import BrowserError
from twisted_aigate.browser.routes.pinning import pin_to
from twisted_aigate.web.errors import Headers, HTTPError, RenderedError


def render_browser_error(error: Exception, request_id: str) -> RenderedError | None:
    """The L{twisted_aigate.web.errors.ErrorFormat} of the tree."""
    headers: Headers
    if isinstance(error, BrowserError):
        headers = () if error.replica is None else pin_to(error.replica)
    elif isinstance(error, HTTPError):
        headers = error.headers
    else:
        return None
    body = msgspec.json.encode({"success": False, "error": error.message})
    return RenderedError(error.status, body, headers=headers)
