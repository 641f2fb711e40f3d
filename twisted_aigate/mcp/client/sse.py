"""
The older transport: one stream of events for all that the server sends, and POSTs for the rest.

Source: https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.python.failure import Failure

from twisted_aigate.http_client import HTTPClient, OutgoingRequest, UpstreamError
from twisted_aigate.http_client.messages import Fields, Origin, split_url
from twisted_aigate.kernel.latch import Latch
from twisted_aigate.kernel.units import KB
from twisted_aigate.mcp.client.events import EventReader, ServerEvent
from twisted_aigate.mcp.client.transport import Lost, Receiver
from twisted_aigate.mcp.errors import MCPError
from twisted_aigate.mcp.wire import decode, encode

_MOST_REASON = 2 * KB


class SSETransport:
    """
    A connection to a server; a L{twisted_aigate.mcp.client.transport.Transport}.

    @param client: Makes calls.
    @param url: The server's stream.
    @param fields: Header fields that every request has.
    @param timeout: Seconds in which a message must be taken; 0: no end.
    """

    def __init__(self, client: HTTPClient, url: str, fields: Fields, timeout: float) -> None:
        self._client = client
        self._url = url
        self._fields = fields
        self._timeout = timeout
        self._endpoint: Latch[str | Lost] = Latch()
        self._reading: Deferred[None] | None = None

    async def open(self, receiver: Receiver) -> None:
        """See L{Transport}."""
        self._reading = Deferred.fromCoroutine(self._read(receiver))

        def over(result: Failure | None) -> None:
            reason = Lost("its stream has ended")
            if isinstance(result, Failure) and not result.check(CancelledError):
                reason = Lost(str(result.value))
            self._endpoint.open(reason)
            receiver.lost(reason)

        self._reading.addBoth(over)
        endpoint = await self._endpoint.wait()
        if isinstance(endpoint, Lost):
            raise endpoint

    async def _read(self, receiver: Receiver) -> None:
        def take(event: ServerEvent) -> None:
            if event.kind == "endpoint":
                endpoint = urljoin(self._url, event.data.decode("utf-8", "replace"))
                # Its messages, and with them its key, go to no other server.
                if _origin(endpoint) == _origin(self._url):
                    self._endpoint.open(endpoint)
                return
            try:
                receiver.received(decode(event.data))
            except MCPError as error:
                raise Lost(error.message) from None

        origin, target = _taken_apart(self._url)
        accept = (b"Accept", b"text/event-stream")
        request = OutgoingRequest(b"GET", target, (*self._fields, accept))
        # It may be silent for as long as it likes.
        response = await self._client.request(origin, request, 0)
        if response.status != 200:
            reason = (await response.read(_MOST_REASON)).decode("utf-8", "replace")
            raise Lost(f"it answers {response.status}: {reason}")
        await response.startProducing(EventReader(take))

    async def send(self, message: Mapping[str, Any]) -> None:
        """See L{Transport}."""
        endpoint = await self._endpoint.wait()
        if isinstance(endpoint, Lost):
            raise endpoint
        origin, target = _taken_apart(endpoint)
        fields = (*self._fields, (b"Content-Type", b"application/json"))
        request = OutgoingRequest(b"POST", target, fields, encode(message))
        try:
            response = await self._client.request(origin, request, self._timeout)
            reason = await response.read(_MOST_REASON)
        except UpstreamError as error:
            raise Lost(str(error)) from None
        if response.status not in (200, 202, 204):
            raise Lost(f"it answers {response.status}: {reason.decode('utf-8', 'replace')}")

    def agreed(self, version: str) -> None:
        """See L{Transport}; nothing depends on it."""

    def close(self) -> Deferred[None]:
        """See L{Transport}."""
        if self._reading is not None:
            self._reading.cancel()
        return succeed(None)


def _taken_apart(url: str) -> tuple[Origin, bytes]:
    origin, path = split_url(url)
    query = url.partition("?")[2]
    slash = "/" if url.partition("?")[0].endswith("/") else ""
    return origin, f"{path}{slash}{'?' + query if query else ''}".encode("ascii") or b"/"


def _origin(url: str) -> Origin:
    return split_url(url)[0]
