"""LiteLLM's own SDK as a client: of an OpenAI API, and of what it takes for its own proxy."""

from __future__ import annotations

import os
from typing import Any
from unittest import mock

import pytest

from tests.end_to_end.client_case import WEATHER, ClientCase
from tests.end_to_end.scripted import Turn
from tests.end_to_end.server import MASTER_KEY
from twisted_aigate.gateway.providers.further import FURTHER
from twisted_aigate.gateway.providers.names import NOT_HERE, OTHER_NAMES
from twisted_aigate.gateway.providers.table import REMOTE

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning", "ignore:.*:DeprecationWarning")

_HELLO = [{"role": "user", "content": "Hello"}]
_PREFIXES = ("openai", "litellm_proxy")


class LiteLLMTests(ClientCase):
    """Each call by both of its ways to call a gateway."""

    litellm: Any

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        # It takes seconds to import, and would fetch its prices from the net.
        with mock.patch.dict(os.environ, {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}):
            import litellm
        cls.litellm = litellm

    def at(self, prefix: str, model: str) -> dict[str, Any]:
        """How a model of the server is named, and where it is."""
        base = {"openai": f"{self.server.url}/v1", "litellm_proxy": self.server.url}[prefix]
        return {
            "model": f"{prefix}/{model}",
            "api_base": base,
            "api_key": MASTER_KEY,
            "max_retries": 0,
            "timeout": 30,
        }

    def chat(self, prefix: str, **fields: Any) -> Any:
        fields = {"messages": _HELLO, **fields}
        return self.litellm.completion(**self.at(prefix, "chat"), **fields)

    def test_chat(self) -> None:
        for prefix in _PREFIXES:
            self.scripted.script.append(Turn("Hello yourself."))
            answer = self.chat(prefix, temperature=0.5)
            self.assertEqual(answer.choices[0].message.content, "Hello yourself.")
            self.assertEqual(answer.usage.total_tokens, 150)
            self.assertEqual(self.scripted.requests.pop()["temperature"], 0.5)

    def test_stream(self) -> None:
        for prefix in _PREFIXES:
            self.scripted.script.append(Turn("Piece by piece."))
            stream = self.chat(prefix, stream=True, stream_options={"include_usage": True})
            chunks = list(stream)
            said = "".join(
                chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices
            )
            self.assertEqual(said, "Piece by piece.")
            self.assertEqual(chunks[-1].usage.total_tokens, 150)

    def test_tools(self) -> None:
        """Called, whole and streamed, and told what came of it."""
        for prefix in _PREFIXES:
            turn = Turn(calls=(("get_weather", {"city": "Tbilisi"}),))
            self.scripted.script += [turn, turn, Turn("Sunny.")]
            message = self.chat(prefix, tools=[WEATHER]).choices[0].message
            [call] = message.tool_calls
            self.assertEqual(call.function.arguments, '{"city": "Tbilisi"}')
            chunks = list(self.chat(prefix, tools=[WEATHER], stream=True))
            whole = self.litellm.stream_chunk_builder(chunks, messages=_HELLO)
            [streamed] = whole.choices[0].message.tool_calls
            self.assertEqual(streamed.function.name, "get_weather")
            self.assertEqual(streamed.function.arguments, call.function.arguments)
            result = {"role": "tool", "tool_call_id": call.id, "content": "25 degrees"}
            messages = [*_HELLO, message.model_dump(exclude_none=True), result]
            answer = self.chat(prefix, messages=messages, tools=[WEATHER])
            self.assertEqual(answer.choices[0].message.content, "Sunny.")

    def test_embedding(self) -> None:
        for prefix in _PREFIXES:
            answer = self.litellm.embedding(**self.at(prefix, "embed"), input=["cat"])
            self.assertEqual(answer.data[0]["embedding"], [0.25, -0.5])

    def test_errors(self) -> None:
        """They are the exceptions that LiteLLM has for them."""
        for prefix in _PREFIXES:
            at = self.at(prefix, "nothing")
            with self.assertRaises(self.litellm.NotFoundError):
                self.litellm.completion(**at, messages=_HELLO)
            at = {**self.at(prefix, "chat"), "api_key": "sk-wrong"}
            with self.assertRaises(self.litellm.AuthenticationError):
                self.litellm.completion(**at, messages=_HELLO)
            mock_response = {"mock_response": "litellm.RateLimitError"}
            with self.assertRaises(self.litellm.RateLimitError):
                self.chat(prefix, extra_body=mock_response)

    def test_providers(self) -> None:
        """Each of LiteLLM's providers is either here, or known not to be; and where it says."""
        from litellm.litellm_core_utils.get_llm_provider_logic import get_llm_provider

        here = {*REMOTE, *OTHER_NAMES}
        theirs = {provider.value for provider in self.litellm.LlmProviders}
        self.assertEqual(theirs - here - NOT_HERE, set())
        self.assertEqual(here & NOT_HERE, set())
        for name, provider in FURTHER.items():
            with mock.patch.dict(os.environ, {provider.key_variable: "sk-found"}):
                _, found, key, base = get_llm_provider(f"{name}/some-model")
            self.assertEqual(found, name)
            if base is not None and provider.base_url is not None:
                self.assertEqual(base.rstrip("/"), provider.base_url, name)
                self.assertEqual(key, "sk-found", name)
