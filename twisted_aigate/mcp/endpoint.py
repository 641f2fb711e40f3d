"""An endpoint: what clients send, answered by a server, in sessions and without."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from mcp_types import (
    DEFAULT_NEGOTIATED_VERSION,
    ClientCapabilities,
    EmptyResult,
    InitializeResult,
)
from mcp_types.jsonrpc import (
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.interfaces import ToolCaller
from twisted_aigate.mcp.alone import StandAlone
from twisted_aigate.mcp.answers import Answered, Opened, Posted
from twisted_aigate.mcp.context import Context
from twisted_aigate.mcp.envelope import is_enveloped
from twisted_aigate.mcp.errors import NoSession, invalid_request, method_not_found
from twisted_aigate.mcp.exchange import Exchange
from twisted_aigate.mcp.messages import Message, parse
from twisted_aigate.mcp.revisions import HANDSHAKES, MODERN, has_batches, negotiated
from twisted_aigate.mcp.server import MCPServer, parsed, serialised
from twisted_aigate.mcp.session import Session
from twisted_aigate.mcp.sessions import Sessions
from twisted_aigate.mcp.streams import EventBody, EventStream
from twisted_aigate.mcp.wire import result
from twisted_aigate.mcp.work import progress_token, start

_EVENT_ID = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")
_OF_SESSIONS = frozenset(("logging/setLevel", "resources/subscribe", "resources/unsubscribe"))


class Endpoint:
    """
    An endpoint.

    @param server: What answers.
    @param clock: Where waiting lives.
    @param most_sessions: How many sessions there may be.
    @param session_idle: Seconds that an unused one lasts; 0: for ever.
    @ivar sessions: Its sessions.
    """

    def __init__(
        self, server: MCPServer, clock: IReactorTime, most_sessions: int, session_idle: float
    ) -> None:
        self._server = server
        self._clock = clock
        self._alone = StandAlone(server, clock)
        self.sessions = Sessions(
            clock, most_sessions, session_idle, server.announcements, self._forget
        )

    def _forget(self, session: str) -> None:
        if self._server.tools is not None:
            self._server.tools.forget(session)

    # POST.

    async def post(self, posted: Posted) -> Answered | Opened:
        """
        Take what a client has posted.

        @raise MCPError: It is refused as a whole.
        @raise NoSession: It names a session that there is not.
        @raise TooManySessions: It wants to begin one.
        """
        version = posted.header("mcp-protocol-version")
        if is_enveloped(posted.value) or not (version is None or version in HANDSHAKES):
            return await self._alone.post(posted)
        session = self._session(posted.header("mcp-session-id"), posted.caller)
        if session is not None:
            version = session.version
        version = version or DEFAULT_NEGOTIATED_VERSION
        value = posted.value
        if isinstance(value, list):
            if not value or not has_batches(version):
                raise invalid_request("One message is to be sent at a time")
            messages = [parse(one) for one in value]
        else:
            messages = [parse(value)]
        first = messages[0]
        if isinstance(first, JSONRPCRequest) and first.method == "initialize":
            if len(messages) > 1 or session is not None:
                raise invalid_request("initialize begins a session, and comes alone")
            return await self._initialize(first, posted)
        return await self._exchange(messages, posted, session, version)

    def _session(self, id: str | None, caller: ToolCaller) -> Session | None:
        if id is None:
            return None
        session = self.sessions.find(id, caller)
        if session is None:
            raise NoSession
        return session

    async def _initialize(self, request: JSONRPCRequest, posted: Posted) -> Answered | Opened:
        offered = (request.params or {}).get("protocolVersion")
        version = negotiated(offered if isinstance(offered, str) else "")
        client = parsed("initialize", version, request.params).params
        session = self.sessions.begin(posted.caller, version, client)
        answered = InitializeResult(
            protocol_version=version,
            capabilities=self._server.capabilities,
            server_info=self._server.info,
            instructions=self._server.instructions,
        )
        value = result(request.id, serialised("initialize", version, answered))
        if posted.json:
            return Answered(200, value, session.id)
        stream = session.new_stream()
        stream.send(value)
        stream.finish()
        return Opened(self._opened(stream, 0, session.tidy), session.id)

    async def _exchange(
        self, messages: list[Message], posted: Posted, session: Session | None, version: str
    ) -> Answered | Opened:
        requests = [message for message in messages if isinstance(message, JSONRPCRequest)]
        if session is not None:
            for request in requests:
                session.check_new(request.id)
        for message in messages:
            if isinstance(message, JSONRPCNotification):
                self._notified(message, session)
            elif isinstance(message, JSONRPCResponse | JSONRPCError) and session is not None:
                session.answered(message)
        if not requests:
            return Answered(202)
        exchange = self._new_exchange(posted, session, len(requests))
        for request in requests:
            context = self._context(exchange, request, posted, session, version)
            work = start(exchange, request, partial(self._answer, request, context, session))
            if session is not None:
                session.begin(request.id, work)
        begun = await exchange.begun
        if isinstance(begun, EventStream):
            return Opened(self._opened(begun, 0, exchange.left))
        return Answered(200, begun if isinstance(posted.value, list) else begun[0])

    def _new_exchange(self, posted: Posted, session: Session | None, expected: int) -> Exchange:
        stream = EventStream(None, primed=False) if session is None else session.new_stream()
        return Exchange(
            self._clock, stream, session, expected, json=posted.json, events=posted.events
        )

    def _context(
        self,
        exchange: Exchange,
        request: JSONRPCRequest,
        posted: Posted,
        session: Session | None,
        version: str,
    ) -> Context:
        return Context(
            exchange,
            request.id,
            version,
            ClientCapabilities() if session is None else session.capabilities,
            posted.caller,
            posted.base_url,
            None if session is None else session.id,
            progress_token=progress_token(request),
            log_level="info" if session is None else session.log_level,
        )

    def _notified(self, message: JSONRPCNotification, session: Session | None) -> None:
        if message.method == "notifications/cancelled" and session is not None:
            id = (message.params or {}).get("requestId")
            if isinstance(id, str | int):
                session.cancel(id)

    # Requests.

    async def _answer(
        self, request: JSONRPCRequest, context: Context, session: Session | None
    ) -> dict[str, Any]:
        if request.method in _OF_SESSIONS:
            return self._set(request, context, session)
        return await self._server.handle(request.method, request.params, context)

    def _set(
        self, request: JSONRPCRequest, context: Context, session: Session | None
    ) -> dict[str, Any]:
        params = parsed(request.method, context.version, request.params).params
        if request.method == "logging/setLevel":
            if session is not None:
                session.log_level = params.level
        elif not self._server.has_resources:
            raise method_not_found(request.method)
        elif session is None:
            raise invalid_request("Only in a session can be subscribed to a resource")
        elif request.method == "resources/subscribe":
            session.subscriptions.add(str(params.uri))
        else:
            session.subscriptions.discard(str(params.uri))
        return serialised(request.method, context.version, EmptyResult())

    # GET and DELETE.

    def has_streams(self, version: str | None) -> bool:
        """Whether there are streams that belong to no request, in a revision."""
        return version not in MODERN

    def open(self, session_id: str, caller: ToolCaller, last_event_id: str | None) -> Opened:
        """
        Open a session's own stream, or take another of its up again.

        @param last_event_id: The id of the last event that the client has; C{None}: its own.
        @raise NoSession: There is no such session.
        @raise MCPError: There is no such event.
        """
        session = self._session(session_id, caller)
        assert session is not None
        if last_event_id is None:
            return Opened(self._opened(session.own, None, session.tidy))
        known = _EVENT_ID.fullmatch(last_event_id)
        stream = None if known is None else session.stream(int(known[1]))
        if known is None or stream is None:
            raise invalid_request("Last-Event-ID is not the id of an event that is still known")
        return Opened(self._opened(stream, int(known[2]), session.tidy))

    def end(self, session_id: str, caller: ToolCaller) -> None:
        """
        End a session.

        @raise NoSession: There is none.
        """
        session = self._session(session_id, caller)
        assert session is not None
        self.sessions.end(session)

    def _opened(
        self, stream: EventStream, after: int | None, left: Callable[[], None]
    ) -> EventBody:
        return stream.open(self._clock, after, left)

    def drain(self) -> None:
        """End the streams that belong to no request: nothing else does."""
        self._server.announcements.over.open(None)
        self.sessions.drain()

    def stop(self) -> None:
        """End all sessions, and so all streams."""
        self.sessions.stop()
