"""
The streamable HTTP transport, as a client.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.http_client import HTTPClient, OutgoingRequest, Response, UpstreamError
from twisted_aigate.http_client.messages import Fields, split_url
from twisted_aigate.kernel.units import KB, SECOND
from twisted_aigate.mcp.client.events import MOST, EventReader, EventTooLarge, ServerEvent
from twisted_aigate.mcp.client.transport import Lost, Receiver, SessionLost
from twisted_aigate.mcp.errors import MCPError
from twisted_aigate.mcp.wire import decode, encode

RETRY = 1 * SECOND
"""After which a stream is taken up again whose server has not said."""

_PATIENCE = 2 * SECOND
"""That a server has to hear that its session is over."""

_log = Logger()

MOST_RETRIES = 5
"""How often a stream is taken up again that brings nothing."""

_MOST_REASON = 2 * KB
_JSON = (b"Content-Type", b"application/json")
_BOTH = (b"Accept", b"application/json, text/event-stream")
_STREAM = (b"Accept", b"text/event-stream")


class HTTPTransport:
    """
    A connection to a server; a L{twisted_aigate.mcp.client.transport.Transport}.

    @param client: Makes calls.
    @param clock: Where waiting lives.
    @param url: The server's endpoint.
    @param fields: Header fields that every request has.
    @param timeout: Seconds without progress after which a call fails; 0: no end.
    """

    def __init__(
        self,
        client: HTTPClient,
        clock: IReactorTime,
        url: str,
        fields: Fields,
        timeout: float,
    ) -> None:
        self._client = client
        self._clock = clock
        self._origin, path = split_url(url)
        # As it is configured: a slash at its end may matter.
        query = url.partition("?")[2]
        slash = "/" if url.partition("?")[0].endswith("/") else ""
        self._target = f"{path}{slash}{'?' + query if query else ''}".encode("ascii") or b"/"
        self._fields = fields
        self._timeout = timeout
        self._session: bytes | None = None
        self._version: bytes | None = None
        self._receiver: Receiver | None = None
        self._listening: Deferred[None] | None = None

    async def open(self, receiver: Receiver) -> None:
        """See L{Transport}; nothing is sent before there is something to say."""
        self._receiver = receiver

    def agreed(self, version: str) -> None:
        """See L{Transport}."""
        self._version = version.encode("ascii")
        # What the server tells by itself. Not all servers do.
        self._listening = Deferred.fromCoroutine(self._listen())
        self._listening.addErrback(_ended)

    async def send(self, message: Mapping[str, Any]) -> None:
        """See L{Transport}."""
        response = await self._request(b"POST", (_JSON, _BOTH), encode(message))
        if response.status == 404 and self._session is not None:
            await response.read(_MOST_REASON)
            raise SessionLost("its session is over")
        if response.status not in (200, 202):
            reason = (await response.read(_MOST_REASON)).decode("utf-8", "replace")
            raise Lost(f"it answers {response.status}: {reason}")
        session = response.field(b"mcp-session-id")
        if session is not None:
            self._session = session
        kind = (response.field(b"content-type") or b"").partition(b";")[0].strip()
        if kind == b"text/event-stream":
            await self._follow(response, message.get("id"))
        else:
            body = await self._whole(response)
            if body and "id" in message and "method" in message:
                self._take(body)

    async def _request(self, method: bytes, fields: Fields, body: bytes = b"") -> Response:
        own: list[tuple[bytes, bytes]] = []
        if self._session is not None:
            own.append((b"Mcp-Session-Id", self._session))
        if self._version is not None:
            own.append((b"MCP-Protocol-Version", self._version))
        request = OutgoingRequest(method, self._target, (*self._fields, *fields, *own), body)
        try:
            return await self._client.request(self._origin, request, self._timeout)
        except UpstreamError as error:
            raise Lost(str(error)) from None

    async def _whole(self, response: Response) -> bytes:
        try:
            return await response.read(MOST)
        except UpstreamError as error:
            raise Lost(str(error)) from None

    def _take(self, text: bytes) -> None:
        assert self._receiver is not None
        try:
            self._receiver.received(decode(text))
        except MCPError as error:
            _log.warn("an MCP server sends what is no JSON: {error}", error=error.message)

    # Streams.

    async def _follow(self, response: Response, awaited: Any) -> None:
        """
        Read a stream until the answer to a request is there, and take it up when it ends before.

        @param awaited: The request's id.
        """
        answered, retries = False, 0

        def take(event: ServerEvent) -> None:
            nonlocal answered, retries
            retries = 0
            self._take(event.data)
            answered = answered or _answers(event.data, awaited)

        reader = EventReader(take)
        while True:
            try:
                await response.startProducing(reader)
            except (UpstreamError, EventTooLarge) as error:
                if not reader.last_id:
                    raise Lost(str(error)) from None
            if answered or awaited is None:
                return
            if not reader.last_id or retries >= MOST_RETRIES:
                raise Lost("its stream ended before the answer")
            retries += 1
            await self._pause(RETRY if reader.retry is None else reader.retry)
            response = await self._resume(reader.last_id)

    async def _resume(self, last_id: str) -> Response:
        last = (b"Last-Event-ID", last_id.encode("utf-8"))
        response = await self._request(b"GET", (_STREAM, last))
        if response.status != 200:
            await response.read(_MOST_REASON)
            raise Lost(f"it answers {response.status} when its stream is taken up again")
        return response

    async def _listen(self) -> None:
        reader = EventReader(lambda event: self._take(event.data))
        while True:
            try:
                fields: Fields = (_STREAM,)
                if reader.last_id:
                    fields = (_STREAM, (b"Last-Event-ID", reader.last_id.encode("utf-8")))
                response = await self._request(b"GET", fields)
                if response.status != 200:
                    await response.read(_MOST_REASON)
                    return
                await response.startProducing(reader)
            except (Lost, UpstreamError, EventTooLarge) as error:
                _log.debug("an MCP server's stream ended: {error}", error=str(error))
            await self._pause(RETRY if reader.retry is None else max(reader.retry, RETRY))

    async def _pause(self, seconds: float) -> None:
        over: Deferred[None] = Deferred(lambda _: timer.cancel())
        timer = self._clock.callLater(seconds, over.callback, None)
        await over

    def close(self) -> Deferred[None]:
        """See L{Transport}; the session is ended."""
        if self._listening is not None:
            self._listening.cancel()
        ending = Deferred.fromCoroutine(self._end())
        ending.addTimeout(_PATIENCE, self._clock)
        ending.addErrback(_ended)
        return ending

    async def _end(self) -> None:
        if self._session is None:
            return
        response = await self._request(b"DELETE", ())
        await response.read(_MOST_REASON)


def _ended(failure: Failure) -> None:
    # Of a connection that nobody needs it does not matter how it ends.
    if not failure.check(CancelledError, TimeoutError, Lost, UpstreamError):
        _log.failure("an MCP server's connection failed", failure)


def _answers(data: bytes, awaited: Any) -> bool:
    try:
        value = decode(data)
    except MCPError:
        return False
    return isinstance(value, dict) and value.get("id") == awaited and "method" not in value
