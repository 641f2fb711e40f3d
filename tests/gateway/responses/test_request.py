"""From a request to a chat request."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.responses.examples import WEATHER, chat
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError

_FUNCTION = {
    "type": "function",
    "function": {name: value for name, value in WEATHER.items() if name != "type"},
}
_SEARCH = {"type": "web_search"}
_LENIENT = Deployment("m", "openai", "x", drop_params=True)


def _beside(deployment: Deployment | None = None, **fields: Any) -> dict[str, Any]:
    made = chat(deployment, **fields)
    assert made.pop("messages") == [{"role": "user", "content": "Hello"}]
    assert made.pop("model") == "m"
    return made


class RequestTests(SynchronousTestCase):
    """Fields in, fields out."""

    def test_bare(self) -> None:
        self.assertEqual(_beside(), {})

    def test_same(self) -> None:
        same = {"temperature": 0.0, "top_p": 0.5, "user": "u"}
        self.assertEqual(_beside(**same), same)

    def test_what_a_chat_does_not_need(self) -> None:
        """What says how the response is kept or charged, and what is not known."""
        self.assertEqual(
            _beside(
                metadata={"a": "b"},
                store=False,
                include=["reasoning.encrypted_content"],
                truncation="auto",
                max_tool_calls=3,
                service_tier="auto",
                prompt_cache_key="k",
                background=False,
                unheard_of=1,
            ),
            {},
        )

    def test_stream(self) -> None:
        wanted = {"stream": True, "stream_options": {"include_usage": True}}
        self.assertEqual(_beside(stream=True), wanted)
        mistral = Deployment("m", "mistral", "x")
        self.assertEqual(_beside(mistral, stream=True), {"stream": True})

    def test_limit(self) -> None:
        """By the name that the model knows, and no more than it has."""
        self.assertEqual(_beside(max_output_tokens=50), {"max_tokens": 50})
        info = {"supports_reasoning": True, "max_output_tokens": 40}
        reasoner = Deployment("m", "openai", "x", info=info)
        self.assertEqual(_beside(reasoner, max_output_tokens=50), {"max_completion_tokens": 40})

    def test_reasoning(self) -> None:
        self.assertEqual(
            _beside(reasoning={"effort": "low", "summary": "auto"}), {"reasoning_effort": "low"}
        )
        self.assertEqual(_beside(reasoning={"summary": "auto"}), {})

    def test_logprobs(self) -> None:
        """Asked for by name, or by how many."""
        include = ["message.output_text.logprobs"]
        self.assertEqual(_beside(include=include), {"logprobs": True})
        self.assertEqual(_beside(top_logprobs=2), {"logprobs": True, "top_logprobs": 2})

    def test_text(self) -> None:
        schema = {"type": "object"}
        named = {"name": "n", "schema": schema, "strict": True, "description": "d"}
        for text, wanted in (
            ({"format": {"type": "text"}}, {}),
            ({"format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
            (
                {"format": {"type": "json_schema", **named}},
                {"response_format": {"type": "json_schema", "json_schema": named}},
            ),
            ({"verbosity": "low"}, {"verbosity": "low"}),
        ):
            self.assertEqual(_beside(text=text), wanted)
        text = {"format": {"type": "json_schema", "name": "n"}}
        error = self.assertRaises(GatewayError, chat, text=text)
        self.assertEqual((error.status, error.param), (400, "text.format.schema"))

    def test_kept_elsewhere(self) -> None:
        """What only OpenAI's servers have is refused, with what to do instead."""
        for field, value, said in (
            ("background", True, "POST /q/v1/responses"),
            ("conversation", "conv_1", "previous_response_id"),
            ("prompt", {"id": "pmpt_1"}, "Prompts"),
        ):
            error = self.assertRaises(GatewayError, chat, **{field: value})
            self.assertEqual((error.status, error.param), (400, field))
            self.assertIn(said, error.message)


class ToolsTests(SynchronousTestCase):
    """Tools and the choice among them."""

    def test_functions(self) -> None:
        self.assertEqual(
            _beside(tools=[WEATHER, {"type": "function", "name": "f"}], parallel_tool_calls=False),
            {
                "tools": [_FUNCTION, {"type": "function", "function": {"name": "f"}}],
                "parallel_tool_calls": False,
            },
        )

    def test_choices(self) -> None:
        for choice, wanted in (
            ("auto", "auto"),
            ("required", "required"),
            ("none", "none"),
            (
                {"type": "function", "name": "get_weather"},
                {"type": "function", "function": {"name": "get_weather"}},
            ),
        ):
            made = _beside(tools=[WEATHER], tool_choice=choice)
            self.assertEqual(made["tool_choice"], wanted)

    def test_allowed(self) -> None:
        """The model is told of those alone that it may call."""
        tools = [WEATHER, {"type": "function", "name": "f"}]
        allowed = [{"type": "function", "name": "f"}]
        choice = {"type": "allowed_tools", "mode": "required", "tools": allowed}
        made = _beside(tools=tools, tool_choice=choice)
        self.assertEqual([each["function"]["name"] for each in made["tools"]], ["f"])
        self.assertEqual(made["tool_choice"], "required")

    def test_without_tools(self) -> None:
        """There is nothing to choose."""
        self.assertEqual(_beside(tool_choice="auto", parallel_tool_calls=True, tools=[]), {})

    def test_tools_of_openai(self) -> None:
        """They are refused by name, or left out with drop_params."""
        error = self.assertRaises(GatewayError, chat, tools=[WEATHER, _SEARCH])
        self.assertEqual(
            (error.status, error.param, error.code), (400, "tools[1]", "unsupported_tool")
        )
        self.assertIn("'web_search'", error.message)
        choice = {"type": "file_search"}
        error = self.assertRaises(GatewayError, chat, tools=[WEATHER], tool_choice=choice)
        self.assertEqual((error.status, error.param), (400, "tool_choice"))
        self.assertIn("'file_search'", error.message)
        made = _beside(_LENIENT, tools=[WEATHER, _SEARCH], tool_choice=choice)
        self.assertEqual(made, {"tools": [_FUNCTION]})

    def test_no_function(self) -> None:
        error = self.assertRaises(GatewayError, chat, tools=[{"type": "function", "name": 5}])
        self.assertEqual((error.status, error.param), (400, "tools[0]"))
