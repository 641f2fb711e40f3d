"""Servers of others behind our endpoint: the official SDK's, over each transport, and bad ones."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any
from unittest import TestCase

from tests.end_to_end.mcp_client import Job, use_tools
from tests.end_to_end.mcp_official_server import KEY
from tests.end_to_end.server import MASTER_KEY, Server
from tests.support.ports import free_port
from tests.support.waiting import eventually

_ROOT = Path(__file__).parents[2]
_PROGRAM = "tests.end_to_end.mcp_official_server"
_CONFIG = """
mcp_servers:
  far:
    url: http://127.0.0.1:{http}/mcp
    auth_type: bearer_token
    auth_value: os.environ/EXTERNAL_KEY
  old:
    url: http://127.0.0.1:{sse}/sse
    transport: sse
    auth_type: bearer_token
    auth_value: os.environ/EXTERNAL_KEY
    allowed_tools: [add]
  child:
    command: {python}
    args: [-m, {program}, stdio]
    env: {{WORD: hello, PYTHONPATH: {root}}}
  hanging: {{url: "http://127.0.0.1:{hanging}/mcp"}}
  down: {{url: "http://127.0.0.1:{down}/mcp"}}
  locked: {{url: "http://127.0.0.1:{http}/mcp"}}
  missing: {{command: /no/such/program}}
"""


def _serve(transport: str, port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", _PROGRAM, transport, str(port)],
        cwd=_ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class ExternalServerTests(TestCase):
    """One server with all of them."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.http_port, cls.sse_port = free_port(), free_port()
        cls.http = _serve("streamable-http", cls.http_port)
        sse = _serve("sse", cls.sse_port)
        for process in (cls.http, sse):
            cls.addClassCleanup(process.wait)
            cls.addClassCleanup(process.kill)
        hanging = socket.create_server(("127.0.0.1", 0))
        cls.addClassCleanup(hanging.close)
        config = _CONFIG.format(
            http=cls.http_port,
            sse=cls.sse_port,
            hanging=hanging.getsockname()[1],
            down=free_port(),
            python=sys.executable,
            program=_PROGRAM,
            root=_ROOT,
        )
        cls.server = Server(config, EXTERNAL_KEY=KEY)
        cls.addClassCleanup(cls.server.stop)
        cls.server.wait_until_up()
        for port in (cls.http_port, cls.sse_port):
            eventually(lambda port=port: _answers(port), "it does not come up")

    def answer(self, method: str, params: Any) -> Any:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        request = urllib.request.Request(
            f"{self.server.url}/mcp/",
            json.dumps(message).encode(),
            {"Authorization": f"Bearer {MASTER_KEY}"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def names(self) -> set[str]:
        """The tools of other servers that are listed."""
        tools = {tool["name"] for tool in self.answer("tools/list", {})["result"]["tools"]}
        return {name for name in tools if name.partition("-")[0] in ("far", "old", "child")}

    def call(self, tool: str, **arguments: Any) -> Any:
        return self.answer("tools/call", {"name": tool, "arguments": arguments})["result"]

    def all_there(self) -> bool:
        own = {"add", "word", "count", "end"}
        expected = {f"{server}-{tool}" for server in ("far", "child") for tool in own}
        return self.names() == expected | {"old-add"}

    def test_1_nothing_is_connected_before_it_is_wanted(self) -> None:
        """The child is not there."""
        self.assertEqual(self.server.children(), [])

    def test_2_those_that_answer_are_listed(self) -> None:
        """The others are left out, each for its reason."""
        eventually(self.all_there, lambda: f"{self.names()}: {self.server.log}")
        self.server.wait_for_log("hanging: cannot be reached: it does not answer")
        self.assertTrue(self.all_there())
        for name, reason in (
            ("down", "cannot connect"),
            ("locked", "it answers 401"),
            ("missing", "it ended"),
        ):
            self.server.wait_for_log(f"{name}: cannot be reached: {reason}")

    def test_3_calls(self) -> None:
        """Over each transport; the child's environment has no secret of ours."""
        eventually(self.all_there, lambda: f"{self.names()}: {self.server.log}")
        calls = tuple((f"{server}-add", {"a": 1, "b": 2}) for server in ("far", "old", "child"))
        word = ("child-word", {})
        (done,) = use_tools(Job(f"{self.server.url}/mcp/", MASTER_KEY, (*calls, word)))
        self.assertIsNone(done.error)
        self.assertEqual([call.structured["result"] for call in done.calls], [3, 3, 3, "hello"])

    def test_4_progress(self) -> None:
        """It goes through."""
        for server in ("far", "child"):
            counting = ((f"{server}-count", {}),)
            (done,) = use_tools(Job(f"{self.server.url}/mcp/", MASTER_KEY, counting, "legacy"))
            self.assertIsNone(done.error)
            self.assertEqual(done.calls[0].progress, [(1.0, "at 1"), (2.0, "at 2")])

    def test_5_what_is_not_allowed(self) -> None:
        """And what is not there is told to the model."""
        answer = self.answer("tools/call", {"name": "old-word"})
        self.assertEqual(answer["error"]["code"], -32602)
        result = self.call("down-anything")
        self.assertTrue(result["isError"])
        self.assertIn("cannot be reached", result["content"][0]["text"])

    def test_6_one_that_dies_comes_back(self) -> None:
        """The others stay."""
        eventually(self.all_there, lambda: f"{self.names()}: {self.server.log}")
        self.assertTrue(self.call("child-end")["isError"])
        self.assertEqual(
            self.names() - {"old-add"}, {name for name in self.names() if "far" in name}
        )
        eventually(self.all_there, lambda: f"{self.names()}: {self.server.log}")
        self.assertEqual(self.call("child-add", a=2, b=2)["structuredContent"], {"result": 4})

    def test_7_a_server_that_was_restarted(self) -> None:
        """It knows no session of before, and gets a new one."""
        self.assertFalse(self.call("far-add", a=1, b=1)["isError"])
        type(self).http.kill()
        self.http.wait()
        type(self).http = _serve("streamable-http", self.http_port)
        self.addClassCleanup(self.http.wait)
        self.addClassCleanup(self.http.kill)
        eventually(lambda: _answers(self.http_port), "it does not come up")
        eventually(lambda: not self.call("far-add", a=1, b=1)["isError"], "it is not connected")
