"""What Anthropic's API would refuse, the scripted server refuses, and tells the test."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.anthropic_server import ANTHROPIC_KEY, USAGE, ScriptedAnthropic
from tests.end_to_end.anthropic_steps import Say, UseTool


class ChecksTests(SynchronousTestCase):
    """Requests that the real Claude Code does not send."""

    def setUp(self) -> None:
        self.server = ScriptedAnthropic()
        self.addCleanup(self.server.stop)
        self.message = {"role": "user", "content": "hello"}
        self.body: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [self.message]}

    def post(self, body: Any, path: str = "/v1/messages?beta=true", **fields: str) -> Any:
        usual = {
            "Content-Type": "application/json",
            "anthropic-version": "2023-06-01",
            "x-api-key": ANTHROPIC_KEY,
            **{name.replace("_", "-"): value for name, value in fields.items()},
        }
        request = urllib.request.Request(self.server.url + path, json.dumps(body).encode(), usual)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def refused(self, body: Any, path: str = "/v1/messages?beta=true", **fields: str) -> str:
        """Have a request refused; what the server says of it."""
        status, answer = self.post(body, path, **fields)
        self.assertIn(status, (400, 404))
        (problem,) = self.server.problems
        self.assertEqual(answer["error"]["message"], problem)
        self.server.problems.clear()
        return problem

    def test_good(self) -> None:
        """Without streaming the answer is one object."""
        status, answer = self.post(self.body)
        content = [{"type": "text", "text": "You said: hello"}]
        self.assertEqual((status, answer["content"], answer["usage"]), (200, content, USAGE))

    def test_heads(self) -> None:
        """Path, version and type are looked at."""
        self.assertIn("/v1/other", self.refused(self.body, "/v1/other"))
        self.assertIn("anthropic-version", self.refused(self.body, anthropic_version="1"))
        self.assertIn("content-type", self.refused(self.body, Content_Type="text/plain"))
        self.assertEqual(self.post(self.body, x_api_key="other")[0], 401)

    def test_bodies(self) -> None:
        """So are model, length and messages."""
        self.assertIn("no object", self.refused([]))
        self.assertIn("model", self.refused({**self.body, "model": ""}))
        self.assertIn("max_tokens", self.refused({**self.body, "max_tokens": "9"}))
        self.assertIn("messages", self.refused({**self.body, "messages": []}))
        empty = {"role": "user", "content": [{"type": "text", "text": ""}]}
        self.assertIn("without text", self.refused({**self.body, "messages": [empty]}))
        odd = {"role": "tool", "content": "x"}
        self.assertIn("no message", self.refused({**self.body, "messages": [self.message, odd]}))

    def test_tools(self) -> None:
        """Each use of a tool has its result in the next message."""
        use = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {}}
        used = {"role": "assistant", "content": [use]}
        result = {"type": "tool_result", "tool_use_id": "toolu_2", "content": "x"}
        other = {"role": "user", "content": [result]}
        for messages in (
            [self.message, used],
            [self.message, used, self.message],
            [self.message, used, other],
            [other],
        ):
            self.assertIn("tool_result", self.refused({**self.body, "messages": messages}))

    def test_script_is_over(self) -> None:
        """A request that no step is left for is a problem."""
        self.server.script("hello", Say("Hi."))
        self.assertEqual(self.post(self.body)[0], 200)
        self.assertIn("no step is left", self.refused(self.body))

    def test_tool_that_is_not_there(self) -> None:
        """A tool that the request does not offer is a problem of the script."""
        self.server.script("hello", UseTool("Fly", {}))
        self.post(self.body)
        self.assertEqual(self.server.problems, ["the tool Fly is not offered"])
        self.server.problems.clear()

    def test_stop_tells(self) -> None:
        """Problems that the test did not look at fail it."""
        server = ScriptedAnthropic()
        server.complain("this")
        with self.assertRaisesRegex(AssertionError, "this"):
            server.stop()
