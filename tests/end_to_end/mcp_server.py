"""A server with every endpoint of MCP, and clients that call it."""

from __future__ import annotations

import functools
import json
import urllib.error
import urllib.request
from typing import Any
from unittest import TestCase

from tests.end_to_end.anthropic_server import ScriptedAnthropic
from tests.end_to_end.claudebox_server import TOKEN, ZAI_TOKEN, ClaudeboxServer, shared_anthropic
from tests.end_to_end.mcp_client import Called, Job, use_tools
from tests.end_to_end.server import MASTER_KEY
from tests.support.lasting import lasting

STORAGE_MASTER = "storage-master-0123456789"
UPLOADS = "uploads-key-0123456789"
PRIVATE = "private-key-0123456789"
ENDPOINTS = {
    "/storage/mcp/": STORAGE_MASTER,
    "/claudebox/mcp/": TOKEN,
    "/claudebox-zai/mcp/": ZAI_TOKEN,
    "/mcp/": MASTER_KEY,
}


@functools.cache
def shared_server() -> ClaudeboxServer:
    """The server that all tests share."""
    server = ClaudeboxServer(
        shared_anthropic(),
        f"buckets:\n  private: {{key: {PRIVATE}}}\n",
        HYBRIDS3_MASTER_KEY=STORAGE_MASTER,
        HYBRIDS3_UPLOADS_KEY=UPLOADS,
        RATELIMIT_STORAGE="off",
        MAX_BODY_SIZE="100MB",
    )
    lasting.callback(server.stop)
    return server.wait_until_up()


class McpTestCase(TestCase):
    """Tests on a server with all trees."""

    anthropic: ScriptedAnthropic
    server: ClaudeboxServer

    @classmethod
    def setUpClass(cls) -> None:
        cls.server, cls.anthropic = shared_server(), shared_anthropic()

    def use(
        self, path: str, *calls: tuple[str, dict[str, Any]], mode: str = "auto"
    ) -> list[Called]:
        """Call an endpoint's tools by the official client."""
        (done,) = use_tools(self.job(path, *calls, mode=mode))
        self.assertIsNone(done.error)
        return done.calls

    def job(self, path: str, *calls: tuple[str, dict[str, Any]], mode: str = "auto") -> Job:
        """A connection to an endpoint."""
        return Job(self.server.url + path, ENDPOINTS[path], calls, mode)

    def post(
        self, path: str, method: str, params: Any = None, token: str | None = None, **fields: str
    ) -> tuple[int, Any]:
        """Post a request by hand; the status and the JSON."""
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        headers = {"Content-Type": "application/json", **fields}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(
            self.server.url + path, json.dumps(message).encode(), headers
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def call(self, path: str, tool: str, arguments: Any, token: str | None = None) -> Any:
        """Call a tool by hand; its result."""
        status, answer = self.post(
            path, "tools/call", {"name": tool, "arguments": arguments}, token
        )
        self.assertEqual(status, 200, answer)
        return answer["result"]
