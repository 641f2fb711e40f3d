"""A tree that is off: it says so, and how to turn it on."""

from __future__ import annotations

import msgspec

from twisted_aigate.web.errors import HTTPError, RenderedError
from twisted_aigate.web.request import Request


class SwitchedOff:
    """
    Answers every request with 503.

    @param reason: One line: what is missing and how to turn it on.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def render(self, request: Request) -> int:
        """Refuse."""
        raise HTTPError(503, self.reason, code="switched_off")


def render_json_error(error: Exception, request_id: str) -> RenderedError | None:
    """An L{twisted_aigate.web.errors.ErrorFormat}: C{{"error", "request_id"}}."""
    if not isinstance(error, HTTPError):
        return None
    body = msgspec.json.encode({"error": error.message, "request_id": request_id})
    return RenderedError(error.status, body, headers=error.headers)
