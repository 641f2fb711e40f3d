"""The tools of several servers as those of one, and whose pages may call."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.mcp.everything import EverythingTools
from twisted_aigate.interfaces import ToolCaller, UnknownTool
from twisted_aigate.mcp.aggregate import Aggregate
from twisted_aigate.mcp.context import Context
from twisted_aigate.mcp.origins import Origins


class AggregateTests(SynchronousTestCase):
    """Aggregate."""

    def setUp(self) -> None:
        self.one, self.two = EverythingTools(Clock()), EverythingTools(Clock())
        self.all = Aggregate({"one": self.one, "two_more": self.two})

    def names(self, caller: ToolCaller) -> set[str]:
        tools = self.successResultOf(Deferred.fromCoroutine(self.all.tools(caller)))
        return {tool.name.partition("-")[0] for tool in tools}

    def call(self, name: str, caller: ToolCaller) -> Deferred[Any]:
        channel: Any = None
        capabilities: Any = None
        context = Context(channel, 1, "2025-11-25", capabilities, caller, "http://x", None)
        return Deferred.fromCoroutine(self.all.call(name, {}, context))

    def test_all_servers(self) -> None:
        """Their names come before those of their tools."""
        caller = ToolCaller("someone")
        self.assertEqual(self.names(caller), {"one", "two_more"})
        self.successResultOf(self.call("two_more-test_simple_text", caller))

    def test_a_caller_with_some_of_them(self) -> None:
        """The others are as if they were not there."""
        caller = ToolCaller("someone", servers=frozenset(("two_more", "unknown")))
        self.assertEqual(self.names(caller), {"two_more"})
        self.successResultOf(self.call("two_more-test_simple_text", caller))
        self.failureResultOf(self.call("one-test_simple_text", caller), UnknownTool)

    def test_one_that_fails_costs_the_others_nothing(self) -> None:
        """It is logged."""

        async def broken(caller: ToolCaller) -> Any:
            raise ZeroDivisionError

        self.one.tools = broken  # type: ignore[method-assign]
        self.assertEqual(self.names(ToolCaller("someone")), {"two_more"})
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_sessions_are_over_for_all(self) -> None:
        """Each may have kept something."""
        self.all.forget("s")
        self.assertEqual((self.one.forgotten, self.two.forgotten), (["s"], ["s"]))


class OriginsTests(SynchronousTestCase):
    """Origins."""

    def test_who_may_call(self) -> None:
        """Loopback, our own pages where no name can be bent, and those that are configured."""
        origins = Origins(("https://chat.example/",))
        for origin, base_url, allowed in (
            (None, "http://x", True),
            ("https://chat.example", "http://x", True),
            ("https://CHAT.example", "http://x", True),
            ("http://chat.example", "http://x", False),
            ("http://127.0.0.1:5173", "http://x", True),
            ("https://me.example", "https://me.example", True),
            ("http://me.example", "http://me.example", False),
            ("https://me.example", "http://me.example", False),
            ("http://192.0.2.1:4000", "http://192.0.2.1:4000", True),
            ("http://192.0.2.1:4000", "http://192.0.2.2:4000", False),
            ("http://localhost.evil.example", "http://x", False),
            ("http://[::1", "http://x", False),
            ("", "http://x", False),
        ):
            with self.subTest(f"{origin} {base_url}"):
                self.assertEqual(origins.allows(origin, base_url), allowed)
