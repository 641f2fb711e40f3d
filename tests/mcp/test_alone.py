"""Requests that stand alone, as of 2026-07-28."""

from __future__ import annotations

import json
from typing import Any

from tests.mcp.case import BOTH, EndpointCase, Sent
from twisted_aigate.mcp.announcements import Change

_VERSION = "2026-07-28"
_KEY = "io.modelcontextprotocol/"


class AloneTests(EndpointCase):
    """Everything stands in the request."""

    def ask(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        meta: dict[str, Any] | None = None,
        *,
        capabilities: Any = None,
        version: str | None = _VERSION,
        fields: tuple[str, ...] | None = None,
        accept: str = BOTH,
    ) -> Sent:
        """Send one, with the headers that it should have."""
        own = {
            f"{_KEY}protocolVersion": version,
            f"{_KEY}clientCapabilities": capabilities or {},
            **(meta or {}),
        }
        given = dict(params or {})
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**given, "_meta": own}}
        if fields is None:
            fields = (f"MCP-Protocol-Version: {version}", f"Mcp-Method: {method}")
            named = given.get("name", given.get("uri"))
            fields = fields if named is None else (*fields, f"Mcp-Name: {named}")
        return self.send(json.dumps(message).encode(), *fields, accept=accept)

    def test_discovery(self) -> None:
        """What the server can, and who it is."""
        result = self.ask("server/discover").value["result"]
        self.assertEqual(result["supportedVersions"], [_VERSION])
        self.assertIn("tools", result["capabilities"])
        self.assertEqual(result["resultType"], "complete")
        self.assertEqual(result["_meta"][f"{_KEY}serverInfo"]["name"], "everything")

    def test_a_call(self) -> None:
        """No session is begun."""
        sent = self.ask("tools/call", {"name": "test_simple_text"})
        self.assertIn("simple text", sent.value["result"]["content"][0]["text"])
        self.assertEqual(len(self.everything.endpoint.sessions), 0)

    def test_progress(self) -> None:
        """On a stream that cannot be taken up again: its events have no ids."""
        meta = {"progressToken": 1}
        sent = self.ask("tools/call", {"name": "test_tool_with_progress"}, meta)
        self.pass_time(1)
        self.assertEqual(len(sent.messages), 4)
        self.assertEqual([event.id for event in sent.events], [None] * 4)

    def test_lines_of_the_log_are_for_who_asks_for_them(self) -> None:
        """In each request."""
        params = {"name": "test_tool_with_logging"}
        quiet = self.ask("tools/call", params)
        told = self.ask("tools/call", params, {f"{_KEY}logLevel": "debug"})
        self.pass_time(1)
        self.assertEqual(quiet.value["id"], 1)
        self.assertEqual(len(told.messages), 4)

    def test_leaving_is_cancelling(self) -> None:
        """Nobody comes back."""
        self.ask("tools/call", {"name": "wait"}, {"progressToken": 1}).leave()
        self.assertEqual(self.everything.tools.cancelled, ["wait"])

    def test_what_is_asked_of_the_client_is_the_result(self) -> None:
        """It asks again, with the answer."""
        params = {"name": "test_elicitation", "arguments": {"message": "Who?"}}
        able = {"elicitation": {"form": {}}}
        result = self.ask("tools/call", params, capabilities=able).value["result"]
        self.assertEqual(result["resultType"], "input_required")
        ((key, asked),) = result["inputRequests"].items()
        self.assertEqual(asked["method"], "elicitation/create")
        self.assertEqual(asked["params"]["message"], "Who?")
        given = {"inputResponses": {key: {"action": "accept", "content": {"username": "me"}}}}
        done = self.ask("tools/call", {**params, **given}, capabilities=able).value["result"]
        self.assertIn("action=accept", done["content"][0]["text"])
        self.assertIn('"username": "me"', done["content"][0]["text"])

    def test_headers_say_what_the_body_says(self) -> None:
        """Or the request is refused: a proxy may have gone by them."""
        ours = f"MCP-Protocol-Version: {_VERSION}"
        params = {"name": "test_simple_text"}
        for fields in (
            (),
            (ours,),
            (ours, "Mcp-Method: tools/list", "Mcp-Name: test_simple_text"),
            (ours, "Mcp-Method: tools/call"),
            (ours, "Mcp-Method: tools/call", "Mcp-Name: other"),
            ("MCP-Protocol-Version: 2025-11-25", "Mcp-Method: tools/call"),
        ):
            with self.subTest(fields):
                sent = self.ask("tools/call", params, fields=fields)
                self.assertEqual(sent.answer.status, 400)
                self.assertEqual(sent.value["error"]["code"], -32020)

    def test_names_that_are_not_ascii_come_encoded(self) -> None:
        """As base64."""
        fields = (f"MCP-Protocol-Version: {_VERSION}", "Mcp-Method: resources/read")
        encoded = "Mcp-Name: =?base64?dGVzdDovL8Ok?="
        sent = self.ask("resources/read", {"uri": "test://ä"}, fields=(*fields, encoded))
        self.assertEqual(sent.value["error"]["code"], -32602)
        wrong = self.ask("resources/read", {"uri": "test://ä"}, fields=(*fields, encoded + "?"))
        self.assertEqual(wrong.value["error"]["code"], -32020)

    def test_what_must_be_said(self) -> None:
        """Version and capabilities."""
        for meta, code in (
            ({f"{_KEY}clientCapabilities": {}}, -32602),
            ({f"{_KEY}protocolVersion": _VERSION}, -32602),
        ):
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
            sent = self.send(
                json.dumps(body).encode(),
                f"MCP-Protocol-Version: {_VERSION}",
                "Mcp-Method: tools/list",
            )
            self.assertEqual((sent.answer.status, sent.value["error"]["code"]), (400, code))

    def test_errors_have_statuses(self) -> None:
        """What there is not is a 404."""
        sent = self.ask("ping")
        self.assertEqual((sent.answer.status, sent.value["error"]["code"]), (404, -32601))
        sent = self.ask("tools/call", {"name": "nothing"})
        self.assertEqual((sent.answer.status, sent.value["error"]["code"]), (400, -32602))

    def test_notifications_mean_nothing(self) -> None:
        """They are taken all the same; answers are not, since nothing was asked."""
        version = f"MCP-Protocol-Version: {_VERSION}"
        cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {}}
        self.assertEqual(self.send(json.dumps(cancelled).encode(), version).answer.status, 202)
        answer = {"jsonrpc": "2.0", "id": 1, "result": {}}
        self.assertEqual(self.send(json.dumps(answer).encode(), version).answer.status, 400)
        unknown = self.send(json.dumps(cancelled).encode(), "MCP-Protocol-Version: 1999-01-01")
        self.assertEqual(unknown.value["error"]["code"], -32022)

    def test_there_is_no_stream_but_that_of_a_request(self) -> None:
        """405."""
        sent = self.open(self.begin(), f"MCP-Protocol-Version: {_VERSION}")
        self.assertEqual((sent.answer.status, sent.answer.field("allow")), (405, "POST"))

    def test_changes_are_the_answer_to_listening(self) -> None:
        """Those that are asked for, until the server stops."""
        asked = {"toolsListChanged": True, "resourceSubscriptions": ["test://watched"]}
        sent = self.ask("subscriptions/listen", {"notifications": asked})
        for change in (
            Change("prompts"),
            Change("tools"),
            Change("resources", "test://other"),
            Change("resources", "test://watched"),
        ):
            self.everything.change(change)
        self.everything.endpoint.drain()
        acknowledged, tools, resource, over = sent.messages
        self.assertEqual(acknowledged["params"]["notifications"], asked)
        self.assertEqual(tools["method"], "notifications/tools/list_changed")
        self.assertEqual(tools["params"]["_meta"][f"{_KEY}subscriptionId"], 1)
        self.assertEqual(resource["params"]["uri"], "test://watched")
        self.assertEqual(over["id"], 1)
        self.assertTrue(sent.answer.whole)

    def test_who_leaves_listens_no_more(self) -> None:
        """Nothing is kept for it."""
        sent = self.ask("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
        sent.leave()
        self.everything.change(Change("tools"))
        self.assertEqual(len(sent.messages), 1)
