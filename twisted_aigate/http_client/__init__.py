"""
A lean HTTP/1.1 client for the calls whose cost shows: pooled, streamed both ways, cancellable.

treq's stack takes most of a proxied call's time. This one parses with llhttp, writes a request in
one piece, and hands a response that came in one piece over in one piece.
"""

from twisted_aigate.http_client.client import HTTPClient
from twisted_aigate.http_client.errors import (
    BadResponse,
    ConnectFailed,
    ConnectionBroken,
    ResponseTimeout,
    SwitchRefused,
    UpstreamError,
)
from twisted_aigate.http_client.messages import Origin, OutgoingRequest
from twisted_aigate.http_client.response import Response
from twisted_aigate.http_client.websocket import WebSocketClient

__all__ = [
    "BadResponse",
    "ConnectFailed",
    "ConnectionBroken",
    "HTTPClient",
    "Origin",
    "OutgoingRequest",
    "Response",
    "ResponseTimeout",
    "SwitchRefused",
    "UpstreamError",
    "WebSocketClient",
]
