"""Other servers' tools, over a connection that the test holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.interfaces import ToolCaller, ToolError, UnknownTool
from twisted_aigate.mcp.client.external import CONNECT_TIMEOUT, LIST_PATIENCE, ExternalServer
from twisted_aigate.mcp.client.transport import Lost, Receiver, SessionLost, Transport

_CALLER = ToolCaller("someone")
_TOOLS = [
    {"name": "add", "description": "Adds.", "inputSchema": {"type": "object"}, "title": "Add"},
    {
        "name": "other",
        "inputSchema": {"type": "object"},
        "outputSchema": {"type": "array"},
        "annotations": {"readOnlyHint": True},
    },
    {"name": "wrong"},
    {"name": "wrong", "inputSchema": {"type": "string"}},
]


class FakeServer:
    """
    A server's end; a L{Transport}.

    @ivar sent: What it was sent and has not answered.
    """

    def __init__(self, *, hangs: bool = False, tools: Any = None) -> None:
        self.hangs = hangs
        self.tools = _TOOLS if tools is None else tools
        self.sent: list[Mapping[str, Any]] = []
        self.notified: list[str] = []
        self.is_open = False
        self.hanging: Deferred[None] = Deferred()
        self.failing: Lost | None = None

    async def open(self, receiver: Receiver) -> None:
        if self.failing is not None:
            raise self.failing
        self.receiver = receiver
        self.is_open = True

    def agreed(self, version: str) -> None:
        self.version = version

    def close(self) -> Deferred[None]:
        self.is_open = False
        return succeed(None)

    async def send(self, message: Mapping[str, Any]) -> None:
        if self.failing is not None:
            raise self.failing
        if self.hangs:
            await self.hanging
        method = message.get("method")
        if "id" not in message:
            self.notified.append(str(method))
        elif method == "initialize":
            self.answer(message, {"protocolVersion": "2025-06-18", "capabilities": {}})
        elif method == "tools/list":
            page = int(message["params"].get("cursor", 0))
            more = {"nextCursor": str(page + 1)} if page + 1 < len(self.tools) else {}
            self.answer(message, {"tools": self.tools[page : page + 1], **more})
        else:
            self.sent.append(message)

    def answer(self, message: Mapping[str, Any], result: Any) -> None:
        self.receiver.received({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def finish(self, text: str) -> None:
        """Answer the call that has waited longest."""
        content = [{"type": "text", "text": text}]
        self.answer(self.sent.pop(0), {"content": content, "structuredContent": {"is": text}})


class Context:
    """A L{twisted_aigate.interfaces.ToolContext}."""

    caller = _CALLER
    session = None
    base_url = "http://x"

    def __init__(self) -> None:
        self.told: list[tuple[float, float | None, str | None]] = []

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        self.told.append((done, total, message))


class ExternalServerTests(SynchronousTestCase):
    """ExternalServer."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.made: list[FakeServer] = []
        self.next: list[FakeServer] = []
        self.changes = 0
        self.server = self.make(None)

    def make(self, allowed: frozenset[str] | None) -> ExternalServer:
        """The server, which was given a secret."""
        return ExternalServer(
            "far", self._connect, allowed, ("s3cret-token",), self.clock, "1", self._changed
        )

    def _connect(self) -> Transport:
        server = self.next.pop(0) if self.next else FakeServer()
        self.made.append(server)
        return server

    def _changed(self) -> None:
        self.changes += 1

    def listing(self) -> Deferred[Any]:
        return Deferred.fromCoroutine(self.server.tools(_CALLER))

    def names(self) -> list[str]:
        return [tool.name for tool in self.successResultOf(self.listing())]

    def call(self, name: str = "add", context: Context | None = None) -> Deferred[Any]:
        calling = self.server.call(name, {"a": 1}, context or Context())
        return Deferred.fromCoroutine(calling)

    def test_it_is_connected_when_it_is_wanted(self) -> None:
        """Once, for all."""
        self.assertEqual(self.made, [])
        self.assertEqual(self.names(), ["add", "other"])
        self.names()
        (made,) = self.made
        self.assertEqual(
            (made.version, made.notified), ("2025-06-18", ["notifications/initialized"])
        )
        self.assertEqual(self.changes, 1)

    def test_tools_are_listed_as_they_are(self) -> None:
        """With what is no tool left out."""
        add, other = self.successResultOf(self.listing())
        self.assertEqual((add.description, add.more), ("Adds.", {"title": "Add"}))
        self.assertEqual(other.more, {"annotations": {"readOnlyHint": True}})
        self.assertIsNone(other.output_schema)

    def test_a_call(self) -> None:
        """Its arguments go there, and its result comes back."""
        calling = self.call()
        (made,) = self.made
        params = made.sent[0]["params"]
        self.assertEqual((params["name"], params["arguments"]), ("add", {"a": 1}))
        made.finish("2")
        result = self.successResultOf(calling)
        self.assertEqual(result.content, [{"type": "text", "text": "2"}])
        self.assertEqual(result.structured, {"is": "2"})

    def test_progress_is_passed_on(self) -> None:
        """To who called, of its call alone."""
        context = Context()
        self.call(context=context)
        made = self.made[0]
        for token in (made.sent[0]["params"]["_meta"]["progressToken"], "other", None):
            params = {"progressToken": token, "progress": 1, "message": "on it"}
            method = "notifications/progress"
            made.receiver.received({"jsonrpc": "2.0", "method": method, "params": params})
        self.assertEqual(context.told, [(1, None, "on it")])

    def test_cancelling_is_passed_on(self) -> None:
        """The server hears of it."""
        calling = self.call()
        calling.cancel()
        self.failureResultOf(calling)
        self.assertIn("notifications/cancelled", self.made[0].notified)

    def test_errors_are_told_to_the_model(self) -> None:
        """The protocol's, and answers that are none."""
        calling, other = self.call(), self.call()
        made = self.made[0]
        error = {"code": -32602, "message": "No such tool"}
        made.receiver.received({"jsonrpc": "2.0", "id": made.sent[0]["id"], "error": error})
        self.assertIn("No such tool", self.failureResultOf(calling, ToolError).value.message)
        made.answer(made.sent[1], {"content": "nonsense"})
        self.failureResultOf(other, ToolError)

    def test_tools_that_are_not_allowed_are_not_there(self) -> None:
        """Neither listed nor called."""
        allowed = frozenset(("other",))
        self.server = self.make(allowed)
        self.assertEqual(self.names(), ["other"])
        self.failureResultOf(self.call("add"), UnknownTool)

    def test_one_that_hangs_is_not_waited_for_long(self) -> None:
        """And the next time not at all."""
        self.next = [FakeServer(hangs=True), FakeServer(hangs=True)]
        listing = self.listing()
        self.assertNoResult(listing)
        self.clock.advance(LIST_PATIENCE)
        self.assertEqual(self.successResultOf(listing), ())
        self.clock.advance(CONNECT_TIMEOUT)
        self.assertEqual(self.server.failure, "it does not answer")
        self.assertFalse(self.made[0].is_open)
        self.assertEqual(self.names(), [])
        self.clock.advance(1)
        self.assertEqual(self.names(), [])
        self.assertEqual(len(self.made), 2)

    def test_one_that_comes_late_is_told(self) -> None:
        """So that clients list its tools again."""
        self.next = [FakeServer(hangs=True)]
        listing = self.listing()
        self.clock.advance(LIST_PATIENCE)
        self.successResultOf(listing)
        self.clock.advance(CONNECT_TIMEOUT)
        self.clock.advance(1)
        self.assertEqual(self.changes, 0)
        self.names()
        self.assertEqual(self.changes, 1)
        self.assertEqual(self.names(), ["add", "other"])

    def test_one_that_is_down_is_tried_less_and_less(self) -> None:
        """After a second, two, four … a minute."""
        self.next = [FakeServer() for _ in range(50)]
        for server in self.next:
            server.failing = Lost("connection refused")
        tried = []
        for second in range(200):
            before = len(self.made)
            self.names()
            tried += [second] * (len(self.made) - before)
            self.clock.advance(1)
        self.assertEqual(tried, [0, 1, 3, 7, 15, 31, 63, 123, 183])
        error = self.failureResultOf(self.call(), ToolError).value
        self.assertIn("connection refused", error.message)

    def test_what_it_was_given_is_not_told(self) -> None:
        """Neither to callers nor to whoever looks, even when it repeats that itself."""
        self.names()
        self.next = [FakeServer()]
        self.next[0].failing = Lost("it answers 401: no 's3cret-token'")
        calling = self.call()
        self.made[0].receiver.lost(Lost("it ended: s3cret-token is wrong"))
        told = [self.failureResultOf(calling, ToolError).value.message, self.server.failure]
        self.clock.advance(1)
        told.append(self.failureResultOf(self.call(), ToolError).value.message)
        self.assertEqual(told, [
            "far cannot be reached: it ended: **** is wrong",
            "it ended: **** is wrong",
            "far cannot be reached: it answers 401: no '****'",
        ])  # fmt: skip

    def test_how_it_is_can_be_seen(self) -> None:
        """Not wanted yet, down and why, up."""
        seen = [(self.server.state, self.server.failure)]
        self.next = [FakeServer(), FakeServer()]
        self.next[0].failing = Lost("connection refused")
        for _ in range(2):
            self.names()
            seen.append((self.server.state, self.server.failure))
            self.clock.advance(1)
        self.assertEqual(seen, [("idle", None), ("down", "connection refused"), ("up", None)])

    def test_a_connection_that_is_lost_is_made_again(self) -> None:
        """What was being done fails, and its tools are gone for as long."""
        self.names()
        calling = self.call()
        self.made[0].receiver.lost(Lost("it ended"))
        self.assertIn("it ended", self.failureResultOf(calling, ToolError).value.message)
        self.assertFalse(self.made[0].is_open)
        self.assertEqual((self.names(), self.changes), ([], 2))
        self.clock.advance(1)
        self.names()
        self.assertEqual(self.names(), ["add", "other"])

    def test_a_session_that_is_over_is_begun_anew(self) -> None:
        """The call with it: it was not done."""
        self.names()
        self.made[0].failing = SessionLost("its session is over")
        calling = self.call()
        self.made[1].finish("2")
        self.assertEqual(self.successResultOf(calling).structured, {"is": "2"})

    def test_its_tools_change(self) -> None:
        """They are listed again."""
        self.names()
        made = self.made[0]
        made.tools = _TOOLS[:1]
        method = "notifications/tools/list_changed"
        made.receiver.received({"jsonrpc": "2.0", "method": method})
        self.assertEqual((self.names(), self.changes), (["add"], 2))

    def test_it_may_ask(self) -> None:
        """Whether we are there; nothing else."""
        self.names()
        made = self.made[0]
        for id, method in ((1, "ping"), (2, "sampling/createMessage")):
            made.receiver.received({"jsonrpc": "2.0", "id": id, "method": method})
        self.assertEqual(made.sent[0], {"jsonrpc": "2.0", "id": 1, "result": {}})
        self.assertEqual(made.sent[1]["error"]["code"], -32601)

    def test_one_that_speaks_otherwise(self) -> None:
        """It cannot be used."""
        server = FakeServer()
        server.answer = lambda message, result: FakeServer.answer(  # type: ignore[method-assign]
            server, message, {"protocolVersion": "1999-01-01"}
        )
        self.next = [server]
        self.assertEqual(self.names(), [])
        self.assertIn("1999-01-01", self.server.failure or "")

    def test_stopping_ends_what_is_being_sent(self) -> None:
        self.names()
        self.made[0].hangs = True
        calling = self.call("add")
        self.successResultOf(Deferred.fromCoroutine(self.server.stop()))
        self.failureResultOf(calling, ToolError)
        self.assertTrue(self.made[0].hanging.called)

    def test_stopping(self) -> None:
        """The connection ends, and no other is made."""
        self.names()
        self.successResultOf(Deferred.fromCoroutine(self.server.stop()))
        self.assertFalse(self.made[0].is_open)
        self.assertEqual(self.names(), [])
        self.clock.advance(100)
        self.assertEqual((self.names(), len(self.made)), ([], 1))
        self.assertEqual(self.clock.getDelayedCalls(), [])
