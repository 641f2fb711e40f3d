"""Which tools a model gets."""

from __future__ import annotations

import json
from typing import Any

from tests.gateway.agent.case import HELLO, MCP, AgentCase, turn
from tests.gateway.routes_case import KEY
from twisted_aigate.gateway.calls import Result
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.events import EVENT_STREAM
from twisted_aigate.gateway.responses.events import encoded

_ALL = ["maps-find", "maps-draw_it", "mail-send"]
_REMOTE = {"type": "mcp", "server_label": "far", "server_url": "https://far.example/mcp"}


class WantedTests(AgentCase):
    """By server, by name, by what they do, and by key."""

    more = (Deployment("native", "openai", "up-native", serves_responses=True),)

    def given(self, *tools: Any, **headers: str) -> list[str]:
        """The functions that a model is told of."""
        self.script(turn("Hi"))
        asked = {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": tools}
        fields = {"Authorization": f"Bearer {KEY}", **headers}
        response, answer = self.post("/chat/completions", asked, headers=fields)
        self.assertEqual(response.code, 200, answer)
        return self.offered()

    def test_by_server(self) -> None:
        for url, names in (
            ("litellm_proxy", _ALL),
            ("litellm_proxy/mcp", _ALL),
            ("litellm_proxy/mcp/mail", ["mail-send"]),
            ("litellm_proxy/mcp/mail,maps", _ALL),
            ("litellm_proxy/mcp/nobody", []),
            ("http://test/mcp/", _ALL),
            ("http://test/mcp/mail/", ["mail-send"]),
        ):
            self.assertEqual(self.given({**MCP, "server_url": url}), names, url)

    def test_by_name(self) -> None:
        """With the server's name before it, or without."""
        for allowed, names in (
            (["maps-find"], ["maps-find"]),
            (["send", "draw.it"], ["maps-draw_it", "mail-send"]),
            ({"tool_names": ["send"]}, ["mail-send"]),
            ({"read_only": True}, ["maps-find"]),
            ({"tool_names": ["send"], "read_only": True}, []),
            ([], []),
        ):
            self.assertEqual(self.given({**MCP, "allowed_tools": allowed}), names, str(allowed))

    def test_by_the_field_of_litellm(self) -> None:
        headers = {"X-MCP-Servers": "mail, other"}
        self.assertEqual(self.given({**MCP, "headers": headers}), ["mail-send"])

    def test_several(self) -> None:
        """Each tool is there once."""
        mail = {**MCP, "server_url": "litellm_proxy/mcp/mail"}
        self.assertEqual(self.given(mail, MCP), ["mail-send", "maps-find", "maps-draw_it"])

    def test_by_key(self) -> None:
        """A key has the servers that it may use, and none by itself."""
        for servers, names in (([], []), (["mail"], ["mail-send"])):
            _, made = self.post("/key/generate", {"allowed_mcp_servers": servers})
            key = f"Bearer {made['key']}"
            self.assertEqual(self.given(MCP, Authorization=key), names)

    def test_the_limits_of_a_key_hold(self) -> None:
        """For each turn, as for any call of its."""
        _, made = self.post("/key/generate", {"allowed_mcp_servers": ["mail"], "rpm_limit": 1})
        self.script(turn("", ("mail-send", "{}")), turn("Done."))
        asked = {"model": "m", "messages": HELLO, "tools": [MCP]}
        fields = {"Authorization": f"Bearer {made['key']}"}
        response, _ = self.post("/chat/completions", asked, headers=fields)
        self.assertEqual((response.code, len(self.provider.calls)), (429, 1))

    def test_none(self) -> None:
        """The model is asked without."""
        self.given({**MCP, "allowed_tools": []})
        self.assertNotIn("tools", self.asked())

    def test_wrong(self) -> None:
        for tool, param in (
            ({**MCP, "require_approval": "always"}, "tools[0].require_approval"),
            ({**MCP, "require_approval": {"never": {}}}, "tools[0].require_approval"),
            ({**MCP, "allowed_tools": 5}, "tools[0]"),
        ):
            for answer in (self.chat(400, tools=[tool]), self.response(400, tools=[tool])):
                self.assertEqual(answer["error"]["param"], param)
        for name, value in (("n", 2), ("max_tool_calls", "many"), ("max_tool_calls", -1)):
            self.assertEqual(self.chat(400, **{name: value})["error"]["param"], name)
        self.assertEqual(self.provider.calls, [])

    def test_nested_too_deeply(self) -> None:
        deep = "[" * 5000 + "]" * 5000
        body = f'{{"model": "m", "messages": [{{"role": "user"}}], "tools": [{json.dumps(MCP)}, '
        body += f'{{"type": "function", "function": {deep}}}]}}'
        response, _ = self.request("POST", "/chat/completions", data=body.encode())
        self.assertEqual(response.code, 400)

    def test_remote(self) -> None:
        """What is not ours goes to a provider that serves the API, as it came; a chat has none."""
        self.provider.answer = Result(b'{"id": "resp_native"}')
        asked = {"model": "native", "input": "x", "tools": [_REMOTE]}
        self.assertEqual(self.post("/responses", asked)[1], {"id": "resp_native"})
        self.assertEqual(self.asked()["tools"], [_REMOTE])
        self.assertIn("'mcp'", self.response(400, tools=[_REMOTE])["error"]["message"])

    def test_over_a_provider_that_serves_the_api(self) -> None:
        """It is told of functions, and of nothing that it would have to keep."""
        self.script(_native("maps-find"), _native(None))
        response = self.response(model="native", tools=[_REMOTE, MCP], max_tool_calls=5)
        self.assertEqual([each["type"] for each in response["output"]][1:], ["mcp_call", "message"])
        asked = self.asked()
        self.assertEqual([each["type"] for each in asked["tools"]], ["mcp", *["function"] * 3])
        self.assertEqual(
            asked["input"][1:],
            [
                {"type": "function_call", "call_id": "c0", "name": "maps-find", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c0", "output": "found"},
            ],
        )
        self.assertEqual((asked["store"], asked["stream"]), (False, True))
        self.assertNotIn("max_tool_calls", asked)
        found, _ = self.request("GET", f"/responses/{response['id']}")
        self.assertEqual(found.code, 200)


def _native(called: str | None) -> Result:
    """A turn of a provider that serves the API: a call, or a message."""
    item: dict[str, Any] = {"id": "fc_1", "type": "function_call", "status": "completed"}
    item |= {"call_id": "c0", "name": called, "arguments": "{}"}
    if called is None:
        content = [{"type": "output_text", "text": "Done.", "annotations": [], "logprobs": []}]
        item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
        item["content"] = content
    response = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "up-native",
        "status": "completed",
        "output": [item],
        "tools": [_REMOTE],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
    }
    events: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": {**response, "status": "in_progress", "output": []}}),
        ("response.output_item.added", {"output_index": 0, "item": item}),
        ("response.output_item.done", {"output_index": 0, "item": item}),
        ("response.completed", {"response": response}),
    ]
    body = b"".join(encoded(name, fields, n) for n, (name, fields) in enumerate(events))
    return Result(body, EVENT_STREAM)
