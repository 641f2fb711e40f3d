"""Real browsers by MCP: the official client's session is one browser's."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from typing import ClassVar

from tests.end_to_end.browser_case import BrowserCase
from tests.end_to_end.browser_server import TOKEN
from tests.end_to_end.mcp_client import Called, Job, use_tools
from tests.end_to_end.server import MASTER_KEY

_STORAGE = "storage-master-0123456789"
_PATH = "/stealthy-auto-browse/mcp/"


class McpTests(BrowserCase):
    variables: ClassVar[dict[str, str]] = {
        "STEALTHY_AUTO_BROWSE_NUM_REPLICAS": "2",
        "HYBRIDS3_MASTER_KEY": _STORAGE,
    }

    def use(self, *calls: tuple[str, dict[str, object]]) -> list[Called]:
        (done,) = use_tools(Job(self.server.url + _PATH, TOKEN, calls, "legacy"))
        self.assertIsNone(done.error)
        return done.calls

    def test_a_session_is_one_browser_s(self) -> None:
        """What a call leaves, the next one finds."""
        opened, page, picture, script, none = self.use(
            ("goto", {"url": f"{self.pages.url}/"}),
            ("get_page_info", {}),
            ("screenshot", {"whLargest": 64}),
            ("run_script", {"steps": [{"action": "eval_js", "expression": "1 + 1"}]}),
            ("click", {"selector": "#no-such-element"}),
        )
        self.assertTrue(opened.structured["success"])
        self.assertEqual(page.structured["data"]["url"], f"{self.pages.url}/")
        shown = next(block for block in picture.result["content"] if block["type"] == "image")
        self.assertTrue(base64.b64decode(shown["data"]).startswith(b"\x89PNG"))
        self.assertEqual(script.structured["data"]["steps"][0]["data"]["result"], 2)
        self.assertTrue(none.result["isError"])

    def test_access(self) -> None:
        """The tree's own token; and the aggregate's, under the server's name."""
        called = {"name": "goto", "arguments": {"url": f"{self.pages.url}/second"}}
        listing, calling = (
            {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            for method, params in (("tools/list", {}), ("tools/call", called))
        )
        for path, token, message, status in (
            *((_PATH, None, each, 401) for each in (listing, calling)),
            *((_PATH, "wrong", each, 401) for each in (listing, calling)),
            *((_PATH, MASTER_KEY, each, 401) for each in (listing, calling)),
            *((_PATH, _STORAGE, each, 401) for each in (listing, calling)),
            (f"{_PATH}?apiToken={TOKEN}", None, listing, 401),
            ("/storage/mcp/", TOKEN, listing, 401),
            ("/mcp/", TOKEN, listing, 401),
            (_PATH, TOKEN, listing, 200),
            ("/mcp/", MASTER_KEY, listing, 200),
        ):
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            request = urllib.request.Request(
                self.server.url + path, json.dumps(message).encode(), headers
            )
            try:
                with urllib.request.urlopen(request, timeout=30) as response:
                    got, answer = response.status, json.load(response)
            except urllib.error.HTTPError as error:
                with error:
                    got, answer = error.code, json.load(error)
            self.assertEqual((path, token, got), (path, token, status))
        self.assertNotIn("/second", self.pages.paths())
        names = {tool["name"] for tool in answer["result"]["tools"]}
        self.assertLessEqual(
            {"stealthy_auto_browse-run_script", "stealthy_auto_browse-goto"}, names
        )
