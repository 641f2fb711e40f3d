"""The openai client against a real server, in front of a provider that checks what it is sent."""

from __future__ import annotations

import io
import json

import openai
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.provider import API_KEY, FakeProvider, config
from tests.end_to_end.server import MASTER_KEY, Server

_MODELS = ("plain", "slow", "endless", "breaks", "hang-up", "silent", "status-429", "status-500",
           "status-400", "status-401")  # fmt: skip
_HELLO = [{"role": "user", "content": "Hello"}]
_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        "strict": True,
    },
}


class OpenAIClientTests(SynchronousTestCase):
    """Calls that a provider answers."""

    provider: FakeProvider
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.provider = FakeProvider()
        cls.server = Server(config(cls.provider.base, *_MODELS)).wait_until_up()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()
        cls.provider.stop()

    def setUp(self) -> None:
        self.provider.requests.clear()
        self.provider.gone.clear()
        self.client = openai.OpenAI(
            base_url=f"{self.server.url}/v1", api_key=MASTER_KEY, max_retries=0
        )
        self.addCleanup(self.client.close)

    def test_chat(self) -> None:
        """A chat is answered with the provider's own words, and our key does not reach it."""
        answer = self.client.chat.completions.create(
            model="plain", messages=_HELLO, temperature=0.5, extra_body={"unknown_field": [1]}
        )
        self.assertEqual(answer.choices[0].message.content, "From the fake provider.")
        self.assertEqual(answer.usage.total_tokens, 8)
        path, fields, body = self.provider.requests[0]
        self.assertEqual(path, "/v1/chat/completions")
        self.assertEqual(fields["authorization"], f"Bearer {API_KEY}")
        self.assertEqual(
            body,
            {"model": "plain", "messages": _HELLO, "temperature": 0.5, "unknown_field": [1]},
        )

    def test_both_prefixes(self) -> None:
        """The same paths work without /v1."""
        client = openai.OpenAI(base_url=self.server.url, api_key=MASTER_KEY, max_retries=0)
        self.addCleanup(client.close)
        answer = client.chat.completions.create(model="plain", messages=_HELLO)
        self.assertEqual(answer.choices[0].message.content, "From the fake provider.")

    def test_azures_client(self) -> None:
        """It says the model in the path, and the key in a field of its own."""
        client = openai.AzureOpenAI(
            azure_endpoint=self.server.url,
            api_key=MASTER_KEY,
            api_version="2025-01-01-preview",
            max_retries=0,
        )
        self.addCleanup(client.close)
        answer = client.chat.completions.create(model="plain", messages=_HELLO)
        self.assertEqual(answer.choices[0].message.content, "From the fake provider.")
        embedded = client.embeddings.create(model="plain", input="cat", encoding_format="float")
        self.assertEqual(embedded.data[0].embedding, [0.25, -0.5])

    def test_stream(self) -> None:
        """A stream arrives chunk by chunk."""
        stream = self.client.chat.completions.create(model="plain", messages=_HELLO, stream=True)
        said = [chunk.choices[0].delta.content for chunk in stream]
        self.assertEqual(said, ["0 ", "1 ", "2 ", "3 ", "4 "])
        self.assertIs(self.provider.requests[0][2]["stream"], True)

    def test_tools(self) -> None:
        """Tools reach the provider as they are, and its tool calls come back."""
        answer = self.client.chat.completions.create(
            model="plain", messages=_HELLO, tools=[_TOOL], tool_choice="auto"
        )
        self.assertEqual(self.provider.requests[0][2]["tools"], [_TOOL])
        call = answer.choices[0].message.tool_calls[0]
        self.assertEqual(call.function.name, "get_weather")
        self.assertEqual(json.loads(call.function.arguments), {"city": "Tbilisi"})

    def test_extra_headers_in_body(self) -> None:
        """extra_headers in the body become header fields, never the connection's own."""
        self.client.chat.completions.create(
            model="plain",
            messages=_HELLO,
            extra_body={
                "extra_headers": {
                    "X-Claude-Workspace": "mine",
                    "authorization": "Bearer stolen",
                    "Host": "elsewhere",
                    "Connection": "close",
                }
            },
        )
        _, fields, body = self.provider.requests[0]
        self.assertEqual(fields["x-claude-workspace"], "mine")
        self.assertEqual(fields["authorization"], f"Bearer {API_KEY}")
        self.assertTrue(fields["host"].startswith("127.0.0.1"))
        self.assertNotIn("connection", fields)
        self.assertNotIn("extra_headers", body)

    def test_claude_codes_header_fields(self) -> None:
        """They are for Claude Code in this process: no provider is sent them."""
        self.client.chat.completions.create(
            model="plain", messages=_HELLO, extra_headers={"X-Claude-Workspace": "mine"}
        )
        _, fields, _ = self.provider.requests[0]
        self.assertNotIn("x-claude-workspace", fields)

    def test_embeddings(self) -> None:
        """Embeddings are passed through."""
        answer = self.client.embeddings.create(model="plain", input="cat", encoding_format="float")
        self.assertEqual(answer.data[0].embedding, [0.25, -0.5])

    def test_transcription(self) -> None:
        """A form reaches the provider with its file and its fields."""
        sound = io.BytesIO(b"RIFF" + bytes(300_000))
        sound.name = "a.wav"
        answer = self.client.audio.transcriptions.create(
            model="plain", file=sound, language="en", response_format="json"
        )
        self.assertEqual(answer.text, "300004 bytes")
        path, _, form = self.provider.requests[0]
        self.assertEqual(path, "/v1/audio/transcriptions")
        self.assertEqual(form["language"], "en")
        self.assertEqual(form["model"], "plain")

    def test_mock_response(self) -> None:
        """mock_response answers without the provider, streamed too."""
        answer = self.client.chat.completions.create(
            model="plain", messages=_HELLO, extra_body={"mock_response": "Hi there"}
        )
        self.assertEqual(answer.choices[0].message.content, "Hi there")
        stream = self.client.chat.completions.create(
            model="plain",
            messages=_HELLO,
            stream=True,
            stream_options={"include_usage": True},
            extra_body={"mock_response": "A somewhat longer answer"},
        )
        chunks = list(stream)
        said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertEqual(said, "A somewhat longer answer")
        self.assertGreater(chunks[-1].usage.total_tokens, 0)
        self.assertEqual(self.provider.requests, [])

    def test_models(self) -> None:
        """The list has what is configured, and each can be asked for."""
        self.assertEqual([model.id for model in self.client.models.list()][:2], ["plain", "slow"])
        self.assertEqual(self.client.models.retrieve("plain").owned_by, "openai")
        with self.assertRaises(openai.NotFoundError):
            self.client.models.retrieve("nothing/like/it")

    def test_wrong_key(self) -> None:
        """Without the key: 401, and the key that was sent is not repeated."""
        client = openai.OpenAI(base_url=self.server.url, api_key="sk-wrong-1234567", max_retries=0)
        self.addCleanup(client.close)
        with self.assertRaises(openai.AuthenticationError) as caught:
            client.models.list()
        self.assertNotIn("sk-wrong", str(caught.exception))
        self.assertNotIn("sk-wrong", self.server.log)

    def test_unknown_model(self) -> None:
        """An unknown model is a 404 with OpenAI's code."""
        with self.assertRaises(openai.NotFoundError) as caught:
            self.client.chat.completions.create(model="nothing", messages=_HELLO)
        self.assertEqual(caught.exception.code, "model_not_found")

    def test_provider_errors(self) -> None:
        """The provider's status, code and param come back."""
        for model, expected in (
            ("status-429", openai.RateLimitError),
            ("status-500", openai.InternalServerError),
            ("status-400", openai.BadRequestError),
        ):
            with self.assertRaises(expected) as caught:
                self.client.chat.completions.create(model=model, messages=_HELLO)
            self.assertIn("as asked", caught.exception.message)
            self.assertEqual(caught.exception.code, "some_code")
            self.assertEqual(caught.exception.param, "temperature")
            if model == "status-429":
                self.assertEqual(caught.exception.response.headers["Retry-After"], "7")

    def test_provider_gone(self) -> None:
        """A provider that hangs up is a 502, one that says nothing a 504."""
        with self.assertRaises(openai.InternalServerError) as caught:
            self.client.chat.completions.create(model="hang-up", messages=_HELLO)
        self.assertEqual(caught.exception.status_code, 502)
        with self.assertRaises(openai.InternalServerError) as caught:
            self.client.chat.completions.create(model="silent", messages=_HELLO)
        self.assertEqual(caught.exception.status_code, 504)

    def test_stream_breaks_off(self) -> None:
        """A stream that breaks off ends in an error that the client raises."""
        stream = self.client.chat.completions.create(model="breaks", messages=_HELLO, stream=True)
        said = []
        with self.assertRaises(openai.APIError) as caught:
            for chunk in stream:
                said.append(chunk.choices[0].delta.content)
        self.assertEqual(said, ["0 ", "1 ", "2 "])
        self.assertIn("No answer from openai", str(caught.exception))

    def test_client_leaves(self) -> None:
        """When the client leaves, the provider sees the call cancelled."""
        stream = self.client.chat.completions.create(model="endless", messages=_HELLO, stream=True)
        next(iter(stream))
        stream.close()
        self.client.close()
        self.assertTrue(self.provider.gone.wait(10))

    def test_provider_key_stays_secret(self) -> None:
        """Where the provider refuses our key, no part of the key is told."""
        server = Server(config(self.provider.base, "plain").replace(API_KEY, "sk-other-key"))
        self.addCleanup(server.stop)
        server.wait_until_up()
        client = openai.OpenAI(base_url=server.url, api_key=MASTER_KEY, max_retries=0)
        self.addCleanup(client.close)
        with self.assertRaises(openai.AuthenticationError) as caught:
            client.chat.completions.create(model="plain", messages=_HELLO)
        self.assertNotIn("sk-", str(caught.exception))
