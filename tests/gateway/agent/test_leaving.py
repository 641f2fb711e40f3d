"""Callers who leave, read slowly, or never begin to read."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.gateway.agent.case import HELLO, MCP, USAGE, AgentCase, streamed, turn
from tests.gateway.fakes import make_call
from tests.gateway.messages.examples import chunk, stream
from tests.support.streams import HandFed
from twisted_aigate.gateway.agent.service import Agent, Visitor
from twisted_aigate.gateway.callers import MASTER
from twisted_aigate.gateway.calls import Result, Task
from twisted_aigate.gateway.events import EVENT_STREAM
from twisted_aigate.interfaces import ToolCaller, ToolResult
from twisted_aigate.kernel.collector import Collector

_VISITOR = Visitor(MASTER, ToolCaller("master", is_operator=True), "http://test")
_CALLS = (("maps-find", "{}"), ("mail-send", "{}"))


class LeavingTests(AgentCase):
    """On both endpoints."""

    def setUp(self) -> None:
        super().setUp()
        self.agent = Agent(self.gateway.call, self.tools, self.kept)
        self.left: list[Any] = []
        self.working: list[Deferred[ToolResult]] = []
        for name, _ in _CALLS:
            self.working.append(Deferred(self.left.append))
            self.tools.answers[name] = self.working[-1]

    def begin(self, task: Task = Task.CHAT, **fields: Any) -> Deferred[Result]:
        """The answer to a call."""
        given = {"input": "Hello"} if task is Task.RESPONSES else {"messages": HELLO}
        made = make_call(task, **given, tools=[MCP], **fields)
        return Deferred.fromCoroutine(self.agent.call(made, MASTER, lambda: _VISITOR))

    def body(self, task: Task = Task.CHAT) -> Any:
        """The body of a streamed one."""
        return self.successResultOf(self.begin(task, stream=True)).body

    def test_tools_at_work(self) -> None:
        """They are cancelled, all of them, and their session is over."""
        for task in (Task.CHAT, Task.RESPONSES):
            self.setUp()
            self.script(streamed("A", *_CALLS))
            body = self.body(task)
            done = body.startProducing(Collector())
            self.assertEqual((len(self.tools.calls), self.left), (2, []))
            body.stopProducing()
            self.assertEqual(self.left, self.working)
            self.assertEqual(len(self.tools.forgotten), 1)
            self.assertNoResult(done)
            self.assertEqual(len(self.provider.calls), 1)

    def test_a_caller_who_waits(self) -> None:
        self.script(turn("", *_CALLS))
        answer = self.begin()
        self.assertNoResult(answer)
        answer.cancel()
        self.failureResultOf(answer)
        self.assertEqual(self.left, self.working)
        self.assertEqual(len(self.tools.forgotten), 1)

    def test_a_later_turn_is_asked_for(self) -> None:
        """The call upstream is cancelled."""
        upstream: Deferred[Result] = Deferred(self.left.append)
        self.script(streamed("A", *_CALLS), upstream)
        body = self.body()
        body.startProducing(Collector())
        for each in self.working:
            each.callback(ToolResult([]))
        body.stopProducing()
        self.assertEqual(self.left, [upstream])

    def test_a_later_turn_comes(self) -> None:
        """It is stopped, and before that paused and resumed, as the caller is."""
        source = HandFed()
        self.script(streamed("A", *_CALLS), Result(source, EVENT_STREAM))
        body = self.body()
        read = Collector()
        body.startProducing(read)
        body.pauseProducing()
        for each in self.working:
            each.callback(ToolResult([]))
        source.feed(stream(chunk({"content": "Then"}), done=False))
        self.assertEqual(source.calls[-1], "pause")
        body.resumeProducing()
        self.assertEqual(source.calls[-1], "resume")
        source.feed(stream(chunk({"content": "Now."}), done=False))
        self.assertIn(b"Now.", read.parts[-1])
        body.stopProducing()
        self.assertEqual(source.calls[-1], "stop")

    def test_never_begun(self) -> None:
        """The first turn is not wanted."""
        source = HandFed()
        self.script(Result(source, EVENT_STREAM))
        begun = self.begin(stream=True)
        source.feed(stream(chunk({"content": "A"}), done=False))
        self.successResultOf(begun).drop()
        self.assertEqual(source.calls[-1], "stop")

    def test_progress(self) -> None:
        """A tool that says that it is at work keeps the connection alive."""
        self.script(streamed("A", *_CALLS))
        read = Collector()
        body = self.body()
        body.startProducing(read)
        self.tools.contexts[0].progress(1.0)
        self.assertEqual(read.parts[-1], b": ping\n\n")
        body.stopProducing()

    def test_every_turn_is_paid(self) -> None:
        """As the caller's own call."""
        self.script(turn("", ("maps-draw_it", "{}")), turn("Done."))
        self.successResultOf(self.begin())
        rows = self.accounts.rows()
        self.assertEqual([row.prompt_tokens for row in rows], [USAGE["prompt_tokens"]] * 2)
