"""A client of an endpoint in memory, for tests."""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.mcp.everything import Everything
from tests.support.answers import Answer
from tests.support.edge import Wire, head, post

BOTH = "application/json, text/event-stream"
LATEST = "2025-11-25"
_CLIENT = {"name": "test", "version": "1"}


@frozen
class Event:
    """
    A server-sent event.

    @ivar id: Its id; C{None}: it has none.
    @ivar value: The JSON in it; C{None}: it has no data.
    """

    id: str | None
    value: Any
    retry: int | None = None


def events_of(answer: Answer) -> list[Event]:
    """The events of a response, comments left out."""
    assert answer.field("content-type") == "text/event-stream", answer
    found = []
    for block in answer.body.decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        fields = dict(line.split(": ", 1) if ": " in line else (line[:-1], "") for line in lines)
        if fields:
            data = fields.get("data")
            value = json.loads(data) if data else None
            retry = int(fields["retry"]) if "retry" in fields else None
            found.append(Event(fields.get("id"), value, retry))
    return found


class Sent:
    """A request that was sent on a connection of its own."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    @property
    def answer(self) -> Answer:
        """The answer, so far."""
        return self._wire.answer()

    @property
    def is_answered(self) -> bool:
        """Whether any of an answer has come."""
        return bool(self._wire.transport.sent)

    @property
    def value(self) -> Any:
        """The whole answer's JSON."""
        assert self.answer.whole, self.answer
        return json.loads(self.answer.body)

    @property
    def events(self) -> list[Event]:
        """The events that have come."""
        return events_of(self.answer)

    @property
    def messages(self) -> list[Any]:
        """The messages in them."""
        return [event.value for event in self.events if event.value is not None]

    def leave(self) -> None:
        """Close the connection."""
        self._wire.transport.lose()


class EndpointCase(SynchronousTestCase):
    """
    Tests of an endpoint.

    @ivar everything: What it serves.
    @cvar most_sessions: How many sessions there may be.
    """

    most_sessions = 3

    def setUp(self) -> None:
        self.clock = Clock()
        self.everything = Everything(self.clock, self.most_sessions, idle=60)
        self.addCleanup(self.everything.endpoint.stop)

    def send(
        self, body: bytes, *lines: str, accept: str | None = BOTH, session: str | None = None
    ) -> Sent:
        """Post a body."""
        wire = Wire(self.everything.site, self.clock)
        wire.send(post("/mcp", body, *self._fields(accept, session), *lines))
        return Sent(wire)

    def _fields(self, accept: str | None, session: str | None) -> list[str]:
        fields = [] if accept is None else [f"Accept: {accept}"]
        return fields if session is None else [*fields, f"Mcp-Session-Id: {session}"]

    def request(self, method: str, params: Any = None, id: Any = 1, **options: Any) -> Sent:
        """Send a request."""
        message = {"jsonrpc": "2.0", "id": id, "method": method}
        if params is not None:
            message["params"] = params
        return self.send(json.dumps(message).encode(), **options)

    def notify(self, method: str, params: Any = None, **options: Any) -> Sent:
        """Send a notification."""
        message = {"jsonrpc": "2.0", "method": method, "params": params or {}}
        return self.send(json.dumps(message).encode(), **options)

    def call(self, tool: str, arguments: Any = None, meta: Any = None, **options: Any) -> Sent:
        """Call a tool."""
        params = {"name": tool, "arguments": arguments or {}}
        if meta is not None:
            params["_meta"] = meta
        return self.request("tools/call", params, **options)

    def initialize(self, version: str = LATEST, capabilities: Any = None, **options: Any) -> Sent:
        """Begin a session."""
        params = {
            "protocolVersion": version,
            "capabilities": capabilities or {},
            "clientInfo": _CLIENT,
        }
        return self.request("initialize", params, **options)

    def begin(self, version: str = LATEST, capabilities: Any = None) -> str:
        """Begin a session; its id."""
        id = self.initialize(version, capabilities).answer.field("mcp-session-id")
        assert id is not None
        return id

    def open(self, session: str | None, *lines: str, accept: str = "text/event-stream") -> Sent:
        """Open a stream."""
        wire = Wire(self.everything.site, self.clock)
        wire.send(head("GET", "/mcp", *self._fields(accept, session), *lines))
        return Sent(wire)

    def delete(self, session: str) -> Sent:
        """End a session."""
        wire = Wire(self.everything.site, self.clock)
        wire.send(head("DELETE", "/mcp", f"Mcp-Session-Id: {session}"))
        return Sent(wire)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, in steps that timers set one after another see."""
        self.clock.pump([seconds / 10] * 10)

    def timers(self) -> list[str]:
        """The timers that run, connections' own left out."""
        calls = map(str, self.clock.getDelayedCalls())
        return [call for call in calls if "Watchdog" not in call]
