"""The openai client on both endpoints, and a model that calls the tools of every tree."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any
from unittest import TestCase

import openai

from tests.end_to_end.anthropic_steps import Hold
from tests.end_to_end.browser_server import need_browsers
from tests.end_to_end.claudebox_server import ClaudeboxServer, shared_anthropic
from tests.end_to_end.key_client import KeyClient
from tests.end_to_end.provider import API_KEY
from tests.end_to_end.scripted import ScriptedProvider, Turn
from tests.end_to_end.server import MASTER_KEY, Server
from tests.gateway.responses.examples import checked_events
from tests.support.waiting import eventually

_MCP: Any = {
    "type": "mcp",
    "server_label": "aigate",
    "server_url": "litellm_proxy",
    "require_approval": "never",
}
_AT = {"bucket": "uploads", "key": "notes/plan.txt"}
_RUN = {"prompt": "say hello there", "workspace": "agent", "noContinue": True}
_SCRIPT = (
    Turn("I keep it.", calls=(("hybrids3-upload_object", {**_AT, "content": "buy milk"}),)),
    Turn(calls=(("hybrids3-download_object", _AT), ("claudebox-claude_run", _RUN)), mixed=True),
    Turn(calls=(("claudebox-read_file", {"path": "../../etc/passwd"}),)),
    Turn("Buy milk."),
)
_CALLED = [name for turn in _SCRIPT for name, _ in turn.calls]
_PRICE = 0.001
"""Dollars of a token that the model says; what it reads costs nothing. A turn has 30."""

_LOOK = ("claudebox-list_files", {})


class AgentCase(TestCase):
    """
    A provider that refuses what OpenAI's own API would refuse.

    @cvar server: What asks it.
    """

    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.chats = ScriptedProvider()
        cls.addClassCleanup(cls.chats.stop)

    @classmethod
    def config(cls, **more: Any) -> str:
        """The configuration file."""
        params = {"model": "openai/plain", "api_base": cls.chats.base, "api_key": API_KEY}
        prices = {"input_cost_per_token": 0.0, "output_cost_per_token": _PRICE}
        models = [
            {"model_name": "plain", "litellm_params": params},
            {"model_name": "priced", "litellm_params": {**params, **prices}},
        ]
        return json.dumps({"model_list": models, **more})

    def setUp(self) -> None:
        self.chats.script.clear()
        self.chats.requests.clear()
        self.client = self.by(MASTER_KEY)

    def by(self, key: str) -> openai.OpenAI:
        """A client with a key."""
        base = f"{self.server.url}/v1"
        client = openai.OpenAI(base_url=base, api_key=key, max_retries=0, timeout=120)
        self.addCleanup(client.close)
        return client

    def results(self) -> list[str]:
        """What the model was told that its calls came to."""
        said = self.chats.requests[-1]["messages"]
        return [each["content"] for each in said if each["role"] == "tool"]


class TreesTests(AgentCase):
    """Storage, Claude Code and a browser."""

    server: ClaudeboxServer

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server = ClaudeboxServer(
            shared_anthropic(),
            cls.config(),
            HYBRIDS3_UPLOADS_KEY="uploads-0123456789",
            STEALTHY_AUTO_BROWSE_NUM_REPLICAS="1",
            BROWSER_ALLOW_PRIVATE="1",
        )
        cls.addClassCleanup(cls.server.stop)
        cls.server.wait_until_up()

    def check_results(self) -> None:
        """They are what the tools do, and the one that cannot be done is told as such."""
        stored, read, ran, refused = self.results()
        self.assertEqual(json.loads(stored)["size"], 8)
        self.assertEqual(read, "buy milk")
        self.assertEqual(json.loads(ran)["workspace"], "agent")
        self.assertEqual(json.loads(ran)["subtype"], "success")
        self.assertTrue(refused.startswith("Error: "), refused)

    def test_chat(self) -> None:
        self.chats.script += _SCRIPT
        answer = self.client.chat.completions.create(
            model="plain", messages=[{"role": "user", "content": "Go"}], tools=[_MCP]
        )
        self.assertEqual(answer.choices[0].message.content, "Buy milk.")
        assert answer.usage is not None
        self.assertEqual(answer.usage.total_tokens, 4 * 150)
        self.check_results()

    def test_chat_streamed(self) -> None:
        self.chats.script += _SCRIPT
        with self.client.chat.completions.stream(
            model="plain",
            messages=[{"role": "user", "content": "Go"}],
            tools=[_MCP],
            stream_options={"include_usage": True},
        ) as stream:
            stream.until_done()
            answer = stream.get_final_completion()
        message: Any = answer.choices[0].message
        self.assertEqual(message.content, "I keep it.Buy milk.")
        steps = message.provider_specific_fields["mcp_tool_calls"]
        self.assertEqual({each["function"]["name"] for each in steps}, set(_CALLED))
        assert answer.usage is not None
        self.assertEqual(answer.usage.total_tokens, 4 * 150)
        self.check_results()

    def test_response(self) -> None:
        self.chats.script += _SCRIPT
        answer = self.client.responses.create(model="plain", input="Go", tools=[_MCP])
        self.check_response(answer)

    def test_response_streamed(self) -> None:
        self.chats.script += _SCRIPT
        events = list(
            self.client.responses.create(model="plain", input="Go", tools=[_MCP], stream=True)
        )
        checked_events([each.to_dict(mode="json", exclude_unset=True) for each in events])
        kinds = [each.type for each in events]
        self.assertEqual(kinds.count("response.mcp_call.completed"), 3)
        self.assertEqual(kinds.count("response.mcp_call.failed"), 1)
        last: Any = events[-1]
        self.check_response(last.response)

    def check_response(self, answer: Any) -> None:
        """Its items, and that it goes on from what is kept of it."""
        self.assertEqual(answer.output_text, "I keep it.Buy milk.")
        called = [each.name for each in answer.output if each.type == "mcp_call"]
        self.assertEqual(called, _CALLED)
        self.assertEqual(answer.usage.total_tokens, 4 * 150)
        self.check_results()
        self.chats.script.append(Turn("You asked for milk."))
        after = self.client.responses.create(
            model="plain", input="What?", previous_response_id=answer.id
        )
        self.assertEqual(after.output_text, "You asked for milk.")
        self.assertEqual(self.results()[1], "buy milk")

    def test_a_key_has_its_servers_alone(self) -> None:
        """And each turn counts as a call of its."""
        keys = KeyClient(self.server)
        key = keys.generate(allowed_mcp_servers=["claudebox"])
        written = ("claudebox-write_file", {"path": "agent/a.txt", "content": "x"})
        stolen = ("hybrids3-list_buckets", {})
        self.chats.script += [Turn(calls=(written,)), Turn(calls=(stolen,))]
        answer = self.by(key).chat.completions.create(
            model="plain", messages=[{"role": "user", "content": "Go"}], tools=[_MCP]
        )
        offered = [each["function"]["name"] for each in self.chats.requests[0]["tools"]]
        self.assertEqual({name.partition("-")[0] for name in offered}, {"claudebox"})
        # What is none of ours is for the caller to call.
        left: Any = answer.choices[0].message.tool_calls
        self.assertEqual([each.function.name for each in left], ["hybrids3-list_buckets"])
        self.assertEqual(len(keys.wait_for_rows(key, 2)), 2)

    def test_storage_then_a_browser_then_claude(self) -> None:
        """What one has made the next one uses; the browser is the same for the whole answer."""
        need_browsers()
        url = f"{self.server.url}/storage/uploads/{_AT['key']}"
        self.chats.script += (
            Turn(calls=(("hybrids3-upload_object", {**_AT, "content": "buy milk"}),)),
            Turn(calls=(("stealthy_auto_browse-goto", {"url": url}),)),
            Turn(calls=(("stealthy_auto_browse-get_text", {}),)),
            Turn(calls=(("claudebox-claude_run", {**_RUN, "prompt": "buy the milk"}),)),
            Turn("The milk is bought."),
        )
        answer = self.client.responses.create(model="plain", input="Go", tools=[_MCP])
        self.assertEqual(answer.output_text, "The milk is bought.")
        stored, opened, seen, ran = map(json.loads, self.results())
        self.assertEqual(stored["key"], _AT["key"])
        self.assertTrue(opened["success"], opened)
        self.assertEqual(seen["data"]["text"].strip(), "buy milk")
        self.assertIn("buy the milk", ran["result"])

    def test_a_key_s_budget_holds_over_all_turns(self) -> None:
        """The turn that it has no money for is refused; what came before is paid."""
        keys = KeyClient(self.server)
        asked: Any = {
            "model": "priced",
            "messages": [{"role": "user", "content": "Go"}],
            "tools": [_MCP],
            "max_tokens": 30,
        }
        for stream in (False, True):
            key = keys.generate(allowed_mcp_servers=["claudebox"], max_budget=100 * _PRICE)
            self.chats.script += [Turn(calls=(_LOOK,))] * 5
            with self.subTest(stream=stream), self.assertRaises(openai.APIError) as caught:
                list(self.by(key).chat.completions.create(**asked, stream=stream))
            self.assertEqual(caught.exception.type, "budget_exceeded")
            self.assertEqual(len(self.chats.script), 2)
            self.chats.script.clear()
            rows = keys.wait_for_rows(key, 3)
            self.assertEqual([round(row["spend"], 6) for row in rows], [30 * _PRICE] * 3)

    def test_max_tool_calls(self) -> None:
        """What is beyond is not run; the model hears of it."""
        written = {"path": "most/a.txt", "content": "x"}
        calls = (_LOOK, ("claudebox-write_file", written))
        self.chats.script += [Turn(calls=calls), Turn("I must stop.")]
        answer = self.client.responses.create(
            model="plain", input="Go", tools=[_MCP], max_tool_calls=1
        )
        self.assertEqual(answer.output_text, "I must stop.")
        self.assertIn("max_tool_calls is 1", self.results()[1])
        self.assertFalse((self.server.workspaces / "most").exists())

    def test_a_client_that_leaves_ends_the_run(self) -> None:
        """No process is left."""
        hold = Hold(threading.Event())
        shared_anthropic().script("agent-leaves", hold)
        run = {**_RUN, "prompt": "agent-leaves", "workspace": "leaves"}
        self.chats.script.append(Turn("Hm.", calls=(("claudebox-claude_run", run),)))
        stream = self.client.responses.create(model="plain", input="x", tools=[_MCP], stream=True)
        self.assertEqual(next(iter(stream)).type, "response.created")
        self.assertTrue(hold.reached.wait(30), self.server.log)
        stream.close()
        self.client.close()
        # Browsers stay.
        eventually(lambda: not self.server.run_processes(), self.server.unrest)


class OtherServersTests(AgentCase):
    """The tools of a server of others, of which nobody has asked before."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        args = ["-m", "tests.end_to_end.mcp_official_server", "stdio"]
        environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
        child = {"command": sys.executable, "args": args, "env": environment}
        cls.server = Server(cls.config(mcp_servers={"child": child}))
        cls.addClassCleanup(cls.server.stop)
        cls.server.wait_until_up()

    def ask(self, *turns: Turn) -> None:
        """Have the model play these turns."""
        self.chats.script += turns
        self.client.responses.create(model="plain", input="Go", tools=[_MCP])

    def offers(self) -> bool:
        """Whether the server is connected, so that its tools are there."""
        self.ask(Turn("Hello."))
        tools = self.chats.requests[-1].get("tools", ())
        return "child-add" in [each["function"]["name"] for each in tools]

    def test_called(self) -> None:
        eventually(self.offers, lambda: self.server.log)
        self.ask(Turn(calls=(("child-add", {"a": 1, "b": 2}),)), Turn("Three."))
        self.assertEqual(self.results(), ["3"])
