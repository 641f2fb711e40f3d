"""How a call can fail before, or instead of, an HTTP status."""

from __future__ import annotations


class UpstreamError(Exception):
    """A call got no complete response."""


class ConnectFailed(UpstreamError):
    """No connection could be made; nothing was sent."""


class ConnectionBroken(UpstreamError):
    """The connection was lost before the response was complete."""


class ResponseTimeout(UpstreamError):
    """The response, or the next piece of it, did not come in time."""


class BadResponse(UpstreamError):
    """What came is not HTTP."""
