"""Chats as messages: what is sent, held against the types of Anthropic's own client."""

from __future__ import annotations

import base64
from typing import Any

from anthropic.types.message_create_params import (
    MessageCreateParamsNonStreaming,
    MessageCreateParamsStreaming,
)

from tests.gateway.providers.case import KEY, USER, ProviderCase
from tests.support.vendor_types import problems
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.providers.anthropic.provider import AnthropicProvider
from twisted_aigate.gateway.providers.interface import IProvider
from twisted_aigate.gateway.providers.upstream import Upstream

_PNG = base64.b64encode(b"\x89PNG").decode()
_EPHEMERAL = {"type": "ephemeral"}
_WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "minLength": 1}},
        "required": ["city"],
    },
}
_TOOL = {"type": "function", "function": _WEATHER}
_SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
_FORMAT = {"type": "json_schema", "json_schema": {"name": "x", "schema": _SCHEMA, "strict": True}}
_CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
_OLD = "claude-3-5-sonnet-20241022"
_BUDGETED = "claude-sonnet-4-20250514"
_SAMPLING = ("temperature", "top_p", "top_k")


def _user(*parts: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def _text(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **more}


class RequestTests(ProviderCase):
    """Requests."""

    name = "anthropic"
    model = "claude-sonnet-5"

    def make(self, upstream: Upstream) -> IProvider:
        """See L{ProviderCase}."""
        return AnthropicProvider(upstream, self.clock)

    def body(self, deployment: Deployment | None = None, **fields: Any) -> Any:
        """The body of a request, which Anthropic's client could have sent."""
        body = self.request(deployment, **fields)
        # The client has left these out, since its newest models refuse them; older ones take them.
        typed = {name: value for name, value in body.items() if name not in _SAMPLING}
        streams = "stream" in typed
        kind = MessageCreateParamsStreaming if streams else MessageCreateParamsNonStreaming
        self.assertEqual(problems(typed, kind), [])
        return body

    def old(self, model: str = _OLD, **more: Any) -> Deployment:
        """A deployment of an older model."""
        return self.deployment(model=model, **more)

    def test_head(self) -> None:
        """The path, the key and the version; the caller's and the deployment's fields."""
        for path in ("", "/v1", "/v1/messages", "/proxy/v1"):
            with self.subTest(path):
                deployment = self.deployment(path=path, headers=((b"X-Of-Model", b"1"),))
                self.ask(deployment).addErrback(lambda _: None)
                sent = self.sent()
                prefix = "/proxy" if path.startswith("/proxy") else ""
                self.assertEqual(sent.target, f"{prefix}/v1/messages")
                self.assertEqual(sent.fields["x-api-key"], KEY)
                self.assertEqual(sent.fields["anthropic-version"], "2023-06-01")
                self.assertEqual(sent.fields["content-type"], "application/json")
                self.assertEqual(sent.fields["x-of-model"], "1")
                self.assertNotIn("authorization", sent.fields)

    def test_plain(self) -> None:
        """The least that a chat can be; the limit is the model's own."""
        self.assertEqual(
            self.body(),
            {
                "model": self.model,
                "max_tokens": 128_000,
                "messages": [{"role": "user", "content": [_text("Hello")]}],
            },
        )
        self.assertIs(self.body(stream=True)["stream"], True)

    def test_limit(self) -> None:
        """The caller's, C{model_info}'s, or the family's."""
        for model, most in (
            ("claude-3-opus-20240229", 4096), (_OLD, 8192), ("claude-3-7-sonnet-latest", 64_000),
            (_BUDGETED, 32_000), ("claude-opus-4-1", 32_000),
            ("claude-haiku-4-5-20251001", 64_000), ("claude-opus-4-6", 128_000),
            ("claude-mythos-preview", 128_000), ("next", 128_000),
        ):  # fmt: skip
            self.assertEqual(self.body(self.old(model))["max_tokens"], most, model)
        informed = self.deployment(info={"max_output_tokens": 77})
        self.assertEqual(self.body(informed)["max_tokens"], 77)
        for field in ("max_tokens", "max_completion_tokens"):
            self.assertEqual(self.body(**{field: 5})["max_tokens"], 5)

    def test_messages(self) -> None:
        """Each kind of message."""
        url = "https://example.com/a.png"
        data = f"data:image/png;base64,{_PNG}"
        source = {"type": "base64", "media_type": "image/png", "data": _PNG}
        pdf = f"data:application/pdf;base64,{_PNG}"
        pdf_source = {"type": "base64", "media_type": "application/pdf", "data": _PNG}
        text_file = "data:text/csv;base64," + base64.b64encode(b"a,b").decode()
        for content, blocks in (
            ("Hi", [_text("Hi")]),
            ([_text("Hi"), _text("  "), _text("")], [_text("Hi")]),
            ([_text("Hi", cache_control=_EPHEMERAL)], [_text("Hi", cache_control=_EPHEMERAL)]),
            (
                [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}],
                [{"type": "image", "source": {"type": "url", "url": url}}],
            ),
            ([{"type": "image_url", "image_url": data}], [{"type": "image", "source": source}]),
            (
                [{"type": "image_url", "image_url": {"url": data.replace("png", "jpg", 1)}}],
                [{"type": "image", "source": {**source, "media_type": "image/jpeg"}}],
            ),
            (
                [{"type": "file", "file": {"file_data": pdf, "filename": "a.pdf"}}],
                [{"type": "document", "source": pdf_source, "title": "a.pdf"}],
            ),
            (
                [{"type": "image_url", "image_url": {"url": pdf}}],
                [{"type": "document", "source": pdf_source}],
            ),
            (
                [{"type": "file", "file": {"file_id": "https://example.com/a.pdf"}}],
                [
                    {
                        "type": "document",
                        "source": {"type": "url", "url": "https://example.com/a.pdf"},
                    }
                ],
            ),
            (
                [{"type": "file", "file": {"file_id": "file_1"}}],
                [{"type": "document", "source": {"type": "file", "file_id": "file_1"}}],
            ),
            (
                [{"type": "file", "file": {"file_data": data}}],
                [{"type": "image", "source": source}],
            ),
            (
                [{"type": "file", "file": {"file_data": text_file}}],
                [
                    {
                        "type": "document",
                        "source": {"type": "text", "media_type": "text/plain", "data": "a,b"},
                    }
                ],
            ),
        ):
            with self.subTest(content):
                body = self.body(messages=[{"role": "user", "content": content}])
                self.assertEqual(body["messages"], [{"role": "user", "content": blocks}])

    def test_system(self) -> None:
        """System and developer messages, wherever they stand, come first."""
        body = self.body(
            messages=[
                {"role": "system", "content": "One"},
                *USER,
                {"role": "developer", "content": [_text("Two", cache_control=_EPHEMERAL)]},
            ]
        )
        self.assertEqual(body["system"], [_text("One"), _text("Two", cache_control=_EPHEMERAL)])
        self.assertEqual(len(body["messages"]), 1)

    def test_neighbours(self) -> None:
        """Messages of one role are one; results of calls made side by side stand together."""
        body = self.body(
            messages=[
                *USER,
                {"role": "user", "content": "there"},
                {
                    "role": "assistant",
                    "content": "Well",
                    "tool_calls": [_CALL, {**_CALL, "id": "c2", "cache_control": _EPHEMERAL}],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "1"},
                {
                    "role": "tool",
                    "tool_call_id": "c2",
                    "content": [
                        _text("2"),
                        {"type": "image_url", "image_url": f"data:image/png;base64,{_PNG}"},
                    ],
                    "cache_control": _EPHEMERAL,
                },
                {"role": "user", "content": "So?", "cache_control": _EPHEMERAL},
                {"role": "assistant", "content": "It is  "},
            ],
            tools=[{"type": "function", "function": {"name": "f"}}],
        )
        use = {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}}
        image = {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": _PNG},
        }
        self.assertEqual(
            body["messages"],
            [
                {"role": "user", "content": [_text("Hello"), _text("there")]},
                {
                    "role": "assistant",
                    "content": [
                        _text("Well"),
                        use,
                        {**use, "id": "c2", "cache_control": _EPHEMERAL},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "c1", "content": [_text("1")]},
                        {
                            "type": "tool_result",
                            "tool_use_id": "c2",
                            "content": [_text("2"), image],
                            "cache_control": _EPHEMERAL,
                        },
                        _text("So?", cache_control=_EPHEMERAL),
                    ],
                },
                {"role": "assistant", "content": [_text("It is")]},
            ],
        )

    def test_thoughts(self) -> None:
        """The model's own thoughts go back as they came; others are left out."""
        thought = {"type": "thinking", "thinking": "hm", "signature": "sig"}
        hidden = {"type": "redacted_thinking", "data": "xyz"}
        body = self.body(
            messages=[
                *USER,
                {
                    "role": "assistant",
                    "content": "Hi",
                    "reasoning_content": "hm",
                    "thinking_blocks": [thought, hidden, {"type": "other"}],
                },
                *USER,
            ]
        )
        self.assertEqual(body["messages"][1]["content"], [thought, hidden, _text("Hi")])

    def test_tools(self) -> None:
        """Functions, those of Anthropic's own, and the choice among them."""
        search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
        made = {
            "name": "get_weather",
            "description": "The weather in a city",
            "input_schema": _WEATHER["parameters"],
        }
        body = self.body(tools=[{**_TOOL, "cache_control": _EPHEMERAL}, search])
        self.assertEqual(body["tools"], [{**made, "cache_control": _EPHEMERAL}, search])
        self.assertNotIn("tool_choice", body)
        bare = self.body(tools=[{"type": "function", "function": {"name": "f"}}])
        schema = {"type": "object", "properties": {}}
        self.assertEqual(bare["tools"], [{"name": "f", "input_schema": schema}])
        for choice, sent in (
            ("auto", {"type": "auto"}),
            ("required", {"type": "any"}),
            ("none", {"type": "none"}),
            ({"type": "function", "function": {"name": "f"}}, {"type": "tool", "name": "f"}),
        ):
            self.assertEqual(self.body(tools=[_TOOL], tool_choice=choice)["tool_choice"], sent)
            alone = self.body(tools=[_TOOL], tool_choice=choice, parallel_tool_calls=False)
            one = {} if choice == "none" else {"disable_parallel_tool_use": True}
            self.assertEqual(alone["tool_choice"], {**sent, **one})
        body = self.body(tools=[_TOOL], parallel_tool_calls=False)
        self.assertEqual(body["tool_choice"], {"type": "auto", "disable_parallel_tool_use": True})
        self.assertNotIn("tool_choice", self.body(tools=[], tool_choice="auto"))

    def test_strict_tools(self) -> None:
        """A strict function's schema is closed, for models that keep to one."""
        tool = {"type": "function", "function": {**_WEATHER, "strict": True}}
        [sent] = self.body(tools=[tool])["tools"]
        self.assertIs(sent["strict"], True)
        self.assertEqual(
            sent["input_schema"],
            {
                "type": "object",
                "properties": {"city": {"type": "string", "description": '{"minLength":1}'}},
                "required": ["city"],
                "additionalProperties": False,
            },
        )
        [sent] = self.body(self.old(), tools=[tool])["tools"]
        self.assertNotIn("strict", sent)

    def test_response_format(self) -> None:
        """A schema, for models that keep to one; for others a tool that they have to call."""
        closed = {
            "type": "object",
            "properties": {"n": {"type": "integer", "description": '{"minimum":1}'}},
            "additionalProperties": False,
        }
        body = self.body(response_format=_FORMAT, reasoning_effort="low")
        self.assertEqual(
            body["output_config"],
            {"effort": "low", "format": {"type": "json_schema", "schema": closed}},
        )
        body = self.body(self.old(), response_format=_FORMAT)
        self.assertEqual([tool["name"] for tool in body["tools"]], ["json_tool_call"])
        self.assertEqual(body["tools"][0]["input_schema"], _SCHEMA)
        self.assertEqual(body["tool_choice"], {"type": "tool", "name": "json_tool_call"})
        body = self.body(self.old(), response_format=_FORMAT, tools=[_TOOL])
        self.assertEqual(
            [tool["name"] for tool in body["tools"]], ["get_weather", "json_tool_call"]
        )
        self.assertNotIn("tool_choice", body)
        body = self.body(response_format={"type": "json_object"})
        self.assertIn("JSON", body["system"][0]["text"])
        self.assertNotIn("system", self.body(response_format={"type": "text"}))

    def test_thinking(self) -> None:
        """An effort or a budget, by what the model takes."""
        adaptive = {"type": "adaptive", "display": "summarized"}
        for model, effort, thinking, said in (
            ("claude-opus-5", "minimal", adaptive, "low"),
            ("claude-opus-5", "xhigh", adaptive, "xhigh"),
            ("claude-opus-4-6", "xhigh", adaptive, "high"),
            ("claude-opus-4-6", "max", adaptive, "max"),
            ("claude-opus-5", "none", {"type": "disabled"}, None),
            (_BUDGETED, "low", {"type": "enabled", "budget_tokens": 1024}, None),
            (_BUDGETED, "max", {"type": "enabled", "budget_tokens": 16384}, None),
            ("claude-3-7-sonnet", "high", {"type": "enabled", "budget_tokens": 4096}, None),
            (_OLD, "high", None, None),
        ):  # fmt: skip
            with self.subTest((model, effort)):
                body = self.body(self.old(model), reasoning_effort=effort)
                self.assertEqual(body.get("thinking"), thinking)
                self.assertEqual(body.get("output_config", {}).get("effort"), said)
        body = self.body(reasoning_effort={"effort": "high", "summary": "auto"})
        self.assertEqual(body["output_config"], {"effort": "high"})

    def test_thinking_of_anthropic(self) -> None:
        """Anthropic's own field, which goes before; what a model does not know stands for."""
        budget = {"type": "enabled", "budget_tokens": 2000}
        adaptive = {"type": "adaptive"}
        summarized = {**adaptive, "display": "summarized"}
        off = {"type": "disabled"}
        for model, asked, thinking, effort in (
            ("claude-opus-4-6", budget, budget, None),
            (_BUDGETED, budget, budget, None),
            ("claude-opus-5", budget, summarized, "medium"),
            ("claude-opus-5", {"type": "enabled", "budget_tokens": 99_000}, summarized, "max"),
            ("claude-opus-5", {"type": "enabled"}, summarized, "low"),
            ("claude-opus-5", adaptive, adaptive, None),
            ("claude-opus-5", off, off, None),
            (_BUDGETED, adaptive, {"type": "enabled", "budget_tokens": 2048}, None),
            (_OLD, adaptive, None, None),
        ):
            with self.subTest((model, asked)):
                fields: dict[str, Any] = {"thinking": asked, "reasoning_effort": "high"}
                body = self.request(self.old(model), **fields)
                self.assertEqual(body.get("thinking"), thinking)
                self.assertEqual(body.get("output_config", {}).get("effort"), effort)

    def test_thinking_that_cannot_be(self) -> None:
        """A budget that the limit leaves no room for, and thoughts that were lost."""
        budgeted = self.old(_BUDGETED)
        body = self.body(budgeted, reasoning_effort="high", max_tokens=2000)
        self.assertEqual(body["thinking"]["budget_tokens"], 1999)
        body = self.body(budgeted, reasoning_effort="high", max_tokens=1000)
        self.assertNotIn("thinking", body)
        turns = [
            *USER,
            {"role": "assistant", "tool_calls": [_CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "1"},
        ]
        self.assertNotIn("thinking", self.body(budgeted, reasoning_effort="high", messages=turns))
        self.assertIn("thinking", self.body(reasoning_effort="high", messages=turns))

    def test_sampling(self) -> None:
        """Passed on; newer models refuse it: the default is left out, the rest with a switch."""
        wanted = {"temperature": 0.5, "top_p": 1, "top_k": 5}
        body = self.body(self.old(), **wanted)
        self.assertEqual({name: body[name] for name in _SAMPLING}, wanted)
        body = self.body(**wanted)
        self.assertEqual({n: body.get(n) for n in _SAMPLING}, {**wanted, "top_p": None})
        body = self.body(self.deployment(drop_params=True), **wanted)
        self.assertFalse(set(_SAMPLING) & set(body))

    def test_rest(self) -> None:
        """Stop sequences, the user, and what is Anthropic's own."""
        self.assertEqual(self.body(stop="x")["stop_sequences"], ["x"])
        self.assertEqual(self.body(stop=["x", "y"])["stop_sequences"], ["x", "y"])
        self.assertEqual(self.body(user="u-1")["metadata"], {"user_id": "u-1"})
        for personal in ("me@example.com", "+1 (555) 123-4567"):
            self.assertRegex(self.body(user=personal)["metadata"]["user_id"], r"^[0-9a-f]{64}$")
        body = self.body(service_tier="standard_only", metadata={"user_id": "x"}, stop=None)
        self.assertEqual(
            (body["service_tier"], body["metadata"]), ("standard_only", {"user_id": "x"})
        )
        self.assertNotIn("stop_sequences", body)

    def test_unsupported(self) -> None:
        """What has no counterpart is refused, unless it changes nothing or may be dropped."""
        for field, value in (("n", 2), ("logprobs", True), ("seed", 1), ("logit_bias", {"1": 2})):
            error = self.refusal(**{field: value})
            self.assertEqual(
                (error.status, error.param, error.code), (400, field, "unsupported_parameter")
            )
            self.assertIn("drop_params", error.message)
        dropping = self.deployment(drop_params=True)
        self.assertEqual(self.body(dropping, n=2, seed=1, unheard_of=3), self.body())
        neutral = {"n": 1, "logprobs": False, "presence_penalty": 0.0, "store": True, "seed": None}
        self.assertEqual(self.body(**neutral), self.body())
        self.assertEqual(self.request(unheard_of=3)["unheard_of"], 3)
        listed = self.deployment(drop_parameters=frozenset(("stop", "seed")))
        self.assertEqual(self.body(listed, stop="x", seed=1), self.body())

    def test_refused(self) -> None:
        """What no message can be, with the place of it."""
        tool_call = {"id": "c", "function": {"name": "f", "arguments": "[1]"}}
        sound = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}
        for place, fields in (
            ("messages.0.content.0", {"messages": _user(sound)}),
            ("messages.0.content.1", {"messages": _user(_text("x"), {"type": "image_url"})}),
            (
                "messages.0.content.0",
                {"messages": _user({"type": "image_url", "image_url": "data:image/png,x"})},
            ),
            (
                "messages.0.content.0",
                {"messages": _user({"type": "file", "file": {"file_data": "AAAA"}})},
            ),
            ("messages.0.role", {"messages": [{"role": "narrator", "content": "x"}]}),
            (
                "messages.0.tool_calls.0",
                {"messages": [{"role": "assistant", "tool_calls": [tool_call]}]},
            ),
            ("tool_choice", {"tools": [_TOOL], "tool_choice": "sometimes"}),
            ("tool_choice", {"tools": [_TOOL], "tool_choice": {"type": "function"}}),
            ("tools.0", {"tools": [{"type": "function", "function": {}}]}),
            ("reasoning_effort", {"reasoning_effort": "heroic"}),
            ("max_tokens", {"max_tokens": "many"}),
        ):
            with self.subTest(place):
                error = self.refusal(**fields)
                self.assertEqual((error.status, error.param), (400, place))
