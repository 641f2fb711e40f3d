"""A conversation with another server: requests of ours and their answers, and its own requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from mcp_types.version import LATEST_HANDSHAKE_VERSION
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from twisted_aigate.mcp.client.transport import Lost, Transport
from twisted_aigate.mcp.errors import MCPError, method_not_found
from twisted_aigate.mcp.revisions import HANDSHAKES
from twisted_aigate.mcp.wire import notification, refusal, request, result

Told = Callable[[float, float | None, str | None], None]
"""Told of a request's progress: how much is done, of how much, and in words."""


class Peer:
    """
    A conversation; a L{twisted_aigate.mcp.client.transport.Receiver}.

    @param transport: Carries it.
    @param name: Who we are.
    @param version: Of us.
    @param changed: Called when the server's tools have changed.
    @param over: Called once when it is over, with why.
    @ivar reason: Why it is over; C{None}: it goes on.
    """

    _log = Logger()

    def __init__(
        self,
        transport: Transport,
        name: str,
        version: str,
        changed: Callable[[], None],
        over: Callable[[Lost], None],
    ) -> None:
        self.reason: Lost | None = None
        self._transport = transport
        self._us = {"name": name, "version": version}
        self._changed = changed
        self._over = over
        self._ids = count(1)
        self._waiting: dict[int, Deferred[Any]] = {}
        self._told: dict[int, Told] = {}

    async def begin(self) -> None:
        """
        Say who we are, and hear who it is.

        @raise Lost: It is not there, or speaks otherwise.
        """
        await self._transport.open(self)
        params = {
            "protocolVersion": LATEST_HANDSHAKE_VERSION,
            "capabilities": {},
            "clientInfo": self._us,
        }
        try:
            answered = await self.request("initialize", params)
        except MCPError as error:
            raise Lost(f"it refuses: {error.message}") from None
        version = answered.get("protocolVersion")
        if version not in HANDSHAKES:
            raise Lost(f"it speaks {version!r} only")
        self._transport.agreed(version)
        await self._transport.send(notification("notifications/initialized"))

    async def request(
        self, method: str, params: Mapping[str, Any], told: Told | None = None
    ) -> Mapping[str, Any]:
        """
        Ask for something. Cancelling it cancels it there too.

        @param told: Told of progress.
        @raise MCPError: It is refused.
        @raise Lost: It was not answered.
        """
        if self.reason is not None:
            raise self.reason
        id = next(self._ids)
        if told is not None:
            self._told[id] = told
            params = {**params, "_meta": {"progressToken": id}}
        answer: Deferred[Any] = Deferred()
        self._waiting[id] = answer
        sending = Deferred.fromCoroutine(self._transport.send(request(id, method, params)))
        # What is not sent is not answered. An answer may come before all of it is sent.
        sending.addErrback(lambda failure: None if answer.called else answer.errback(failure))
        try:
            answered = await answer
        except CancelledError:
            sending.cancel()
            if method != "initialize":
                self._send(notification("notifications/cancelled", {"requestId": id}))
            raise
        except Lost:
            sending.cancel()
            raise
        finally:
            self._waiting.pop(id, None)
            self._told.pop(id, None)
        if not isinstance(answered, dict):
            raise Lost("it answers what is no object")
        return answered

    def _send(self, message: Mapping[str, Any]) -> None:
        sending = Deferred.fromCoroutine(self._transport.send(message))
        sending.addErrback(lambda failure: failure.trap(Lost, CancelledError) and None)
        sending.addErrback(lambda failure: self._log.failure("nothing could be sent", failure))

    # Receiver.

    def received(self, message: Any) -> None:
        """See L{Receiver}."""
        for one in message if isinstance(message, list) else [message]:
            if not isinstance(one, dict):
                continue
            if "method" not in one:
                self._answered(one)
            elif "id" in one:
                self._asked(one["id"], one["method"])
            else:
                self._notified(one["method"], one.get("params"))

    def _answered(self, message: dict[str, Any]) -> None:
        answer = self._waiting.get(message.get("id", 0))
        if answer is None or answer.called:
            return
        error = message.get("error")
        if error is None:
            answer.callback(message.get("result"))
        else:
            told = error if isinstance(error, dict) else {}
            code, said = told.get("code"), str(told.get("message", "an error"))
            answer.errback(MCPError(code if isinstance(code, int) else 0, said, told.get("data")))

    def _asked(self, id: Any, method: Any) -> None:
        if method == "ping":
            self._send(result(id, {}))
        else:
            self._send(refusal(id, method_not_found(str(method))))

    def _notified(self, method: Any, params: Any) -> None:
        if method == "notifications/tools/list_changed":
            self._changed()
        elif method == "notifications/progress" and isinstance(params, dict):
            told = self._told.get(params.get("progressToken", 0))
            done = params.get("progress")
            if told is not None and isinstance(done, int | float):
                told(done, params.get("total"), params.get("message"))

    def lost(self, reason: Lost) -> None:
        """See L{Receiver}."""
        if self.reason is not None:
            return
        self.reason = reason
        for answer in list(self._waiting.values()):
            if not answer.called:
                answer.errback(reason)
        self._over(reason)

    def close(self) -> Deferred[None]:
        """
        End it.

        @return: Fires when nothing of it is left.
        """
        self.lost(Lost("it is not needed any more"))
        return self._transport.close()
