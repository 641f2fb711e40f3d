"""The Messages API where the provider speaks it itself: through the routes, in memory."""

from __future__ import annotations

import json
from typing import Any

from zope.interface import implementer

from tests.gateway.fakes import FakeProvider
from tests.gateway.routes_case import AUTHORIZED, RoutesCase
from twisted_aigate.gateway.calls import Call, Result, Task
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.events import EVENT_STREAM
from twisted_aigate.gateway.providers.interface import IMessagesProvider
from twisted_aigate.gateway.routing.policy import Policy

_CHAT = Result(b'{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{}}')
_BODY = {"max_tokens": 5, "messages": [{"role": "user", "content": "x"}], "odd": [1.5]}


@implementer(IMessagesProvider)
class _Native(FakeProvider):
    def __init__(self) -> None:
        super().__init__()
        self.counted: list[Call] = []
        self.count: Result | GatewayError = Result(b'{"input_tokens":7}')

    async def count_tokens(self, deployment: Deployment, call: Call) -> Result:
        """See L{IMessagesProvider}."""
        self.counted.append(call)
        if isinstance(self.count, GatewayError):
            raise self.count
        return self.count


class NativeMessagesTests(RoutesCase):
    """A model C{claude} of a provider that speaks the API, and one of another provider."""

    def setUp(self) -> None:
        super().setUp()
        self.native = _Native()
        deployments = [
            Deployment("claude", "anthropic", "claude-x"),
            Deployment("mocked-claude", "anthropic", "claude-x", mock_response="I am no model"),
            Deployment("m", "openai", "upstream-m"),
        ]
        policy = Policy(num_retries=0, fallbacks={"claude": ("m",), "m": ("claude",)})
        self.gateway.router.replace(Catalogue(deployments), policy)
        self.gateway._providers = {"openai": self.provider, "anthropic": self.native}
        self.provider.answer = _CHAT

    def ask(self, model: str = "claude", **more: Any) -> Any:
        """Ask a model for a message; the response and its body."""
        headers = {
            **AUTHORIZED,
            "anthropic-version": "2023-06-01",
            "Anthropic-Beta": "one,two",
            "X-Other": "x",
        }
        return self.post("/v1/messages", {**_BODY, "model": model, **more}, headers=headers)

    def test_untouched(self) -> None:
        """What came is what the provider gets, with the header fields that are the API's."""
        self.native.answer = Result(b'{"anything": 1}')
        _, body = self.ask()
        self.assertEqual(body, {"anything": 1})
        [(_, call)] = self.native.calls
        assert isinstance(call, Call)
        self.assertIs(call.task, Task.MESSAGES)
        self.assertEqual(json.loads(call.body_for("claude-x")), {**_BODY, "model": "claude-x"})
        self.assertEqual(
            call.protocol_headers,
            ((b"anthropic-version", b"2023-06-01"), (b"anthropic-beta", b"one,two")),
        )
        self.native.answer = Result(b"event: x\ndata: 1\n\n", EVENT_STREAM)
        _, body = self.ask(stream=True)
        self.assertEqual(body, b"event: x\ndata: 1\n\n")

    def test_another_provider(self) -> None:
        """Another provider is asked for a chat, without them."""
        _, body = self.ask("m")
        self.assertEqual(body["content"], [{"type": "text", "text": "Hi"}])
        call = self.provider.calls[0][1]
        assert isinstance(call, Call)
        self.assertEqual((call.task, call.protocol_headers), (Task.CHAT, ()))

    def test_fallbacks(self) -> None:
        """One may stand in for the other, and each answer is taken for what it is."""
        self.native.answer = GatewayError(500, "down")
        _, body = self.ask()
        self.assertEqual(body["content"], [{"type": "text", "text": "Hi"}])
        self.native.answer = Result(b'{"anything": 1}')
        self.provider.answer = GatewayError(500, "down")
        _, body = self.ask("m")
        self.assertEqual(body, {"anything": 1})

    def test_mocked(self) -> None:
        """A mock is no provider."""
        _, body = self.ask("mocked-claude")
        self.assertEqual(body["content"], [{"type": "text", "text": "I am no model"}])
        _, body = self.ask(mock_response="own")
        self.assertEqual(body["content"], [{"type": "text", "text": "own"}])
        self.assertEqual(self.native.calls, [])

    def test_count_tokens(self) -> None:
        """The provider is asked where it can be; otherwise it is an estimate."""
        path = "/v1/messages/count_tokens"
        _, body = self.post(path, {**_BODY, "model": "claude"})
        self.assertEqual(body, {"input_tokens": 7})
        for model in ("m", "mocked-claude"):
            _, body = self.post(path, {**_BODY, "model": model})
            self.assertGreater(body["input_tokens"], 0)
        self.assertEqual(len(self.native.counted), 1)
        self.native.count = GatewayError(500, "down")
        _, body = self.post(path, {**_BODY, "model": "claude"})
        self.assertGreater(body["input_tokens"], 0)
        response, body = self.post(path, {**_BODY, "model": "nobody"})
        self.assertEqual((response.code, body["error"]["type"]), (404, "not_found_error"))
