"""Our client and our server, over loopback."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.mcp.everything import Everything
from twisted_aigate.http_client import HTTPClient
from twisted_aigate.http_client.client import endpoints
from twisted_aigate.interfaces import ToolCaller, ToolError
from twisted_aigate.mcp.announcements import Change
from twisted_aigate.mcp.client.external import ExternalServer
from twisted_aigate.mcp.client.http import HTTPTransport

_CALLER = ToolCaller("someone")


class Context:
    """A call."""

    caller = _CALLER
    session = None
    base_url = "http://x"

    def __init__(self) -> None:
        self.told: list[float] = []
        self.first: Deferred[None] = Deferred()

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        self.told.append(done)
        if not self.first.called:
            self.first.callback(None)


class HTTPTransportTests(TestCase):
    """ExternalServer over HTTPTransport."""

    timeout = 30

    async def setUp(self) -> None:  # type: ignore[override]  # trial waits
        from twisted.internet import reactor

        real: Any = reactor
        self.everything = Everything(real)
        port = real.listenTCP(0, self.everything.site, interface="127.0.0.1")
        self.client = HTTPClient(real, endpoints(real))
        url = f"http://127.0.0.1:{port.getHost().port}/mcp"
        self.changed: Deferred[None] = Deferred()
        self.server = ExternalServer(
            "far",
            lambda: HTTPTransport(self.client, real, url, (), 20.0),
            None,
            (),
            real,
            "1",
            self._changed,
        )
        # Whatever a test has left goes first; then its connections; then the port.
        self.addCleanup(port.stopListening)
        self.addCleanup(lambda: self.everything.site.drain())
        self.addCleanup(self.client.close)
        self.addCleanup(self.everything.endpoint.stop)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.server.stop()))
        await self.names()

    def _changed(self) -> None:
        changed, self.changed = self.changed, Deferred()
        changed.callback(None)

    async def names(self) -> set[str]:
        return {tool.name for tool in await self.server.tools(_CALLER)}

    def call(self, tool: str, context: Context | None = None) -> Awaitable[Any]:
        return self.server.call(tool, {}, context or Context())

    async def test_tools(self) -> None:
        """Listed and called, in one session."""
        self.assertIn("test_simple_text", await self.names())
        result = await self.call("test_simple_text")
        self.assertIn("simple text", result.content[0]["text"])
        self.assertEqual(len(self.everything.endpoint.sessions), 1)

    async def test_progress(self) -> None:
        """As it comes."""
        context = Context()
        await self.call("test_tool_with_progress", context)
        self.assertEqual(context.told, [0, 50, 100])

    async def test_a_server_that_hangs_up(self) -> None:
        """Its stream is taken up again, and has the answer."""
        result = await self.call("test_reconnection")
        self.assertIn("Reconnection test completed", result.content[0]["text"])

    async def test_cancelling(self) -> None:
        """The tool there ends."""
        context = Context()
        calling = Deferred.fromCoroutine(self.server.call("wait", {}, context))
        await context.first
        calling.addErrback(lambda failure: None)
        calling.cancel()
        # What comes behind the cancelling on its own connection has been overtaken by nothing.
        while not self.everything.tools.cancelled:
            await self.call("test_simple_text")
        self.assertEqual(self.everything.tools.cancelled, ["wait"])

    async def test_a_session_that_the_server_has_ended(self) -> None:
        """A new one is begun, and the call is done in it."""
        self.everything.endpoint.sessions.stop()
        result = await self.call("test_simple_text")
        self.assertIn("simple text", result.content[0]["text"])
        self.assertEqual(len(self.everything.endpoint.sessions), 1)

    async def test_changes_are_heard(self) -> None:
        """On the session's own stream."""
        changed = self.changed
        while not changed.called:
            # The stream may only now be opened.
            self.everything.change(Change("tools"))
            await self.call("test_simple_text")
        self.assertIn("test_simple_text", await self.names())

    async def test_stopping_ends_the_session(self) -> None:
        """There too."""
        await self.server.stop()
        self.assertEqual(len(self.everything.endpoint.sessions), 0)
        self.assertEqual(len(self.everything.tools.forgotten), 1)

    async def test_errors(self) -> None:
        """A tool's own, and the protocol's."""
        failed = await self.call("test_error_handling")
        self.assertTrue(failed.is_error)
        with self.assertRaises(ToolError) as caught:
            await self.call("no_such_tool")
        self.assertIn("no_such_tool", caught.exception.message)
