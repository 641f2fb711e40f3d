"""Claude Code itself, with our tools."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from tests.end_to_end.anthropic_steps import Say, UseTool
from tests.end_to_end.claude_code import Ended, run_claude
from tests.end_to_end.mcp_server import PRIVATE, McpTestCase
from tests.end_to_end.server import MASTER_KEY


class ClaudeCodeTests(McpTestCase):
    """The real CLI, given C{/mcp/} by C{--mcp-config}."""

    def setUp(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="aigate-mcp-claude-"))
        self.addCleanup(shutil.rmtree, self.home)

    def run_it(self, prompt: str) -> Ended:
        server = {
            "type": "http",
            "url": f"{self.server.url}/mcp/",
            "headers": {"Authorization": f"Bearer {MASTER_KEY}"},
        }
        config = json.dumps({"mcpServers": {"aigate": server}})
        arguments = ("--mcp-config", config, "--strict-mcp-config")
        # Or it begins without those that take longer than five seconds.
        wait = {"MCP_CONNECT_TIMEOUT_MS": "60000"}
        return run_claude(self.anthropic.url, self.home, prompt, *arguments, **wait)

    def test_it_lists_and_calls_our_tools(self) -> None:
        """The model is shown them, and what they answer."""
        at = {"bucket": "private", "key": "by-claude-code"}
        self.anthropic.script(
            "mcp-in-claude-code",
            UseTool("mcp__aigate__hybrids3-upload_object", {**at, "content": "from Claude"}),
            UseTool("mcp__aigate__hybrids3-download_object", at),
            UseTool("mcp__aigate__hybrids3-object_info", {**at, "key": "not there"}),
            Say("Done."),
        )
        ended = self.run_it("mcp-in-claude-code")
        self.assertEqual(ended.result["result"], "Done.")
        (started,) = ended.of("system", "init")
        self.assertEqual(started["mcp_servers"], [{"name": "aigate", "status": "connected"}])
        self.assertIn("mcp__aigate__claudebox_zai-claude_run", started["tools"])
        told = str(self.anthropic.received("mcp-in-claude-code")[-1].body["messages"])
        for expected in ("from Claude", "NoSuchKey"):
            self.assertIn(expected, told)
        stored = self.call("/storage/mcp/", "download_object", {**at, "auth_key": PRIVATE})
        self.assertEqual(stored["content"][0]["text"], "from Claude")
