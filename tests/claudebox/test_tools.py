"""Claude Code as tools: what its callers are told while it works."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.claudebox.case import ClaudeboxCase
from twisted_aigate.claudebox.tools import ClaudeboxTools
from twisted_aigate.interfaces import ToolCaller


class Context:
    """
    A call.

    @ivar told: Its progress, and the words with it.
    """

    caller = ToolCaller("claudebox")
    session = None
    base_url = "http://x"

    def __init__(self) -> None:
        self.told: list[tuple[float, str | None]] = []

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        self.told.append((done, message))


class RunTests(ClaudeboxCase):
    """C{claude_run}."""

    def call(self, context: Context) -> Deferred[object]:
        """A run that waits for the gate."""
        tools = ClaudeboxTools(self.claudebox, self.threads, self.reactor)
        asked = {"prompt": f"say ready\nhold {self.gate}\nsay done", "workspace": "w"}
        return Deferred.fromCoroutine(tools.call("claude_run", asked, context))

    async def ready(self, context: Context) -> None:
        """Wait until it waits."""
        while (0.0, "ready") not in context.told:
            await self.turn()

    async def test_minutes_of_silence_are_told(self) -> None:
        """Every 15 seconds, as time that has passed."""
        context = Context()
        calling = self.call(context)
        await self.ready(context)
        told = len(context.told)
        for _ in range(4 * 5):
            self.clock.advance(15)
            await self.turn()
        self.assertEqual(context.told[told:], [(15.0 * (n + 1), None) for n in range(4 * 5)])
        self.gate.touch()
        await calling

    async def test_cancelling_ends_it_after_minutes(self) -> None:
        """No process is left, and nothing is told any more."""
        context = Context()
        calling = self.call(context)
        await self.ready(context)
        self.clock.advance(300)
        (run,) = self.runs
        calling.addErrback(lambda failure: None)
        calling.cancel()
        told = len(context.told)
        await run.over.wait()
        self.clock.advance(60)
        self.assertEqual(len(context.told), told)
