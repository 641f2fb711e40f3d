"""How an endpoint answers over HTTP."""

from __future__ import annotations

import json

from tests.mcp.case import LATEST, EndpointCase
from tests.support.edge import Wire, head

_PROGRESS = {"progressToken": "p"}


class PostTests(EndpointCase):
    """POST."""

    def test_a_bare_request_is_answered(self) -> None:
        """Without a session, without any header."""
        sent = self.request("tools/list", accept=None)
        self.assertEqual(sent.answer.status, 200)
        self.assertEqual(sent.answer.field("content-type"), "application/json")
        self.assertIsNone(sent.answer.field("mcp-session-id"))
        names = [tool["name"] for tool in sent.value["result"]["tools"]]
        self.assertIn("test_simple_text", names)

    def test_a_bare_call_is_answered(self) -> None:
        """The tool runs."""
        result = self.call("test_simple_text", accept="*/*").value["result"]
        self.assertIn("simple text response", result["content"][0]["text"])
        self.assertFalse(result["isError"])

    def test_who_takes_both_gets_json_when_there_is_nothing_else_to_tell(self) -> None:
        """No stream for one message."""
        self.assertEqual(self.request("ping").value, {"jsonrpc": "2.0", "id": 1, "result": {}})

    def test_who_takes_no_json_gets_a_stream(self) -> None:
        """With the answer as its only event."""
        sent = self.request("ping", accept="text/event-stream")
        self.assertEqual(sent.messages, [{"jsonrpc": "2.0", "id": 1, "result": {}}])
        self.assertTrue(sent.answer.whole)

    def test_who_takes_neither_is_refused(self) -> None:
        """406."""
        self.assertEqual(self.request("ping", accept="text/html").answer.status, 406)
        refused = self.request("ping", accept="application/json;q=0")
        self.assertEqual(refused.answer.status, 406)

    def test_progress_comes_while_the_tool_works(self) -> None:
        """On a stream that ends with the answer."""
        sent = self.call("test_tool_with_progress", meta=_PROGRESS)
        params = {"progressToken": "p", "progress": 0.0, "total": 100.0}
        told = {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}
        self.assertEqual(sent.messages, [told])
        self.pass_time(1)
        self.assertEqual(
            [message["params"]["progress"] for message in sent.messages[:-1]], [0, 50, 100]
        )
        self.assertEqual(sent.messages[-1]["id"], 1)
        self.assertTrue(sent.answer.whole)

    def test_no_progress_for_who_does_not_ask(self) -> None:
        """The answer alone."""
        sent = self.call("test_tool_with_progress")
        self.pass_time(1)
        self.assertEqual(sent.value["id"], 1)

    def test_who_takes_json_alone_waits_for_it(self) -> None:
        """Progress has no way to it."""
        sent = self.call("test_tool_with_progress", meta=_PROGRESS, accept="application/json")
        self.pass_time(1)
        self.assertEqual(sent.value["result"]["content"][0]["text"], "Done.")

    def test_a_silent_tool_keeps_its_connection_alive(self) -> None:
        """After a while a stream begins, with comments until there is an answer."""
        sent = self.call("wait")
        self.assertFalse(sent.is_answered)
        self.clock.advance(15)
        self.assertEqual(sent.messages, [])
        self.clock.advance(15)
        self.assertIn(b": keep-alive", sent.answer.body)

    def test_what_is_no_json_is_a_parse_error(self) -> None:
        """400, with JSON-RPC's code."""
        sent = self.send(b"{")
        self.assertEqual(sent.answer.status, 400)
        self.assertEqual(sent.value["error"]["code"], -32700)
        self.assertIsNone(sent.value["id"])

    def test_what_is_no_message_is_refused(self) -> None:
        """400; among it a request whose id is wrong, which is owed an answer."""
        wrong = (b"1", b"{}", b'{"jsonrpc":"2.0","id":null,"method":"ping"}', b"[]")
        for body in (
            *wrong,
            b'{"id":1,"method":"ping"}',
            b'{"jsonrpc":"2.0","id":1.5,"method":""}',
        ):
            with self.subTest(body):
                sent = self.send(body)
                self.assertEqual(sent.answer.status, 400)
                self.assertEqual(sent.value["error"]["code"], -32600)

    def test_errors_have_json_rpc_s_codes(self) -> None:
        """They are answers like any other."""
        for method, params, code in (
            ("nothing/such", None, -32601),
            ("server/discover", None, -32601),
            ("tools/call", {}, -32602),
            ("tools/call", {"name": "no_such_tool"}, -32602),
            ("tools/list", {"cursor": "somewhere"}, -32602),
            ("resources/read", {"uri": "test://nothing"}, -32602),
        ):
            with self.subTest(method):
                sent = self.request(method, params)
                self.assertEqual(sent.answer.status, 200)
                self.assertEqual(sent.value["error"]["code"], code)
                self.assertEqual(sent.value["id"], 1)

    def test_an_unexpected_failure_tells_nothing(self) -> None:
        """It is logged."""
        sent = self.call("test_sampling", {})
        self.assertEqual(sent.value["error"], {"code": -32603, "message": "Internal error"})
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_notifications_are_taken(self) -> None:
        """202 without a body."""
        answer = self.notify("notifications/initialized").answer
        self.assertEqual((answer.status, answer.body), (202, b""))

    def test_batches_where_the_revision_has_them(self) -> None:
        """All answers in an array; notifications have none."""
        batch = [
            {"jsonrpc": "2.0", "id": 1, "method": "ping"},
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {"jsonrpc": "2.0", "id": "two", "method": "nothing"},
        ]
        body = json.dumps(batch).encode()
        for session in (None, self.begin("2025-03-26"), self.begin("2024-11-05")):
            answers = self.send(body, session=session).value
            self.assertEqual({answer["id"] for answer in answers}, {1, "two"})
        self.assertEqual(self.send(body, session=self.begin()).answer.status, 400)
        newer = self.send(body, "MCP-Protocol-Version: 2025-06-18")
        self.assertEqual(newer.answer.status, 400)

    def test_a_batch_of_notifications_is_taken(self) -> None:
        """202."""
        body = json.dumps([{"jsonrpc": "2.0", "method": "notifications/initialized"}])
        self.assertEqual(self.send(body.encode()).answer.status, 202)

    def test_a_version_that_is_not_spoken_is_refused(self) -> None:
        """400, with those that are."""
        sent = self.send(
            b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{'
            b'"io.modelcontextprotocol/protocolVersion":"1999-01-01",'
            b'"io.modelcontextprotocol/clientCapabilities":{}}}}',
            "MCP-Protocol-Version: 1999-01-01",
            "Mcp-Method: ping",
        )
        self.assertEqual(sent.answer.status, 400)
        self.assertEqual(sent.value["error"]["code"], -32022)
        self.assertEqual(sent.value["error"]["data"]["requested"], "1999-01-01")

    def test_the_client_s_leaving_ends_what_nobody_waits_for(self) -> None:
        """No session: nobody can come back for the answer, stream or not."""
        self.call("wait").leave()
        self.call("wait", meta=_PROGRESS).leave()
        self.assertEqual(self.everything.tools.cancelled, ["wait", "wait"])

    def test_pages_of_elsewhere_may_not_call(self) -> None:
        """Neither may those whose name was bent to this machine."""
        ping = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
        for origin, status in (
            ("http://localhost:3000", 200),
            ("http://[::1]", 200),
            ("https://evil.example", 403),
            ("http://test", 403),
            ("null", 403),
        ):
            with self.subTest(origin):
                sent = self.send(ping, f"Origin: {origin}")
                self.assertEqual(sent.answer.status, status)
        self.assertEqual(sent.value["error"]["code"], -32600)

    def test_pages_that_may_call_can_read_the_answer(self) -> None:
        """The browser asks before, without any key."""
        origin = "Origin: http://localhost:3000"
        wire = Wire(self.everything.site, self.clock)
        wire.send(head("OPTIONS", "/mcp", origin, "Access-Control-Request-Method: POST"))
        asked = wire.answer()
        self.assertEqual(asked.status, 204)
        self.assertIn("Mcp-Session-Id", asked.field("access-control-allow-headers") or "")
        answer = self.send(b'{"jsonrpc":"2.0","id":1,"method":"ping"}', origin).answer
        for each in (asked, answer):
            allowed = each.field("access-control-allow-origin")
            self.assertEqual((allowed, each.field("vary")), ("http://localhost:3000", "Origin"))
        wire = Wire(self.everything.site, self.clock)
        wire.send(head("OPTIONS", "/mcp", "Origin: https://evil.example"))
        self.assertEqual(wire.answer().status, 403)
        self.assertIsNone(self.request("ping").answer.field("access-control-allow-origin"))


class SessionTests(EndpointCase):
    """Sessions."""

    def test_initialize_begins_a_session(self) -> None:
        """Its id is in the response."""
        sent = self.initialize()
        result = sent.value["result"]
        self.assertEqual(result["protocolVersion"], LATEST)
        self.assertEqual(result["serverInfo"], {"name": "everything", "version": "1"})
        self.assertEqual(result["instructions"], "Use it to test.")
        self.assertLessEqual(
            {"tools", "resources", "prompts", "logging"}, set(result["capabilities"])
        )
        self.assertEqual(len(sent.answer.field("mcp-session-id") or ""), 32)

    def test_every_revision_is_spoken(self) -> None:
        """An unknown one is answered with the newest."""
        for version in ("2024-11-05", "2025-03-26", "2025-06-18"):
            spoken = self.initialize(version).value["result"]["protocolVersion"]
            self.assertEqual(spoken, version)
        self.assertEqual(self.initialize("3000-01-01").value["result"]["protocolVersion"], LATEST)

    def test_initialize_on_a_stream(self) -> None:
        """For who takes nothing else."""
        params = {
            "protocolVersion": LATEST,
            "capabilities": {},
            "clientInfo": {"name": "a", "version": "1"},
        }
        sent = self.request("initialize", params, accept="text/event-stream")
        self.assertIsNotNone(sent.answer.field("mcp-session-id"))
        self.assertEqual(sent.messages[0]["result"]["protocolVersion"], LATEST)
        self.assertTrue(sent.answer.whole)

    def test_initialize_comes_alone_and_once(self) -> None:
        """Neither in a batch, nor in a session; and not without what it must say."""
        self.assertEqual(self.request("initialize", {}).value["error"]["code"], -32602)
        self.assertEqual(len(self.everything.endpoint.sessions), 0)
        one = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
        batch = self.send(json.dumps([one, {**one, "id": 2}]).encode())
        self.assertEqual(batch.answer.status, 400)
        self.assertEqual(self.request("initialize", {}, session=self.begin()).answer.status, 400)

    def test_an_unknown_session_is_404(self) -> None:
        """So that the client begins a new one."""
        for sent in (
            self.request("ping", session="nothing"),
            self.open("nothing"),
            self.delete("nothing"),
        ):
            self.assertEqual(sent.answer.status, 404)

    def test_delete_ends_a_session(self) -> None:
        """What is being done for it ends, and tools hear of it."""
        session = self.begin()
        self.call("wait", session=session)
        stream = self.open(session)
        self.assertEqual(self.delete(session).answer.status, 204)
        self.assertEqual(self.everything.tools.cancelled, ["wait"])
        self.assertEqual(self.everything.tools.forgotten, [session])
        self.assertTrue(stream.answer.whole)
        self.assertEqual(self.request("ping", session=session).answer.status, 404)

    def test_cancelling_ends_a_call(self) -> None:
        """Only the one that is meant."""
        session = self.begin()
        waiting = self.call("wait", id="a", session=session)
        other = self.call("wait", id="b", session=session)
        self.notify("notifications/cancelled", {"requestId": "a"}, session=session)
        self.assertEqual(waiting.value["error"]["message"], "Request cancelled")
        self.assertEqual(self.everything.tools.cancelled, ["wait"])
        self.assertFalse(other.is_answered)

    def test_what_is_not_known_is_not_cancelled(self) -> None:
        """It may have just been answered."""
        session = self.begin()
        for params in ({"requestId": 7}, {}, {"requestId": [1]}):
            sent = self.notify("notifications/cancelled", params, session=session)
            self.assertEqual(sent.answer.status, 202)

    def test_an_id_in_use_is_refused(self) -> None:
        """It would not be known which is meant."""
        session = self.begin()
        self.call("wait", id=5, session=session)
        self.assertEqual(self.request("ping", id=5, session=session).answer.status, 400)

    def test_lines_of_the_log_from_the_wanted_level_on(self) -> None:
        """Info, or what the client says."""
        session = self.begin()
        sent = self.call("test_tool_with_logging", session=session)
        self.pass_time(1)
        self.assertEqual(len(sent.messages), 4)
        self.request("logging/setLevel", {"level": "error"}, session=session)
        quiet = self.call("test_tool_with_logging", session=session)
        self.pass_time(1)
        self.assertEqual(quiet.value["id"], 1)

    def test_the_client_is_asked_on_the_call_s_stream(self) -> None:
        """And answers by a POST."""
        session = self.begin(capabilities={"sampling": {}})
        sent = self.call("test_sampling", {"prompt": "Hello?"}, session=session)
        (asked,) = sent.messages
        self.assertEqual(asked["method"], "sampling/createMessage")
        self.assertEqual(asked["params"]["messages"][0]["content"]["text"], "Hello?")
        said = {"role": "assistant", "model": "m", "content": {"type": "text", "text": "Hi!"}}
        answer = {"jsonrpc": "2.0", "id": asked["id"], "result": said}
        self.assertEqual(self.send(json.dumps(answer).encode(), session=session).answer.status, 202)
        self.assertEqual(sent.messages[-1]["result"]["content"][0]["text"], "LLM response: Hi!")

    def test_the_client_refuses(self) -> None:
        """The tool hears of it."""
        session = self.begin(capabilities={"elicitation": {}})
        sent = self.call("test_elicitation", {"message": "Who?"}, session=session)
        error = {"code": -1, "message": "User rejected"}
        answer = {"jsonrpc": "2.0", "id": sent.messages[0]["id"], "error": error}
        self.send(json.dumps(answer).encode(), session=session)
        result = sent.messages[-1]["result"]
        self.assertTrue(result["isError"])
        self.assertEqual(result["content"][0]["text"], "User rejected")

    def test_who_cannot_is_not_asked(self) -> None:
        """Nor who has no stream to be asked on."""
        able = self.begin(capabilities={"sampling": {}})
        for options in ({"session": self.begin()}, {}, {"session": able, "accept": "*/*"}):
            result = self.call("test_sampling", {"prompt": "Hello?"}, **options).value["result"]
            self.assertTrue(result["isError"])

    def test_a_question_is_taken_back(self) -> None:
        """When its call is cancelled."""
        session = self.begin(capabilities={"sampling": {}})
        sent = self.call("test_sampling", {"prompt": "Hello?"}, session=session)
        self.notify("notifications/cancelled", {"requestId": 1}, session=session)
        asked, taken_back, answer = sent.messages
        self.assertEqual(taken_back["method"], "notifications/cancelled")
        self.assertEqual(taken_back["params"]["requestId"], asked["id"])
        self.assertEqual(answer["error"]["message"], "Request cancelled")

    def test_resources_need_a_session_to_be_subscribed_to(self) -> None:
        """There is no other way to tell of changes."""
        sent = self.request("resources/subscribe", {"uri": "test://watched-resource"})
        self.assertEqual(sent.value["error"]["code"], -32600)
