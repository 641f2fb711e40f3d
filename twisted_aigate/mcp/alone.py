"""
Requests that stand alone, as of 2026-07-28: no session, and all that is to be known in each.

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_types import SERVER_INFO_META_KEY
from mcp_types.jsonrpc import JSONRPCNotification, JSONRPCRequest
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.mcp.answers import Answered, Opened, Posted
from twisted_aigate.mcp.context import Context
from twisted_aigate.mcp.envelope import Envelope, read_envelope, unsupported
from twisted_aigate.mcp.errors import STATUSES, MCPError, invalid_request
from twisted_aigate.mcp.exchange import Exchange, InputRequired, OneShot
from twisted_aigate.mcp.messages import parse, plain
from twisted_aigate.mcp.revisions import MODERN
from twisted_aigate.mcp.server import MCPServer
from twisted_aigate.mcp.streams import EventStream
from twisted_aigate.mcp.wire import refusal
from twisted_aigate.mcp.work import progress_token, start


class StandAlone:
    """
    Answers them.

    @param server: What answers.
    @param clock: Where waiting lives.
    """

    def __init__(self, server: MCPServer, clock: IReactorTime) -> None:
        self._server = server
        self._clock = clock

    async def post(self, posted: Posted) -> Answered | Opened:
        """
        Take what a client has posted.

        @raise MCPError: It is refused, and has no id.
        """
        message = parse(posted.value)
        if isinstance(message, JSONRPCNotification):
            version = posted.header("mcp-protocol-version") or ""
            if version not in MODERN:
                raise unsupported(version)
            # There is none that means anything here: who wants no answer leaves.
            return Answered(202)
        if not isinstance(message, JSONRPCRequest):
            raise invalid_request("A client sends requests and notifications")
        try:
            envelope = read_envelope(message, posted.value, posted.header)
        except MCPError as error:
            return Answered(STATUSES[error.code], refusal(message.id, error))
        stream = EventStream(None, primed=False)
        exchange = Exchange(self._clock, stream, None, 1, json=posted.json, events=posted.events)
        context = self._context(exchange, message, posted, envelope)
        start(exchange, message, lambda: self._answer(message, context))
        begun = await exchange.begun
        if isinstance(begun, EventStream):
            return Opened(begun.open(self._clock, 0, exchange.left))
        (answer,) = begun
        return Answered(STATUSES.get(answer.get("error", {}).get("code"), 200), answer)

    def _context(
        self, exchange: Exchange, request: JSONRPCRequest, posted: Posted, envelope: Envelope
    ) -> Context:
        given = (request.params or {}).get("inputResponses")
        return Context(
            OneShot(exchange, given if isinstance(given, dict) else {}),
            request.id,
            envelope.version,
            envelope.capabilities,
            posted.caller,
            posted.base_url,
            None,
            progress_token=progress_token(request),
            log_level=envelope.log_level,
        )

    async def _answer(self, request: JSONRPCRequest, context: Context) -> dict[str, Any]:
        try:
            answered = await self._server.handle(request.method, request.params, context)
        except InputRequired as required:
            answered = {"resultType": "input_required", "inputRequests": dict(required.requests)}
        meta: Mapping[str, Any] = answered.get("_meta") or {}
        answered["_meta"] = {**meta, SERVER_INFO_META_KEY: plain(self._server.info)}
        return answered
