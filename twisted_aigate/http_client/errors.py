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


class SwitchRefused(Exception):
    """
    A server did not switch protocols, and answered with something else.

    @ivar status: The answer's status.
    @ivar fields: Its header fields, names in lower case.
    @ivar body: Its body, or the beginning of a long one.
    """

    def __init__(self, status: int, fields: tuple[tuple[bytes, bytes], ...], body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.fields = fields
        self.body = body
