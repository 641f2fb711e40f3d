"""The anthropic client against a real server, in front of a provider that plays a script."""

from __future__ import annotations

import base64
from typing import Any

import anthropic
from anthropic.types import ToolParam
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.end_to_end.provider import config
from tests.end_to_end.scripted import ScriptedProvider, Turn
from tests.end_to_end.server import MASTER_KEY, Server
from twisted_aigate.gateway.local.table import LOCAL_MODELS

_LOCAL = "local-smollm2-135m"
_WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "The weather in a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
_COLD = {"temperature": 0}
"""Not among the client's own arguments any more, and still a field of many requests."""
_PNG = base64.b64encode(b"\x89PNG").decode()


def _client(case: SynchronousTestCase, server: Server, key: str = MASTER_KEY) -> Any:
    client = anthropic.Anthropic(base_url=server.url, api_key=key, max_retries=0, timeout=120)
    case.addCleanup(client.close)
    return client


def _ask(content: Any, **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": content}]
    return {"model": "plain", "max_tokens": 200, "messages": messages, **fields}


class AnthropicClientTests(SynchronousTestCase):
    """Calls that a provider answers."""

    provider: ScriptedProvider
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.provider = ScriptedProvider()
        cls.server = Server(config(cls.provider.base, "plain")).wait_until_up()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()
        cls.provider.stop()

    def setUp(self) -> None:
        self.provider.script.clear()
        self.provider.requests.clear()
        self.provider.headers.clear()
        self.client = _client(self, self.server)

    def test_message(self) -> None:
        """A message is answered, and what was asked reaches the provider as a chat."""
        self.provider.script.append(Turn("Hello there.", finish="length"))
        answer = self.client.messages.create(
            **_ask(
                "Hello",
                system=[
                    {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}
                ],
                stop_sequences=["END"],
                metadata={"user_id": "u-1"},
                extra_body={
                    "temperature": 0.5,
                    "extra_headers": {"X-Workspace": "mine", "Authorization": "stolen"},
                },
            )
        )
        self.assertEqual(answer.content[0].text, "Hello there.")
        self.assertEqual((answer.role, answer.model), ("assistant", "plain"))
        self.assertEqual(answer.stop_reason, "max_tokens")
        self.assertEqual(answer.usage.input_tokens, 20)
        self.assertEqual(answer.usage.cache_read_input_tokens, 100)
        self.assertEqual(answer.usage.output_tokens, 30)
        self.assertRegex(answer._request_id, r"^\w{32}$")
        self.assertEqual(
            self.provider.requests,
            [
                {
                    "model": "plain",
                    "messages": [
                        {"role": "system", "content": "Be brief."},
                        {"role": "user", "content": "Hello"},
                    ],
                    "max_tokens": 200,
                    "temperature": 0.5,
                    "stop": ["END"],
                    "user": "u-1",
                }
            ],
        )
        self.assertEqual(self.provider.headers[0]["x-workspace"], "mine")
        self.assertNotIn("stolen", self.provider.headers[0].values())

    def test_stream(self) -> None:
        """A stream arrives piece by piece and adds up to the message."""
        self.provider.script.append(Turn("Hello there, friend.", thought="A greeting."))
        with self.client.messages.stream(**_ask("Hello")) as stream:
            kinds = [event.type for event in stream]
            answer = stream.get_final_message()
        self.assertEqual(kinds.count("text"), 4)
        self.assertEqual(kinds.count("thinking"), 3)
        self.assertEqual([block.type for block in answer.content], ["thinking", "text"])
        self.assertEqual(answer.content[0].thinking, "A greeting.")
        self.assertEqual(answer.content[1].text, "Hello there, friend.")
        self.assertEqual(answer.stop_reason, "end_turn")
        self.assertEqual(answer.usage.output_tokens, 30)
        self.assertEqual(answer.usage.cache_read_input_tokens, 100)
        self.assertEqual(self.provider.requests[0]["stream_options"], {"include_usage": True})

    def create(self, streamed: bool, **fields: Any) -> Any:
        """A message, streamed or not."""
        if not streamed:
            return self.client.messages.create(**fields)
        with self.client.messages.stream(**fields) as stream:
            return stream.get_final_message()

    def test_tools(self) -> None:
        """Two calls at once, their pieces mixed; then their results, one of them an error."""
        for streamed in (False, True):
            with self.subTest(streamed):
                calls = (("get_weather", {"city": "Tbilisi"}), ("get_weather", {"city": "Kyōto"}))
                self.provider.requests.clear()
                self.provider.script += [
                    Turn("Let me look.", "Two cities.", calls, mixed=True), Turn("Sunny.")
                ]  # fmt: skip
                asked = _ask("Weather?", tools=[_WEATHER], tool_choice={"type": "any"})
                answer = self.create(streamed, **asked)
                self.assertEqual(answer.stop_reason, "tool_use")
                kinds = [block.type for block in answer.content]
                self.assertEqual(kinds, ["thinking", "text", "tool_use", "tool_use"])
                uses = answer.content[2:]
                self.assertEqual([use.input["city"] for use in uses], ["Tbilisi", "Kyōto"])
                results = [
                    {
                        "type": "tool_result",
                        "tool_use_id": use.id,
                        "content": [{"type": "text", "text": "sun"}],
                        "is_error": use is uses[1],
                    }
                    for use in uses
                ]
                asked["messages"] += [
                    {"role": "assistant", "content": answer.content},
                    {"role": "user", "content": [*results, {"type": "text", "text": "So?"}]},
                ]
                self.assertEqual(self.create(streamed, **asked).content[0].text, "Sunny.")
                first, second = self.provider.requests
                self.assertEqual(first["tool_choice"], "required")
                function = first["tools"][0]["function"]
                self.assertEqual(function["parameters"], _WEATHER["input_schema"])
                said, *rest = second["messages"][1:]
                self.assertEqual(said["content"], "Let me look.")
                self.assertEqual(said["reasoning_content"], "Two cities.")
                self.assertEqual(
                    [(each["role"], each["content"]) for each in rest],
                    [("tool", "sun"), ("tool", "Error: sun"), ("user", "So?")],
                )

    def test_image(self) -> None:
        """An image reaches the provider, a tool's too."""
        source = {"type": "base64", "media_type": "image/png", "data": _PNG}
        image = {"type": "image", "source": source}
        self.provider.script += [Turn("A dot."), Turn("A dot.")]
        self.client.messages.create(**_ask([image, {"type": "text", "text": "What is it?"}]))
        part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PNG}"}}
        self.assertEqual(
            self.provider.requests[0]["messages"][0]["content"],
            [part, {"type": "text", "text": "What is it?"}],
        )
        asked = _ask("Look.", tools=[_WEATHER])
        use = {"type": "tool_use", "id": "t1", "name": "get_weather", "input": {"city": "x"}}
        asked["messages"] += [
            {"role": "assistant", "content": [use]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [image]}],
            },
        ]
        self.client.messages.create(**asked)
        self.assertIn(part, self.provider.requests[1]["messages"][-1]["content"])

    def test_what_has_no_equivalent(self) -> None:
        """What only Anthropic's servers have does not hinder a call."""
        self.provider.script.append(Turn("Hi."))
        answer = self.client.beta.messages.create(
            **_ask(
                "Hello",
                tools=[{"type": "web_search_20250305", "name": "web_search"}],
                tool_choice={"type": "tool", "name": "web_search"},
                thinking={"type": "enabled", "budget_tokens": 1024},
                context_management={"edits": [{"type": "clear_tool_uses_20250919"}]},
                betas=["context-management-2025-06-27"],
            )
        )
        self.assertEqual(answer.content[0].text, "Hi.")
        self.assertEqual(set(self.provider.requests[0]), {"model", "messages", "max_tokens"})

    def test_count_tokens(self) -> None:
        """A count, without a call."""
        counted = self.client.messages.count_tokens(
            model="plain", messages=[{"role": "user", "content": "word " * 100}], tools=[_WEATHER]
        )
        self.assertGreater(counted.input_tokens, 100)
        self.assertEqual(self.provider.requests, [])

    def test_errors(self) -> None:
        """Each is what the client has an exception for."""
        with self.assertRaises(anthropic.NotFoundError) as caught:
            self.client.messages.create(**_ask("Hello", model="nothing"))
        self.assertEqual(caught.exception.body["error"]["type"], "not_found_error")
        self.assertEqual(caught.exception.body["request_id"], caught.exception.request_id)
        with self.assertRaises(anthropic.BadRequestError):
            self.client.messages.create(**_ask([{"type": "text"}]))
        with self.assertRaises(anthropic.InternalServerError) as failed:
            self.client.messages.create(**_ask("Hello"))
        self.assertIn("the script is over", failed.exception.message)
        with self.assertRaises(anthropic.AuthenticationError) as refused:
            _client(self, self.server, "sk-wrong").messages.create(**_ask("Hello"))
        self.assertEqual(refused.exception.body["error"]["type"], "authentication_error")

    def test_stream_breaks_off(self) -> None:
        """A stream that breaks off ends in an error that the client raises."""
        self.provider.script.append(Turn("Hello there.", breaks=True))
        said = []
        with (
            self.assertRaises(anthropic.APIStatusError) as caught,
            self.client.messages.stream(**_ask("Hello")) as stream,
        ):
            said += stream.text_stream
        self.assertIn("No answer from openai", caught.exception.message)

    def test_client_leaves(self) -> None:
        """When the client leaves, the provider sees the call cancelled."""
        self.provider.endless = True
        self.addCleanup(setattr, self.provider, "endless", False)
        self.provider.script.append(Turn("Hello"))
        with self.client.messages.stream(**_ask("Hello")) as stream:
            next(iter(stream.text_stream))
        self.client.close()
        self.assertTrue(self.provider.gone.wait(10))


class LocalModelTests(SynchronousTestCase):
    """An embedded model behind the same API."""

    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        missing = [name for entry in LOCAL_MODELS for name in entry.missing()]
        if missing:
            raise SkipTest(f"not installed: {missing}; run: make local-models")
        cls.server = Server(LOCAL_MODELS="1").wait_until_up()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()

    def test_answers(self) -> None:
        """It answers, whole and streamed alike."""
        client = _client(self, self.server)
        asked = _ask("What is the capital of France?", model=_LOCAL, extra_body=_COLD)
        answer = client.messages.create(**asked)
        self.assertIn("Paris", answer.content[0].text)
        self.assertEqual(answer.stop_reason, "end_turn")
        self.assertGreater(answer.usage.output_tokens, 0)
        with client.messages.stream(**asked) as stream:
            streamed = stream.get_final_message()
        self.assertEqual(streamed.content[0].text, answer.content[0].text)
        self.assertEqual(streamed.usage.output_tokens, answer.usage.output_tokens)

    def test_tool(self) -> None:
        """A call that it has to make, streamed."""
        asked = _ask(
            "What is the weather in Paris?",
            model=_LOCAL,
            extra_body=_COLD,
            tools=[_WEATHER],
            tool_choice={"type": "tool", "name": "get_weather"},
        )
        with _client(self, self.server).messages.stream(**asked) as stream:
            answer = stream.get_final_message()
        self.assertEqual(answer.stop_reason, "tool_use")
        [use] = answer.content
        self.assertEqual((use.name, list(use.input)), ("get_weather", ["city"]))

    def test_refusals(self) -> None:
        """What it cannot read and what is too long for it."""
        client = _client(self, self.server)
        source = {"type": "base64", "media_type": "image/png", "data": _PNG}
        for content, said in (
            ([{"type": "image", "source": source}], "text only"),
            ("word " * 10_000, "prompt is too long"),
        ):
            with self.subTest(said):
                with self.assertRaises(anthropic.BadRequestError) as caught:
                    client.messages.create(**_ask(content, model=_LOCAL))
                self.assertIn(said, caught.exception.message)
