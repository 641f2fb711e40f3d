"""
One POST and its answer.

It is JSON when all of it is there before anything else is to be told, and otherwise a stream of
events: progress, lines of a log, requests of the server's own, and the answers last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_aigate.mcp.errors import cannot
from twisted_aigate.mcp.session import Session
from twisted_aigate.mcp.streams import HEARTBEAT, EventStream
from twisted_aigate.mcp.wire import notification, request


class Exchange:
    """
    A POST that is being answered; the L{twisted_aigate.mcp.context.Channel} of its requests.

    @param clock: Where waiting lives.
    @param stream: What the answer is written to, if it becomes a stream.
    @param session: The session; C{None}: it stands alone.
    @param expected: How many answers there will be.
    @param json: The client takes JSON.
    @param events: The client takes a stream.
    @ivar begun: Fires with the answers, when all are there before anything else is to be told, or
        with the stream that they will be on. Cancelling it, or leaving a stream that cannot be
        taken up again, ends the work.
    """

    def __init__(
        self,
        clock: IReactorTime,
        stream: EventStream,
        session: Session | None,
        expected: int,
        *,
        json: bool,
        events: bool,
    ) -> None:
        self._stream = stream
        self._session = session
        self._expected = expected
        self._events = events
        self._answers: list[dict[str, Any]] = []
        self._work: list[Deferred[None]] = []
        self._has_begun = False
        self._patience: IDelayedCall | None = None
        self.begun: Deferred[list[dict[str, Any]] | EventStream] = Deferred(
            lambda _: self.abandon()
        )
        if events and not json:
            self._begin()
        elif events:
            # What says nothing for long may still be cut off by a proxy on the way.
            self._patience = clock.callLater(HEARTBEAT, self._begin)

    def add(self, work: Deferred[None]) -> None:
        """The work on one of its requests."""
        if not work.called:
            self._work.append(work)

    def answer(self, message: dict[str, Any]) -> None:
        """A request is answered."""
        self._expected -= 1
        if self._has_begun:
            self._stream.send(message)
        else:
            self._answers.append(message)
        if self._expected:
            return
        self._impatient()
        self._stream.finish()
        if self._session is not None:
            self._session.tidy(None if self._has_begun else self._stream)
        if not self._has_begun:
            self._has_begun = True
            if not self.begun.called:
                self.begun.callback(self._answers)

    def _begin(self) -> None:
        if self._has_begun:
            return
        self._has_begun = True
        self._impatient()
        for message in self._answers:
            self._stream.send(message)
        self.begun.callback(self._stream)

    def _impatient(self) -> None:
        if self._patience is not None and self._patience.active():
            self._patience.cancel()

    def left(self) -> None:
        """The client has left a stream."""
        if not self._stream.lasts:
            self.abandon()
        elif self._session is not None:
            self._session.tidy()

    def abandon(self) -> None:
        """Nobody waits for the answers any more."""
        self._impatient()
        self._has_begun = True
        for work in self._work:
            work.cancel()

    # Channel.

    def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """See L{twisted_aigate.mcp.context.Channel}; without a stream it is told to nobody."""
        if self._events:
            self._begin()
            self._stream.send(notification(method, params), droppable=True)

    async def ask(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """See L{twisted_aigate.mcp.context.Channel}."""
        if self._session is None or not self._events:
            # It has nowhere to answer to, or nowhere to be asked.
            raise cannot(method)
        self._begin()
        id, answer = self._session.asked()
        self._stream.send(request(id, method, params))
        try:
            return await answer
        except CancelledError:
            told = {"requestId": id, "reason": "The request that it belongs to is over."}
            self._stream.send(notification("notifications/cancelled", told))
            raise

    def hang_up(self) -> None:
        """See L{twisted_aigate.mcp.context.Channel}."""
        if self._events and self._stream.lasts:
            self._begin()
            self._stream.hang_up()


class InputRequired(Exception):
    """
    A request cannot be answered before its client has answered others.

    @ivar requests: Those, by keys that the client repeats.
    """

    def __init__(self, requests: Mapping[str, Any]) -> None:
        super().__init__(requests)
        self.requests = requests


class OneShot:
    """
    The L{twisted_aigate.mcp.context.Channel} of a request that stands alone (2026-07-28).

    What its handler asks of the client becomes its result. The client sends it again with the
    answers, and the handler, which begins anew, is given them: the first question has the key 1.

    @param exchange: Its POST.
    @param given: The client's answers, by those keys.
    """

    def __init__(self, exchange: Exchange, given: Mapping[str, Any]) -> None:
        self._exchange = exchange
        self._given = given
        self._asked = 0

    def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """See L{twisted_aigate.mcp.context.Channel}."""
        self._exchange.notify(method, params)

    async def ask(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """See L{twisted_aigate.mcp.context.Channel}."""
        self._asked += 1
        key = str(self._asked)
        if key not in self._given:
            raise InputRequired({key: {"method": method, "params": params}})
        answered: Mapping[str, Any] = self._given[key]
        return answered

    def hang_up(self) -> None:
        """See L{twisted_aigate.mcp.context.Channel}; nobody could come back."""
