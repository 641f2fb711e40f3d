"""A session: what a client and the server know of each other between requests."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from mcp_types import InitializeRequestParams, LoggingLevel
from mcp_types.jsonrpc import JSONRPCError, JSONRPCResponse, RequestId
from twisted.internet.defer import Deferred

from twisted_aigate.interfaces import ToolCaller
from twisted_aigate.mcp.announcements import Announcements, Change
from twisted_aigate.mcp.errors import MCPError, invalid_request
from twisted_aigate.mcp.revisions import primes_streams
from twisted_aigate.mcp.streams import MOST_KEPT, EventStream
from twisted_aigate.mcp.wire import notification

_MOST_STREAMS = 32


class Session:
    """
    A session.

    @param id: Its id.
    @param owner: Who has begun it, and alone may use it.
    @param version: The protocol's revision.
    @param client: What the client has said of itself.
    @param announcements: Where changes are told.
    @ivar log_level: The least level of the log's lines that the client wants.
    @ivar subscriptions: The resources whose changes it wants to know of.
    @ivar own: The stream that belongs to no request.
    """

    def __init__(
        self,
        id: str,
        owner: ToolCaller,
        version: str,
        client: InitializeRequestParams,
        announcements: Announcements,
    ) -> None:
        self.id = id
        self.owner = owner
        self.version = version
        self.capabilities = client.capabilities
        self.log_level: LoggingLevel = "info"
        self.subscriptions: set[str] = set()
        self.own = EventStream(0, primed=primes_streams(version))
        self._streams: dict[int, EventStream] = {}
        self._stream_numbers = count(1)
        self._running: dict[RequestId, Deferred[None]] = {}
        self._asked: dict[RequestId, Deferred[Mapping[str, Any]]] = {}
        self._asked_numbers = count(1)
        self._stop_listening = announcements.listen(self._changed)

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered, and no stream is open."""
        watched = any(stream.is_watched for stream in self._streams.values())
        return not self._running and not self.own.is_watched and not watched

    def _changed(self, change: Change) -> None:
        if change.uri is None or change.uri in self.subscriptions:
            self.own.send(notification(change.method, change.params), droppable=True)

    # Streams.

    def new_stream(self) -> EventStream:
        """A stream for the answer to a request."""
        number = next(self._stream_numbers)
        stream = EventStream(number, primed=primes_streams(self.version))
        self._streams[number] = stream
        return stream

    def stream(self, number: int) -> EventStream | None:
        """The stream of a number, if it is still kept."""
        return self.own if number == 0 else self._streams.get(number)

    def tidy(self, unused: EventStream | None = None) -> None:
        """
        Keep no more than is worth it of streams that are over.

        @param unused: One that nothing was sent on, and nothing will be.
        """
        over = [
            (number, stream)
            for number, stream in self._streams.items()
            if stream.is_finished and not stream.is_watched
        ]
        size, left = sum(stream.kept for _, stream in over), len(over)
        for number, stream in over:
            if size > MOST_KEPT or left > _MOST_STREAMS or stream is unused:
                del self._streams[number]
                size, left = size - stream.kept, left - 1

    # Requests of the client.

    def begin(self, id: RequestId, work: Deferred[None]) -> None:
        """A request is being answered; cancelling C{work} ends that."""
        if not work.called:
            self._running[id] = work
            work.addBoth(lambda result: (self._running.pop(id, None), result)[1])

    def check_new(self, id: RequestId) -> None:
        """
        See whether a request's id is free.

        @raise MCPError: It is that of a request which is being answered.
        """
        if id in self._running:
            raise invalid_request(f"The id {id!r} is that of a request that is being answered")

    def cancel(self, id: RequestId) -> None:
        """The client wants no answer to a request."""
        running = self._running.get(id)
        if running is not None:
            running.cancel()

    # Requests of the server.

    def asked(self) -> tuple[str, Deferred[Mapping[str, Any]]]:
        """
        Ask the client something.

        @return: The request's id, and what fires with its result or an L{MCPError}.
        """
        id = f"aigate-{next(self._asked_numbers)}"
        answer: Deferred[Mapping[str, Any]] = Deferred()
        self._asked[id] = answer
        answer.addBoth(lambda result: (self._asked.pop(id, None), result)[1])
        return id, answer

    def answered(self, message: JSONRPCResponse | JSONRPCError) -> None:
        """The client has answered."""
        answer = None if message.id is None else self._asked.get(message.id)
        if answer is None:
            return
        if isinstance(message, JSONRPCResponse):
            answer.callback(message.result)
        else:
            error = message.error
            answer.errback(MCPError(error.code, error.message, error.data))

    def close(self) -> None:
        """It is over."""
        self._stop_listening()
        for running in list(self._running.values()):
            running.cancel()
        for stream in (self.own, *self._streams.values()):
            stream.finish()
