"""Tools that are run for a response."""

from __future__ import annotations

from tests.gateway.agent.case import MCP, WEATHER, AgentCase, streamed
from tests.gateway.messages.examples import chunk, stream
from twisted_aigate.gateway.calls import Result
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.events import EVENT_STREAM
from twisted_aigate.interfaces import ToolError

_FUNCTION = {"type": "function", **WEATHER, "strict": False}


class WholeTests(AgentCase):
    """A caller who waits for the whole response."""

    def test_until_the_model_answers(self) -> None:
        self.script(
            streamed("Hm.", ("maps-find", '{"city": "A"}'), ("mail-send", "{}")),
            streamed("Here."),
        )
        response = self.response(max_tool_calls=5)
        kinds = [item["type"] for item in response["output"]]
        self.assertEqual(kinds, ["mcp_list_tools", "message", "mcp_call", "mcp_call", "message"])
        listing, _, found, sent, _ = response["output"]
        names = [tool["name"] for tool in listing["tools"]]
        self.assertEqual(names, ["maps-find", "maps-draw_it", "mail-send"])
        self.assertEqual((found["output"], found["arguments"]), ("found", '{"city": "A"}'))
        self.assertEqual((sent["server_label"], sent["status"]), ("ours", "completed"))
        self.assertEqual(response["usage"]["total_tokens"], 30)
        self.assertEqual(response["tools"], [{**MCP, "require_approval": "never"}])
        self.assertEqual((response["status"], response["max_tool_calls"]), ("completed", 5))
        _, said, *results = self.asked()["messages"]
        self.assertEqual((said["content"], len(said["tool_calls"])), ("Hm.", 2))
        self.assertEqual([each["content"] for each in results], ["found", "sent"])

    def test_what_goes_wrong_is_for_the_model(self) -> None:
        self.tools.answers["maps-find"] = ToolError("no such city")
        self.script(streamed("", ("maps-find", "{}")), streamed("I see."))
        _, called, _ = self.response()["output"]
        self.assertEqual((called["status"], called["output"]), ("failed", None))
        self.assertEqual(called["error"]["content"][0]["text"], "no such city")
        self.assertEqual(self.asked()["messages"][-1]["content"], "Error: no such city")

    def test_an_error_is_known_later(self) -> None:
        self.tools.answers["maps-find"] = ToolError("no such city")
        self.script(streamed("", ("maps-find", "{}")), streamed("I see."), streamed("Yes."))
        first = self.response()
        self.response(previous_response_id=first["id"])
        self.assertEqual(self.asked()["messages"][2]["content"], "Error: no such city")

    def test_max_tool_calls(self) -> None:
        """Beyond it nothing runs, and a model that goes on is not asked again."""
        two = (("maps-find", "{}"), ("mail-send", "{}"))
        self.script(streamed("", *two), streamed("", *two))
        called = [
            each for each in self.response(max_tool_calls=1)["output"] if each["type"] == "mcp_call"
        ]
        self.assertEqual(
            [each["status"] for each in called],
            ["completed", "failed", "incomplete", "incomplete"],
        )
        self.assertEqual([name for name, _ in self.tools.calls], ["maps-find"])
        self.assertEqual(self.asked()["tool_choice"], "none")

    def test_gone_on_from(self) -> None:
        """What tools answered is known to what comes after, by the id and by the items."""
        self.script(streamed("", ("maps-find", "{}")), streamed("Here."))
        first = self.response()
        given = [{"role": "user", "content": "Hello"}, *first["output"]]
        more = {"role": "user", "content": "And?"}
        for fields in (
            {"previous_response_id": first["id"], "input": [more]},
            {"previous_response_id": first["id"], "input": [more], "tools": []},
            {"input": [*given, more]},
            {"input": [*given, more], "tools": []},
        ):
            self.provider.answer = streamed("Yes.")
            response = self.post(
                "/responses", {"model": "m", "stream": True, "tools": [MCP], **fields}
            )[0]
            self.assertEqual(response.code, 200)
            messages = self.asked()["messages"]
            roles = [each["role"] for each in messages]
            self.assertEqual(roles, ["user", "assistant", "tool", "assistant", "user"])
            self.assertEqual(messages[2]["content"], "found")

    def test_the_caller_s_own_functions(self) -> None:
        """Ours are run beside them, then it is the caller's turn; the next goes on."""
        self.script(streamed("", ("weather", "{}"), ("maps-find", "{}")), streamed("Done."))
        first = self.response(tools=[_FUNCTION, MCP])
        kinds = [item["type"] for item in first["output"]]
        self.assertEqual(kinds, ["mcp_list_tools", "function_call", "mcp_call"])
        self.assertEqual(first["output"][2]["output"], "found")
        self.assertEqual([each["type"] for each in first["tools"]], ["function", "mcp"])
        self.assertEqual(len(self.provider.calls), 1)
        result = {"type": "function_call_output", "call_id": "c0", "output": "sun"}
        self.response(input=[result], previous_response_id=first["id"])
        results = [each["content"] for each in self.asked()["messages"] if each["role"] == "tool"]
        self.assertEqual(sorted(results), ["found", "sun"])

    def test_choices(self) -> None:
        """Of a tool, or of any; for the first turn."""
        for choice, function in (
            ({"type": "mcp", "server_label": "ours"}, "required"),
            (
                {"type": "mcp", "server_label": "ours", "name": "maps-find"},
                {"type": "function", "function": {"name": "maps-find"}},
            ),
        ):
            self.script(streamed("", ("maps-find", "{}")), streamed("Done."))
            self.response(tool_choice=choice)
            self.assertEqual(self.asked(-2)["tool_choice"], function)
            self.assertNotIn("tool_choice", self.asked())

    def test_not_kept(self) -> None:
        self.script(streamed("Hi"), streamed("Hi"))
        for store, status in ((False, 404), (True, 200)):
            made = self.response(store=store)
            self.assertEqual(made["store"], store)
            found, body = self.request("GET", f"/responses/{made['id']}")
            self.assertEqual(found.code, status)
        self.assertEqual(body, made)

    def test_what_only_providers_do(self) -> None:
        for name, value in (("background", True), ("conversation", "conv_1")):
            self.assertEqual(self.response(400, **{name: value})["error"]["param"], name)

    def test_a_turn_that_fails(self) -> None:
        self.script(streamed("", ("maps-find", "{}")), GatewayError(429, "slower"))
        self.assertEqual(self.response(429)["error"]["message"], "slower")


class StreamTests(AgentCase):
    """A caller who reads the response as it comes: every event is of OpenAI's form."""

    def test_until_the_model_answers(self) -> None:
        self.script(
            streamed("A", ("maps-find", "{}"), ("weather", "{}")),
            streamed("B"),
        )
        events = self.events(tools=[MCP])
        kinds = [event["type"].removeprefix("response.") for event in events]
        self.assertEqual(kinds[-1], "completed")
        self.assertEqual(
            kinds[:20],
            [
                "created", "in_progress", "output_item.added", "mcp_list_tools.in_progress",
                "mcp_list_tools.completed", "output_item.done",
                "output_item.added", "content_part.added", "output_text.delta",
                "output_text.done", "content_part.done", "output_item.done",
                "output_item.added", "mcp_call.in_progress", "mcp_call_arguments.delta",
                "mcp_call_arguments.delta", "output_item.added",
                "function_call_arguments.delta", "function_call_arguments.delta",
                "mcp_call_arguments.done",
            ],
        )  # fmt: skip
        self.assertEqual(kinds[21:23], ["output_item.done", "mcp_call.completed"])

    def test_the_end_is_what_was_told(self) -> None:
        self.tools.answers["mail-send"] = ToolError("no")
        self.script(
            streamed("A", ("maps-find", "{}")), streamed("", ("mail-send", "{}")), streamed("B")
        )
        events = self.events()
        response = events[-1]["response"]
        done = [event["item"] for event in events if event["type"].endswith("item.done")]
        self.assertEqual(done, response["output"])
        places = [event["output_index"] for event in events if event["type"].endswith("item.added")]
        self.assertEqual(places, list(range(len(done))))
        self.assertEqual(
            {each["response"]["id"] for each in events if "response" in each}, {response["id"]}
        )
        self.assertIn("response.mcp_call.failed", [event["type"] for event in events])
        kept = self.request("GET", f"/responses/{response['id']}")[1]
        self.assertEqual(kept, response)

    def test_a_turn_that_fails(self) -> None:
        """Of its own, or in the middle; the tools' session is over."""
        broken = Result(stream(chunk({"content": "B"}), done=False), EVENT_STREAM)
        for second, said in ((GatewayError(429, "slower"), "slower"), (broken, "broke off")):
            self.script(streamed("A", ("maps-find", "{}")), second)
            *_, last = self.events()
            self.assertEqual(last["type"], "error")
            self.assertIn(said, last["message"])
        self.assertEqual(len(self.tools.forgotten), 2)
