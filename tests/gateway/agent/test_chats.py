"""Tools that are run for a chat."""

from __future__ import annotations

import json
from typing import Any

from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk
from twisted.internet.defer import Deferred

from tests.gateway.agent.case import HELLO, MCP, USAGE, WEATHER, AgentCase, streamed, text, turn
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.interfaces import ToolError, ToolResult, UnknownTool

_FUNCTION = {"type": "function", "function": WEATHER}


class WholeTests(AgentCase):
    """A caller who waits for the whole answer."""

    def test_until_the_model_answers(self) -> None:
        self.script(
            turn("Let me see.", ("maps-find", '{"city": "Tbilisi"}')),
            turn("", ("maps-draw_it", "{}")),
            turn("Here it is."),
        )
        answer = self.chat()
        self.assertEqual(
            self.tools.calls, [("maps-find", {"city": "Tbilisi"}), ("maps-draw.it", {})]
        )
        message = answer["choices"][0]["message"]
        self.assertEqual(message["content"], "Here it is.")
        self.assertEqual(answer["usage"], {name: 3 * value for name, value in USAGE.items()})
        first, said, found, *_ = self.asked()["messages"]
        self.assertEqual([first], HELLO)
        self.assertEqual((said["content"], said["tool_calls"][0]["id"]), ("Let me see.", "c0"))
        self.assertEqual(found, {"role": "tool", "tool_call_id": "c0", "content": "found"})
        told = message["provider_specific_fields"]
        self.assertEqual([each["result"] for each in told["mcp_call_results"]], ["found", "drawn"])
        self.assertEqual(len(told["mcp_list_tools"]), 3)

    def test_what_the_model_is_told(self) -> None:
        """Functions, of names that providers take; nothing of the caller's request but that."""
        self.script(turn("Hi"))
        self.chat(max_tool_calls=3, temperature=0.5)
        asked = self.asked()
        self.assertEqual(self.offered(), ["maps-find", "maps-draw_it", "mail-send"])
        self.assertEqual(asked["tools"][0]["function"]["description"], "Finds a city")
        self.assertEqual(set(asked), {"model", "messages", "tools", "temperature"})

    def test_side_by_side(self) -> None:
        """Both run at once, and the model reads of them in its own order."""
        first: Deferred[ToolResult] = Deferred()
        second: Deferred[ToolResult] = Deferred()
        self.tools.answers |= {"maps-find": first, "mail-send": second}
        self.script(turn("", ("maps-find", "{}"), ("mail-send", "{}")), turn("Done."))
        fields = {"model": "m", "messages": HELLO, "tools": [MCP]}
        answer = self.client.post(
            "http://test/chat/completions",
            data=json.dumps(fields).encode(),
            headers={"Authorization": "Bearer sk-master"},
        )
        self.assertEqual(len(self.tools.calls), 2)
        second.callback(text("sent"))
        self.assertNoResult(answer)
        first.callback(text("found"))
        self.client.flush()
        self.assertEqual(self.successResultOf(answer).code, 200)
        results = [each["content"] for each in self.asked()["messages"][2:]]
        self.assertEqual(results, ["found", "sent"])

    def test_a_session_of_its_own(self) -> None:
        """What is kept for an answer is there in all its calls, and forgotten at its end."""
        self.script(turn("", ("maps-find", "{}")), turn("", ("mail-send", "{}")), turn("Done."))
        self.chat()
        sessions = {context.session for context in self.tools.contexts}
        self.assertEqual(self.tools.forgotten, list(sessions))
        context = self.tools.contexts[0]
        self.assertEqual((context.base_url, context.caller.is_operator), ("http://test", True))
        self.assertEqual(context.caller.token, b"sk-master")

    def test_what_goes_wrong_is_for_the_model(self) -> None:
        for answer, arguments, said in (
            (ToolError("no such city"), "{}", "Error: no such city"),
            (UnknownTool("maps-find"), "{}", "Error: There is no tool 'maps-find'."),
            (text("not so", is_error=True), "{}", "Error: not so"),
            (text("found"), "[1]", "Error: The arguments are not a JSON object."),
            (text("found"), '{"a', "Error: The arguments are not a JSON object."),
            (RuntimeError("a bug"), "{}", "Error: The tool failed."),
        ):
            with self.subTest(said):
                self.tools.answers["maps-find"] = answer
                self.script(turn("", ("maps-find", arguments)), turn("I see."))
                self.assertEqual(self.chat()["choices"][0]["message"]["content"], "I see.")
                self.assertEqual(self.asked()["messages"][-1]["content"], said)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_results_as_text(self) -> None:
        """All that a chat takes: what is none is named."""
        blocks = [
            {"type": "text", "text": "Look:"},
            {"type": "image", "data": "QUJD", "mimeType": "image/png"},
            {"type": "resource", "resource": {"uri": "u", "text": "inside"}},
            {"type": "resource", "resource": {"uri": "u", "blob": "QUJD"}},
            {"type": "resource_link", "uri": "https://a/b"},
        ]
        for result, said in (
            (
                ToolResult(blocks),
                "Look:\n\n[image/png, 3 bytes]\n\ninside\n\n[data, 3 bytes]\n\nhttps://a/b",
            ),
            (ToolResult([], {"a": 1}), '{"a":1}'),
            (ToolResult([]), "Done."),
            (text("x" * 200_001), "x" * 200_000 + "\n\n[cut: 200000 of 200001 characters]"),
        ):
            self.tools.answers["maps-find"] = result
            self.script(turn("", ("maps-find", "")), turn("I see."))
            self.chat()
            self.assertEqual(self.asked()["messages"][-1]["content"], said)

    def test_max_tool_calls(self) -> None:
        """Beyond it nothing runs; the model hears of it, and must answer."""
        two = (("maps-find", "{}"), ("mail-send", "{}"))
        self.script(turn("", *two), turn("I must stop."))
        self.assertEqual(
            self.chat(max_tool_calls=1)["choices"][0]["message"]["content"], "I must stop."
        )
        self.assertEqual([name for name, _ in self.tools.calls], ["maps-find"])
        self.assertIn("max_tool_calls is 1", self.asked()["messages"][-1]["content"])
        self.assertEqual(self.asked()["tool_choice"], "none")

    def test_a_model_that_does_not_stop(self) -> None:
        """It is not asked again."""
        self.provider.answer = turn("More.", ("maps-find", "{}"))
        [choice] = self.chat()["choices"]
        self.assertEqual(len(self.tools.calls), 25)
        self.assertEqual(len(self.provider.calls), 26)
        self.assertEqual((choice["message"]["content"], choice["finish_reason"]), ("More.", "stop"))
        self.assertNotIn("tool_calls", choice["message"])

    def test_no_calls_at_all(self) -> None:
        self.script(turn("Hi"))
        self.chat(max_tool_calls=0)
        self.assertEqual(self.asked()["tool_choice"], "none")

    def test_the_caller_s_own_functions(self) -> None:
        """Their calls go to the caller; those of ours in the same turn are not run."""
        self.script(turn("", ("maps-find", "{}")), turn("", ("weather", "{}"), ("mail-send", "{}")))
        [choice] = self.chat(tools=[_FUNCTION, MCP])["choices"]
        self.assertEqual(self.offered()[0], "weather")
        [called] = choice["message"]["tool_calls"]
        self.assertEqual(
            (called["function"]["name"], choice["finish_reason"]), ("weather", "tool_calls")
        )
        self.assertEqual([name for name, _ in self.tools.calls], ["maps-find"])

    def test_a_function_of_the_same_name(self) -> None:
        """It is the caller's; ours has another."""
        mine = {"type": "function", "function": {**WEATHER, "name": "maps-find"}}
        self.script(turn("", ("maps-find_2", "{}")), turn("", ("maps-find", "{}")))
        [choice] = self.chat(tools=[mine, MCP])["choices"]
        self.assertEqual(len(self.tools.calls), 1)
        self.assertEqual(choice["message"]["tool_calls"][0]["function"]["name"], "maps-find")

    def test_a_choice_holds_for_the_first_turn(self) -> None:
        """Otherwise the model could never answer."""
        for choice in ("required", {"type": "function", "function": {"name": "maps-find"}}):
            self.script(turn("", ("maps-find", "{}")), turn("Done."))
            self.chat(tool_choice=choice)
            self.assertEqual(self.asked(-2)["tool_choice"], choice)
            self.assertNotIn("tool_choice", self.asked())

    def test_cut_short(self) -> None:
        """A call that is not whole is not run."""
        self.script(turn("", ("maps-find", '{"ci'), reason="length"))
        self.assertEqual(self.chat()["choices"][0]["finish_reason"], "length")
        self.assertEqual(self.tools.calls, [])

    def test_a_turn_that_fails(self) -> None:
        self.script(turn("", ("maps-find", "{}")), GatewayError(429, "slower"))
        self.assertEqual(self.chat(429)["error"]["message"], "slower")
        self.assertEqual(len(self.tools.forgotten), 1)

    def test_no_chat(self) -> None:
        for body in (b"[]", b"{}", b'{"choices": [{"message": 5}]}'):
            self.provider.answer = turn()
            self.provider.answer = type(self.provider.answer)(body)
            self.assertIn("not a chat's", self.chat(502)["error"]["message"])


class StreamTests(AgentCase):
    """A caller who reads the answer as it comes."""

    def put_together(self, chunks: list[dict[str, Any]]) -> Any:
        """What OpenAI's own client makes of chunks."""
        state = ChatCompletionStreamState()
        for each in chunks:
            whole = {"created": 1, "model": "m", "id": "x", **each}
            state.handle_chunk(ChatCompletionChunk.model_validate(whole))
        return state.get_final_completion()

    def test_until_the_model_answers(self) -> None:
        """What it says between is passed on, and each step is told."""
        self.script(
            streamed("Hm.", ("maps-find", '{"city": "A"}'), ("mail-send", "{}")),
            streamed("", ("maps-draw_it", "{}")),
            streamed("Here."),
        )
        chunks = self.chunks(stream_options={"include_usage": True})
        self.assertEqual(self.tools.calls[0], ("maps-find", {"city": "A"}))
        whole = self.put_together(chunks)
        message = whole.choices[0].message
        self.assertEqual((message.role, message.content), ("assistant", "Hm.Here."))
        self.assertEqual(whole.choices[0].finish_reason, "stop")
        self.assertEqual(whole.usage.total_tokens, 45)
        told = message.provider_specific_fields
        self.assertEqual(
            [each["result"] for each in told["mcp_call_results"]], ["found", "sent", "drawn"]
        )
        self.assertEqual(len(told["mcp_list_tools"]), 3)
        [said, *_] = self.asked(1)["messages"][1:]
        self.assertEqual(said["content"], "Hm.")
        self.assertEqual(said["tool_calls"][0]["function"]["arguments"], '{"city": "A"}')

    def test_usage_only_when_asked(self) -> None:
        self.script(streamed("Hi"))
        self.assertEqual([each for each in self.chunks() if "usage" in each], [])
        self.assertEqual(self.asked()["stream_options"], {"include_usage": True})

    def test_the_caller_s_own_functions(self) -> None:
        """Their pieces are passed on, numbered among themselves."""
        self.script(streamed("", ("mail-send", "{}"), ("weather", '{"a": 1}')))
        whole = self.put_together(self.chunks(tools=[MCP, _FUNCTION]))
        [called] = whole.choices[0].message.tool_calls
        self.assertEqual((called.id, called.function.arguments), ("c1", '{"a": 1}'))
        self.assertEqual(whole.choices[0].finish_reason, "tool_calls")
        self.assertEqual(self.tools.calls, [])

    def test_a_turn_that_fails(self) -> None:
        """It is told in the stream, which has begun."""
        self.script(streamed("Hm.", ("maps-find", "{}")), GatewayError(429, "slower"))
        body = self.chat(stream=True)
        last = json.loads(body.split(b"\n\n")[-2].removeprefix(b"data: "))
        self.assertEqual(last["error"]["message"], "slower")
        self.assertEqual(len(self.tools.forgotten), 1)

    def test_the_first_turn_fails(self) -> None:
        self.script(GatewayError(429, "slower"))
        self.assertEqual(self.chat(429, stream=True)["error"]["message"], "slower")
