"""Claude Code on the gateway's own models: C{CLAUDEBOX_BACKEND=gateway}."""

from __future__ import annotations

import json
from typing import Any

from tests.end_to_end.anthropic_server import ScriptedAnthropic
from tests.end_to_end.claudebox_server import TOKEN, ClaudeboxServer, ClaudeboxTestCase
from tests.end_to_end.provider import config
from tests.end_to_end.scripted import ScriptedProvider, Turn
from tests.end_to_end.server import MASTER_KEY


class GatewayBackendTests(ClaudeboxTestCase):
    """Runs on a model that speaks OpenAI's protocol, behind our own Messages API."""

    provider: ScriptedProvider

    @classmethod
    def start_server(cls) -> tuple[ClaudeboxServer, ScriptedAnthropic]:
        cls.provider = ScriptedProvider()
        cls.addClassCleanup(cls.provider.stop)
        # Nothing is to be asked of it.
        anthropic = ScriptedAnthropic()
        cls.addClassCleanup(anthropic.stop)
        server = ClaudeboxServer(
            anthropic,
            config(cls.provider.base, "plain", "other"),
            CLAUDEBOX_BACKEND="gateway",
            CLAUDEBOX_GATEWAY_MODEL="plain",
            CLAUDEBOX_ANTHROPIC_BASE_URL="",
            CLAUDEBOX_ANTHROPIC_API_KEY="",
        )
        cls.addClassCleanup(server.stop)
        cls.provider.script.append(Turn("Warm."))
        return server.wait_until_up(), anthropic

    def setUp(self) -> None:
        super().setUp()
        self.provider.script.clear()
        self.provider.requests.clear()

    def test_tool(self) -> None:
        """A run uses a tool, and the model is told what came of it."""
        look = ("Bash", {"command": "cat data.csv", "description": "Look"})
        self.provider.script += [Turn("I look.", calls=(look,)), Turn("It has 42.")]
        self.folder.mkdir()
        (self.folder / "data.csv").write_text("id,value\n1,42\n")
        result = self.run_it(outputFormat="json-verbose")
        self.assertEqual((result["result"], result["numTurns"]), ("It has 42.", 2))
        (use,) = [part for part in result["turns"][0]["content"] if part["type"] == "tool_use"]
        self.assertEqual((use["name"], use["input"]), look)
        (given,) = result["turns"][1]["content"]
        self.assertEqual((given["isError"], given["content"]), (False, "id,value\n1,42"))
        self.assertEqual(given["toolUseId"], use["id"])
        first, second = self.provider.requests
        self.assertEqual([first["model"], second["model"]], ["plain", "plain"])
        self.assertIn("Bash", [tool["function"]["name"] for tool in first["tools"]])
        told = second["messages"][-1]
        self.assertEqual(told["role"], "tool")
        self.assertIn("id,value", json.dumps(told["content"]))
        self.assertGreater(result["usage"]["outputTokens"], 0)

    def test_model(self) -> None:
        """A request may name another of the gateway's models."""
        self.provider.script.append(Turn("From the other."))
        self.assertEqual(self.run_it(model="other")["result"], "From the other.")
        self.assertEqual(self.provider.requests[0]["model"], "other")

    def test_token(self) -> None:
        """What a run presents opens the Messages API, and nothing else."""
        show = ("Bash", {"command": "env", "description": "Look"})
        self.provider.script += [Turn(calls=(show,)), Turn("Seen.")]
        result = self.run_it(outputFormat="json-verbose")
        lines = result["turns"][1]["content"][0]["content"].splitlines()
        variables = dict(line.split("=", 1) for line in lines if "=" in line)
        token = variables["ANTHROPIC_AUTH_TOKEN"]
        self.assertNotIn(token, (MASTER_KEY, TOKEN))
        self.assertNotIn(MASTER_KEY, json.dumps(result))
        self.assertEqual(self.ask(token, "POST", "/chat/completions"), 401)
        self.assertEqual(self.ask(token, "GET", "/models"), 401)
        self.assertEqual(self.ask(token, "GET", "/claudebox/status"), 401)
        self.assertEqual(self.ask("wrong", "POST", "/v1/messages"), 401)
        self.provider.script.append(Turn("Yes."))
        self.assertEqual(self.ask(token, "POST", "/v1/messages"), 200)

    def ask(self, token: str, method: str, path: str) -> int:
        """The status of a call with that token."""
        message = {"role": "user", "content": "hello"}
        body: dict[str, Any] = {"model": "plain", "max_tokens": 9, "messages": [message]}
        sent = body if method == "POST" else None
        return self.server.call(method, path, sent, tree="", token=token).status

    def test_model_fails(self) -> None:
        """A model that is not there, and one that fails: 502, and no key is told."""
        answer = self.server.run(self.name, self.name, model="nothing-like-it")
        self.assertEqual(answer.status, 502)
        answer = self.server.run(self.name, self.name)
        self.assertEqual(answer.status, 502, answer.body)
        self.assertIn("the script is over", answer.value["detail"])
        self.assertNotIn(b"sk-", answer.body)
