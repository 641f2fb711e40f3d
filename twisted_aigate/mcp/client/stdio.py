"""
A server that is a child process of ours, spoken to over its standard input and output.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#stdio
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.kernel.processes import ChildProcess, ProcessReactor, spawn
from twisted_aigate.kernel.units import MB
from twisted_aigate.mcp.client.transport import Lost, Receiver
from twisted_aigate.mcp.errors import MCPError
from twisted_aigate.mcp.wire import decode, encode

_LONGEST = 128 * MB
"""Bytes of a message."""


class _Server(ChildProcess):
    def __init__(self, clock: IReactorTime, receiver: Receiver) -> None:
        super().__init__(clock)
        self._receiver = receiver
        self._rest: list[bytes] = []
        self._size = 0

    def outReceived(self, data: bytes) -> None:
        *lines, rest = data.split(b"\n")
        for line in lines:
            whole = b"".join((*self._rest, line))
            self._rest, self._size = [], 0
            if whole.strip():
                self._take(whole)
        if rest:
            self._rest.append(rest)
            self._size += len(rest)
            if self._size > _LONGEST:
                self.kill()

    def _take(self, line: bytes) -> None:
        try:
            message = decode(line)
        except MCPError:
            return  # Some print more than messages.
        self._receiver.received(message)


class StdioTransport:
    """
    A server that is started; a L{twisted_aigate.mcp.client.transport.Transport}.

    @param reactor: Starts it.
    @param command: The program and its arguments.
    @param environment: All of its environment.
    """

    def __init__(
        self, reactor: ProcessReactor, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        self._reactor = reactor
        self._command = command
        self._environment = environment
        self._server: _Server | None = None

    async def open(self, receiver: Receiver) -> None:
        """See L{Transport}."""
        server = _Server(self._reactor, receiver)

        def ended(how: str) -> None:
            self._server = None
            said = server.stderr_tail.strip().rpartition("\n")[2]
            receiver.lost(Lost(f"it ended ({how}){': ' + said if said else ''}"))

        try:
            spawn(self._reactor, server, self._command, self._environment)
        except OSError as error:
            raise Lost(f"it cannot be started: {error}") from None
        self._server = server
        server.ended.addCallback(ended)

    async def send(self, message: Mapping[str, Any]) -> None:
        """See L{Transport}."""
        if self._server is None:
            raise Lost("it is not running")
        self._server.transport.writeToChild(0, encode(message) + b"\n")

    def agreed(self, version: str) -> None:
        """See L{Transport}; nothing depends on it."""

    def close(self) -> Deferred[None]:
        """See L{Transport}."""
        server = self._server
        if server is None:
            return succeed(None)
        gone: Deferred[None] = Deferred()
        server.ended.addCallback(lambda _: gone.callback(None))
        server.transport.closeStdin()
        server.terminate()
        return gone
