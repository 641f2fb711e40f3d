"""From a request of the Messages API to a chat request."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.messages.examples import HELLO, deployment, request
from twisted_aigate.gateway.messages.request import chat_request
from twisted_aigate.gateway.messages.tools import original_names, sent_name

_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_TOOL = {"name": "weather", "description": "Of a city", "input_schema": _SCHEMA}
_FUNCTION = {"name": "weather", "description": "Of a city", "parameters": _SCHEMA}
_TOOLS = [{"type": "function", "function": _FUNCTION}]
_SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 5}


def _chat(provider: str = "openai", info: dict[str, Any] | None = None, **fields: Any) -> Any:
    """The chat request without what every one has."""
    chat = chat_request(request(**fields), deployment(provider, **(info or {})))
    assert (chat.pop("model"), chat.pop("messages")) == ("m", HELLO)
    return chat


class FieldTests(SynchronousTestCase):
    """The fields beside the conversation."""

    def test_fields(self) -> None:
        """Each field by itself."""
        for fields, expected in (
            ({}, {}),
            ({"temperature": 0}, {"temperature": 0}),
            ({"top_p": 0.5, "top_k": 5}, {"top_p": 0.5, "top_k": 5}),
            ({"stop_sequences": ["a", "b"]}, {"stop": ["a", "b"]}),
            ({"stop_sequences": []}, {}),
            ({"metadata": {"user_id": "u-1"}}, {"user": "u-1"}),
            ({"metadata": {}}, {}),
            ({"stream": False}, {}),
            ({"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
            ({"service_tier": "auto", "context_management": {"edits": []}, "betas": ["b"]}, {}),
            ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}, {}),
        ):
            with self.subTest(fields):
                self.assertEqual(_chat(**fields), {"max_tokens": 100, **expected})

    def test_long_user_id(self) -> None:
        """One that is longer than OpenAI takes becomes its digest: the same for the same user."""
        [one, same, other] = [
            _chat(metadata={"user_id": '{"device_id":"%s"}' % (letter * 64)})["user"]
            for letter in "aab"
        ]
        self.assertEqual(len(one), 64)
        self.assertEqual(one, same)
        self.assertNotEqual(one, other)

    def test_most_output(self) -> None:
        """The deployment's limit holds where the request's is above it."""
        for most, asked, expected in ((50, 100, 50), (200, 100, 100), ("?", 100, 100)):
            with self.subTest(most):
                chat = _chat(info={"max_output_tokens": most}, max_tokens=asked)
                self.assertEqual(chat, {"max_tokens": expected})

    def test_effort(self) -> None:
        """A model that reasons is told how much, and its limit is for the whole."""
        for fields, effort in (
            ({}, None),
            ({"output_config": {"effort": "low"}}, "low"),
            ({"output_config": {"effort": "medium"}}, "medium"),
            ({"output_config": {"effort": "max"}}, "high"),
            ({"output_config": {"effort": "not known yet"}}, None),
            ({"thinking": {"type": "enabled", "budget_tokens": 20_000}}, "high"),
            ({"thinking": {"type": "enabled", "budget_tokens": 5_000}}, "medium"),
            ({"thinking": {"type": "enabled", "budget_tokens": 1_024}}, "low"),
            ({"thinking": {"type": "adaptive"}}, None),
            ({"thinking": {"type": "disabled"}}, None),
            (
                {
                    "thinking": {"type": "enabled", "budget_tokens": 20_000},
                    "output_config": {"effort": "low"},
                },
                "low",
            ),
        ):
            with self.subTest(fields):
                expected = {"max_completion_tokens": 100}
                chat = _chat(info={"supports_reasoning": True}, **fields)
                self.assertEqual(
                    chat, expected | ({} if effort is None else {"reasoning_effort": effort})
                )

    def test_response_format(self) -> None:
        """A schema in either field; strict where OpenAI's rules for that are kept."""
        closed = {**_SCHEMA, "additionalProperties": False}
        optional = {**closed, "required": []}
        nested = {**closed, "properties": {"city": {"type": "array", "items": optional}}}
        anyway = {"anyOf": [closed, {"type": "null"}]}
        for schema, strict in (
            (closed, True),
            (_SCHEMA, False),
            (optional, False),
            (nested, False),
            (anyway, True),
            ({"anyOf": [closed, optional]}, False),
            ({"type": "string"}, True),
            ({"type": "object", "properties": 1, "required": [[]]}, False),
            ({"type": "object", "properties": {}, "required": 1}, False),
        ):
            form = {"type": "json_schema", "schema": schema}
            for fields in ({"output_format": form}, {"output_config": {"format": form}}):
                with self.subTest(fields):
                    made = _chat(**fields)["response_format"]
                    self.assertEqual(made["type"], "json_schema")
                    self.assertEqual(made["json_schema"]["schema"], schema)
                    self.assertIs(made["json_schema"]["strict"], strict)
        self.assertNotIn("response_format", _chat(output_format={"type": "text"}))

    def test_what_a_provider_refuses(self) -> None:
        """Fields that a provider is known to refuse are left out of what is made here."""
        fields = {"stream": True, "metadata": {"user_id": "u"}}
        self.assertEqual(_chat("mistral", **fields), {"max_tokens": 100, "stream": True})


class ToolTests(SynchronousTestCase):
    """Tools and the choice among them."""

    def test_tools(self) -> None:
        """Tools of the caller's own; others are left out."""
        bare = {"name": "n", "input_schema": {"type": "object"}}
        for tools, expected in (
            ([_TOOL], _TOOLS),
            ([{**_TOOL, "type": "custom", "cache_control": {}, "defer_loading": True}], _TOOLS),
            ([_SEARCH, _TOOL, {"type": "mcp_toolset", "mcp_server_name": "s"}], _TOOLS),
            (
                [{**_TOOL, "strict": True}],
                [{"type": "function", "function": {**_FUNCTION, "strict": True}}],
            ),
            (
                [bare],
                [{"type": "function", "function": {"name": "n", "parameters": {"type": "object"}}}],
            ),
        ):
            with self.subTest(tools):
                self.assertEqual(_chat(tools=tools), {"max_tokens": 100, "tools": expected})
        for none in ([], [_SEARCH]):
            with self.subTest(none):
                self.assertEqual(
                    _chat(tools=none, tool_choice={"type": "any"}), {"max_tokens": 100}
                )

    def test_choices(self) -> None:
        """Each choice, with calls side by side and without."""
        named = {"type": "function", "function": {"name": "weather"}}
        for choice, expected in (
            ({"type": "auto"}, {"tool_choice": "auto"}),
            ({"type": "any"}, {"tool_choice": "required"}),
            ({"type": "none"}, {"tool_choice": "none"}),
            ({"type": "tool", "name": "weather"}, {"tool_choice": named}),
            ({"type": "tool", "name": "web_search"}, {}),
            (
                {"type": "auto", "disable_parallel_tool_use": True},
                {"tool_choice": "auto", "parallel_tool_calls": False},
            ),
            ({"type": "auto", "disable_parallel_tool_use": False}, {"tool_choice": "auto"}),
        ):
            with self.subTest(choice):
                chat = _chat(tools=[_TOOL, _SEARCH], tool_choice=choice)
                self.assertEqual(chat, {"max_tokens": 100, "tools": _TOOLS, **expected})

    def test_long_names(self) -> None:
        """A name longer than OpenAI takes is cut everywhere alike, and known by what it became."""
        name = "mcp__a_server_with_a_long_name__" + "x" * 60
        other = name + "y"
        chat = chat_request(
            request(
                tools=[{**_TOOL, "name": name}, {**_TOOL, "name": other}, _TOOL],
                tool_choice={"type": "tool", "name": name},
                messages=[
                    {
                        "role": "assistant",
                        "content": [{"type": "tool_use", "id": "t", "name": name, "input": {}}],
                    }
                ],
            ),
            deployment(),
        )
        sent = [tool["function"]["name"] for tool in chat["tools"]]
        self.assertEqual([len(each) for each in sent], [64, 64, 7])
        self.assertEqual(len(set(sent)), 3)
        self.assertEqual(chat["tool_choice"]["function"]["name"], sent[0])
        self.assertEqual(chat["messages"][0]["tool_calls"][0]["function"]["name"], sent[0])
        names = original_names(request(tools=[{**_TOOL, "name": name}, _TOOL]).tools)
        self.assertEqual(names, {sent_name(name): name})
