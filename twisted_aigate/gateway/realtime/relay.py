"""A conversation: the caller's WebSocket and the provider's, each told what the other says."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.realtime.events import CANCEL, error_event, is_responding
from twisted_aigate.kernel.identifiers import new_id
from twisted_aigate.kernel.units import SECOND
from twisted_aigate.kernel.websocket import IWebSocket, IWebSocketListener, Message
from twisted_aigate.kernel.websocket.interfaces import (
    ABNORMAL,
    GOING_AWAY,
    INTERNAL_ERROR,
    sendable,
)

_LAST_WORD = 5 * SECOND
"""How long a provider has to end a response whose caller is gone, and to tell what it took."""


class Relay:
    """
    Passes messages on untouched, and holds each side back while the other reads slowly.

    A caller who leaves in the middle of a response has it cancelled, and pays for what there is of
    it: the provider is left when it has told what that is.

    @param caller: The caller's socket, which nobody listens to yet.
    @param provider: The provider's, likewise.
    @param name: The provider's name.
    @param seen: Called with each message of the provider's.
    @param over: Called once, when either has closed, or L{end} was called.
    @param clock: Where the provider's last word is waited for.
    """

    _log = Logger()

    def __init__(
        self,
        caller: IWebSocket,
        provider: IWebSocket,
        name: str,
        seen: Callable[[Message], object],
        over: Callable[[], object],
        clock: IReactorTime,
    ) -> None:
        self.caller = caller
        self.provider = provider
        self._name = name
        self._over: Callable[[], object] | None = over
        self._seen = seen
        self._clock = clock
        self._responding = False
        self._leaving: IDelayedCall | None = None

    def start(self) -> None:
        """Have each hear the other."""
        self.caller.registerProducer(self.provider)
        self.provider.registerProducer(self.caller)
        self.provider.start(_Provider(self))
        self.caller.start(_Caller(self))

    def caller_closed(self, code: int, reason: str) -> None:
        """The caller has enough, or is gone."""
        if not self._responding or self._over is None:
            self._leave(code, reason)
            return
        self._leaving = self._clock.callLater(_LAST_WORD, self._leave, code, reason)
        # It may have been held back by the caller.
        self.provider.resumeProducing()
        self.provider.send(CANCEL)

    def provider_said(self, message: Message) -> None:
        """The provider has a message for the caller."""
        self._seen(message)
        responding = is_responding(message)
        if responding is not None:
            self._responding = responding
        if self._leaving is None:
            self.caller.send(message)
        elif not self._responding:
            self._leaving.reset(0)

    def _leave(self, code: int, reason: str) -> None:
        self._leaving = None
        self.provider.close(sendable(code), reason)
        self._end()

    def provider_closed(self, code: int, reason: str) -> None:
        """The provider has enough, or is gone."""
        if code == ABNORMAL:
            self._log.warn("{provider} is gone in mid-conversation", provider=self._name)
            message = f"The connection to {self._name} broke off."
            self.end(GatewayError(502, message, code="connection_broken"), INTERNAL_ERROR)
        else:
            self.caller.close(sendable(code), reason)
            self._end()

    def end(self, error: GatewayError, code: int) -> None:
        """
        End it for a reason of our own.

        @param code: What the caller's socket is closed with.
        """
        self.caller.send(error_event(new_id(), error))
        self.caller.close(code, error.message)
        self.provider.close(GOING_AWAY, "")
        self._end()

    def _end(self) -> None:
        leaving, self._leaving = self._leaving, None
        if leaving is not None:
            leaving.cancel()
        over, self._over = self._over, None
        if over is not None:
            over()


@implementer(IWebSocketListener)
class _Caller:
    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def received(self, message: Message) -> None:
        self._relay.provider.send(message)

    def closed(self, code: int, reason: str) -> None:
        self._relay.caller_closed(code, reason)


@implementer(IWebSocketListener)
class _Provider:
    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def received(self, message: Message) -> None:
        self._relay.provider_said(message)

    def closed(self, code: int, reason: str) -> None:
        self._relay.provider_closed(code, reason)
