"""
Another server's tools, as ours.

It is connected when they are first wanted, and again when the connection is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mcp_types import CallToolResult, Tool
from pydantic import ValidationError
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_aigate.interfaces import (
    ToolCaller,
    ToolContext,
    ToolError,
    ToolResult,
    ToolSpec,
    UnknownTool,
)
from twisted_aigate.kernel.latch import Latch
from twisted_aigate.kernel.units import MINUTE, SECOND
from twisted_aigate.mcp.client.peer import Peer
from twisted_aigate.mcp.client.transport import Lost, SessionLost, Transport
from twisted_aigate.mcp.errors import MCPError
from twisted_aigate.mcp.messages import plain

CONNECT_TIMEOUT = 10 * SECOND
"""In which it must have said who it is, and what it has."""

LIST_PATIENCE = 2 * SECOND
"""That a list of tools waits for it: the other servers' are not to wait for long."""

_FIRST_BACKOFF = 1 * SECOND
_MOST_BACKOFF = 1 * MINUTE
_MOST_PAGES = 100
_OWN = frozenset(("name", "description", "inputSchema", "outputSchema"))


class ExternalServer:
    """
    A server; a L{twisted_aigate.interfaces.ToolSource}.

    @param name: Its name.
    @param transport: Makes a connection to it.
    @param allowed: The names of the tools that may be used; C{None}: all.
    @param clock: Where waiting lives.
    @param secrets: What it is given, and what no word of its is passed on with.
    @param version: Of us.
    @param changed: Called when its tools have changed.
    @ivar failure: Why it cannot be reached; C{None}: it can, or nobody has tried.
    """

    _log = Logger()

    def __init__(
        self,
        name: str,
        transport: Callable[[], Transport],
        allowed: frozenset[str] | None,
        secrets: Sequence[str],
        clock: IReactorTime,
        version: str,
        changed: Callable[[], None],
    ) -> None:
        self.failure: str | None = None
        self._name = name
        self._transport = transport
        self._allowed = allowed
        self._secrets = secrets
        self._clock = clock
        self._version = version
        self._changed = changed
        self._peer: Peer | None = None
        self._tools: Sequence[ToolSpec] = ()
        self._connecting: Deferred[None] | None = None
        self._connected: Latch[Peer | None] = Latch()
        self._backoff = 0.0
        self._next_try = 0.0
        self._stopped = False

    # ToolSource.

    async def tools(self, caller: ToolCaller) -> Sequence[ToolSpec]:
        """See L{ToolSource}; none while it cannot be reached."""
        # One that has failed is tried again, but not waited for.
        peer = await self._reached(LIST_PATIENCE if self.failure is None else 0.0)
        return () if peer is None else self._tools

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolResult:
        """See L{ToolSource}."""
        if self._allowed is not None and name not in self._allowed:
            raise UnknownTool(name)
        params = {"name": name, "arguments": dict(arguments)}
        try:
            try:
                answered = await self._request("tools/call", params, context)
            except SessionLost:
                # It was not done: it is asked anew, once.
                answered = await self._request("tools/call", params, context)
        except MCPError as error:
            raise ToolError(f"{self._name}: {self._masked(error.message)}") from None
        except Lost as error:
            reason = self._masked(str(error))
            raise ToolError(f"{self._name} cannot be reached: {reason}") from None
        return self._result(answered)

    async def _request(
        self, method: str, params: Mapping[str, Any], context: ToolContext
    ) -> Mapping[str, Any]:
        peer = await self._reached(CONNECT_TIMEOUT)
        if peer is None:
            raise Lost(self.failure or "it does not answer")
        try:
            return await peer.request(method, params, context.progress)
        except Lost as error:
            self._lost(peer, error)
            raise

    def _result(self, answered: Mapping[str, Any]) -> ToolResult:
        try:
            result = CallToolResult.model_validate(answered)
        except ValidationError:
            raise ToolError(f"{self._name} answers what is no result.") from None
        content = [plain(block) for block in result.content]
        structured = result.structured_content
        return ToolResult(
            content, structured if isinstance(structured, dict) else None, result.is_error
        )

    def forget(self, session: str) -> None:
        """See L{ToolSource}; all sessions share its connection."""

    # The connection.

    @property
    def state(self) -> str:
        """How it is: C{up}, C{down}, or C{idle} as long as nobody has wanted it."""
        if self._peer is not None:
            return "up"
        return "idle" if self.failure is None else "down"

    async def _reached(self, patience: float) -> Peer | None:
        if self._peer is not None:
            return self._peer
        if self._connecting is None:
            if self._stopped or self._clock.seconds() < self._next_try:
                return None
            self._connect()
        if not patience:
            return self._peer
        waiting = self._connected.wait()
        waiting.addTimeout(patience, self._clock)
        try:
            return await waiting
        except TimeoutError:
            return None

    def _connect(self) -> None:
        connected: Latch[Peer | None] = Latch()
        self._connected = connected
        connecting = Deferred.fromCoroutine(self._make())
        connecting.addTimeout(CONNECT_TIMEOUT, self._clock)
        self._connecting = connecting

        def done(peer: Peer) -> None:
            self._connecting = None
            self._peer, self.failure, self._backoff = peer, None, 0.0
            self._log.info("MCP server {name}: connected", name=self._name)
            connected.open(peer)
            self._changed()

        def failed(reason: Any) -> None:
            self._connecting = None
            if reason.check(TimeoutError):
                self._failed("it does not answer")
            elif reason.check(Lost):
                self._failed(str(reason.value))
            elif reason.check(CancelledError):
                self._failed("it is not needed any more")
            else:
                self._log.failure("MCP server {name}: failed", reason, name=self._name)
                self._failed("it answers what nobody understands")
            connected.open(None)

        connecting.addCallbacks(done, failed)

    async def _make(self) -> Any:
        peer: Peer

        def lost(reason: Lost) -> None:
            self._lost(peer, reason)

        peer = Peer(self._transport(), "aigate", self._version, self._look_again, lost)
        try:
            await peer.begin()
            self._tools = await self._list(peer)
        except MCPError as error:
            peer.close()
            raise Lost(error.message) from None
        except BaseException:
            peer.close()
            raise
        return peer

    async def _list(self, peer: Peer) -> Sequence[ToolSpec]:
        found: list[ToolSpec] = []
        params: dict[str, Any] = {}
        for _ in range(_MOST_PAGES):
            page = await peer.request("tools/list", params)
            for tool in page.get("tools") or ():
                spec = _spec(tool)
                if spec is not None and (self._allowed is None or spec.name in self._allowed):
                    found.append(spec)
            cursor = page.get("nextCursor")
            if not isinstance(cursor, str):
                break
            params = {"cursor": cursor}
        return found

    def _look_again(self) -> None:
        peer = self._peer
        if peer is None:
            return

        def listed(tools: Sequence[ToolSpec]) -> None:
            self._tools = tools
            self._changed()

        looking = Deferred.fromCoroutine(self._list(peer))
        looking.addTimeout(CONNECT_TIMEOUT, self._clock)
        looking.addCallbacks(
            listed,
            lambda failure: self._log.warn(
                "MCP server {name}: its tools cannot be listed: {reason}",
                name=self._name,
                reason=self._masked(str(failure.value)),
            ),
        )

    def _lost(self, peer: Peer, reason: Lost) -> None:
        if self._peer is not peer:
            return
        self._peer, self._tools = None, ()
        peer.close()
        if isinstance(reason, SessionLost):
            return
        self._failed(str(reason))
        self._changed()

    def _failed(self, reason: str) -> None:
        self._backoff = min(max(2 * self._backoff, _FIRST_BACKOFF), _MOST_BACKOFF)
        self._next_try = self._clock.seconds() + self._backoff
        self.failure = reason = self._masked(reason)
        if not self._stopped:
            self._log.warn(
                "MCP server {name}: cannot be reached: {reason}", name=self._name, reason=reason
            )

    def _masked(self, said: str) -> str:
        for secret in self._secrets:
            said = said.replace(secret, "****")
        return said

    async def stop(self) -> None:
        """End the connection, and make no other."""
        self._stopped = True
        if self._connecting is not None:
            self._connecting.cancel()
        peer, self._peer = self._peer, None
        if peer is not None:
            await peer.close()


def _spec(tool: Any) -> ToolSpec | None:
    # What is no tool would spoil the whole list.
    try:
        checked = plain(Tool.model_validate(tool))
    except ValidationError:
        return None
    if checked["inputSchema"].get("type") != "object":
        return None
    output = checked.get("outputSchema", {})
    more = {name: value for name, value in checked.items() if name not in _OWN}
    return ToolSpec(
        checked["name"],
        checked.get("description", ""),
        checked["inputSchema"],
        output if output.get("type") == "object" else None,
        more,
    )
