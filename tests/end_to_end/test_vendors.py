"""Vendors' own APIs behind the gateway, with the openai and anthropic clients in front."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import cohere
import openai
from google import genai
from google.genai.types import HttpOptions
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.server import MASTER_KEY, Server
from tests.end_to_end.vendors import KEY, TEXT, VENDORS, FakeVendors, config

_MODELS = ("plain", "slow", "reset", "malformed", "silent", "status-429", "status-500")
_HELLO: list[Any] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello"},
]
_TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
                "additionalProperties": False,
            },
        },
    }
]


class VendorCase(SynchronousTestCase):
    """A gateway in front of fake vendors."""

    vendors: FakeVendors
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.vendors = FakeVendors()
        cls.server = Server(config(cls.vendors.url, *_MODELS)).wait_until_up()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()
        cls.vendors.stop()

    def tearDown(self) -> None:
        self.assertEqual(self.vendors.problems, [])


class OpenAIClientTests(VendorCase):
    """The openai client, for each vendor."""

    def setUp(self) -> None:
        self.client = openai.OpenAI(
            base_url=f"{self.server.url}/v1", api_key=MASTER_KEY, max_retries=0, timeout=30
        )
        self.addCleanup(self.client.close)

    def ask(self, vendor: str, model: str = "plain", **fields: Any) -> Any:
        """Ask a model."""
        asked = {"model": f"{vendor}/{model}", "messages": _HELLO, **fields}
        return self.client.chat.completions.create(**asked)

    def test_chat(self) -> None:
        """An answer, with what it took."""
        for vendor in VENDORS:
            with self.subTest(vendor):
                answer = self.ask(vendor, max_tokens=50, temperature=1, stop=["END"])
                [choice] = answer.choices
                self.assertEqual((choice.message.content, choice.finish_reason), (TEXT, "stop"))
                self.assertEqual((answer.usage.prompt_tokens, answer.usage.total_tokens), (18, 38))

    def test_stream(self) -> None:
        """A stream, at once and byte by byte, with the usage at the end."""
        for vendor in VENDORS:
            for model in ("plain", "slow"):
                with self.subTest((vendor, model)):
                    chunks = list(
                        self.ask(vendor, model, stream=True, stream_options={"include_usage": True})
                    )
                    deltas = [each.delta for chunk in chunks for each in chunk.choices]
                    self.assertEqual("".join(delta.content or "" for delta in deltas), TEXT)
                    self.assertEqual(chunks[-1].usage.completion_tokens, 20)

    def test_tools(self) -> None:
        """A call of a tool, whole and streamed, and the conversation that goes on from it."""
        for vendor in VENDORS:
            with self.subTest(vendor):
                answer = self.ask(vendor, tools=_TOOLS, tool_choice="auto")
                spoken = answer.choices[0].message
                [call] = spoken.tool_calls
                self.assertEqual(call.function.name, "get_weather")
                self.assertEqual(json.loads(call.function.arguments), {"city": "Paris"})
                chunks = list(self.ask(vendor, tools=_TOOLS, stream=True))
                calls = [
                    call
                    for chunk in chunks
                    for choice in chunk.choices
                    for call in choice.delta.tool_calls or ()
                ]
                said = "".join(call.function.arguments or "" for call in calls)
                self.assertEqual((calls[0].function.name, json.loads(said)),
                                 ("get_weather", {"city": "Paris"}))  # fmt: skip
                result = {"role": "tool", "tool_call_id": call.id, "content": "cold"}
                history = [*_HELLO, spoken.model_dump(exclude_none=True), result]
                answer = self.ask(vendor, messages=history)
                self.assertEqual(answer.choices[0].message.content, TEXT)

    def test_failures(self) -> None:
        """Each way to fail is an error that says what happened, and none takes the server down."""
        for vendor in VENDORS:
            for model, status in (("status-429", 429), ("status-500", 500), ("silent", 504)):
                for stream in (False, True):
                    with self.subTest((vendor, model, stream)):
                        with self.assertRaises(openai.APIStatusError) as caught:
                            self.ask(vendor, model, stream=stream)
                        self.assertEqual(caught.exception.status_code, status)
                        if status == 429:
                            head = caught.exception.response.headers
                            self.assertEqual(head["retry-after"], "61")

    def test_broken_streams(self) -> None:
        """A stream that breaks off, or has a piece that is none, ends in an error."""
        for vendor in VENDORS:
            for model in ("reset", "malformed"):
                if (vendor, model) == ("azure", "malformed"):
                    continue  # it is passed on untouched, for the client to judge
                with self.subTest((vendor, model)):
                    with self.assertRaises(openai.APIError) as caught:
                        list(self.ask(vendor, model, stream=True))
                    self.assertIn(vendor, caught.exception.message)


class AnthropicClientTests(VendorCase):
    """The anthropic client: untouched to Anthropic, translated for the others."""

    def setUp(self) -> None:
        self.client = anthropic.Anthropic(
            base_url=self.server.url, api_key=MASTER_KEY, max_retries=0, timeout=30
        )
        self.addCleanup(self.client.close)

    def ask(self, model: str, **fields: Any) -> dict[str, Any]:
        """A request for a model."""
        messages = [{"role": "user", "content": "Hello"}]
        return {"model": model, "max_tokens": 50, "messages": messages, **fields}

    def test_messages(self) -> None:
        """Whole and streamed, through each vendor."""
        for vendor in VENDORS:
            for model in ("plain", "slow"):
                with self.subTest((vendor, model)):
                    asked = self.ask(f"{vendor}/{model}")
                    answer = self.client.messages.create(**asked)
                    self.assertEqual(answer.content[0].text, TEXT)
                    with self.client.messages.stream(**asked) as stream:
                        answer = stream.get_final_message()
                    self.assertEqual(answer.content[0].text, TEXT)
                    self.assertEqual(answer.usage.output_tokens, 20)

    def test_untouched(self) -> None:
        """What Anthropic answers comes back as it is, for what the caller asked with."""
        asked = self.ask("anthropic/plain", extra_headers={"anthropic-beta": "some-beta"})
        answer = self.client.messages.create(**asked)
        self.assertEqual((answer.id, answer.usage.cache_read_input_tokens), ("msg_1", 5))
        self.assertEqual(self.vendors.fields["anthropic-beta"], "some-beta")
        self.assertEqual(self.vendors.fields["x-api-key"], KEY)
        self.assertNotIn("authorization", self.vendors.fields)

    def test_count_tokens(self) -> None:
        """Anthropic counts itself."""
        asked = self.ask("anthropic/plain")
        del asked["max_tokens"]
        self.assertEqual(self.client.messages.count_tokens(**asked).input_tokens, 4321)

    def test_failures(self) -> None:
        """Errors in Anthropic's form, in a stream too."""
        for model, status in (("status-429", 429), ("status-500", 500), ("silent", 504)):
            with self.assertRaises(anthropic.APIStatusError) as caught:
                self.client.messages.create(**self.ask(f"anthropic/{model}"))
            self.assertEqual(caught.exception.status_code, status)
        for vendor in VENDORS:
            streaming = self.client.messages.stream(**self.ask(f"{vendor}/reset"))
            with self.assertRaises(anthropic.APIStatusError) as caught, streaming as stream:
                stream.get_final_message()
            self.assertEqual(caught.exception.body["error"]["type"], "api_error")


class FakeVendorTests(SynchronousTestCase):
    """The fakes themselves, held against the vendors' own clients."""

    def setUp(self) -> None:
        self.vendors = FakeVendors()
        self.addCleanup(self.vendors.stop)

    def test_anthropic(self) -> None:
        """Anthropic's client understands the fake."""
        client = anthropic.Anthropic(base_url=self.vendors.url, api_key=KEY, max_retries=0)
        self.addCleanup(client.close)
        asked: dict[str, Any] = {
            "model": "plain",
            "max_tokens": 5,
            "messages": [{"role": "user", "content": "x"}],
        }
        self.assertEqual(client.messages.create(**asked).content[0].text, TEXT)
        with client.messages.stream(**asked) as stream:
            self.assertEqual(stream.get_final_text(), TEXT)

    def test_cohere(self) -> None:
        """Cohere's client understands the fake."""
        client = cohere.ClientV2(api_key=KEY, base_url=self.vendors.url)
        asked: dict[str, Any] = {
            "model": "plain",
            "messages": [{"role": "user", "content": "x"}],
        }
        self.assertEqual(client.chat(**asked).message.content[0].text, TEXT)
        said = [
            event.delta.message.content.text
            for event in client.chat_stream(**asked)
            if event.type == "content-delta"
        ]
        self.assertEqual("".join(said), TEXT)

    def test_gemini(self) -> None:
        """Google's client understands the fake."""
        client = genai.Client(
            api_key=KEY, http_options=HttpOptions(base_url=self.vendors.url, api_version="v1beta")
        )
        self.addCleanup(client.close)
        answer = client.models.generate_content(model="plain", contents="x")
        self.assertEqual(answer.text, TEXT)
        pieces = client.models.generate_content_stream(model="plain", contents="x")
        self.assertEqual("".join(piece.text for piece in pieces), TEXT)
