"""Claude Code as a provider of the gateway."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.gateway.fakes import make_call
from tests.support.streams import HandFed
from twisted_aigate.gateway.calls import Call, Result, Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.claudebox import ClaudeProvider, claude_deployments
from twisted_aigate.interfaces import ChatAnswer, IChatModels, ModelError


@implementer(IChatModels)
class FakeModels:
    """Answers as it is told."""

    def __init__(self) -> None:
        self.answer: ChatAnswer | Exception | Deferred[ChatAnswer] = ChatAnswer(b"{}")
        self.asked: list[tuple[dict[str, object], Mapping[str, str]]] = []

    async def chat(self, body: bytes, headers: Mapping[str, str]) -> ChatAnswer:
        self.asked.append((msgspec.json.decode(body), headers))
        if isinstance(self.answer, Exception):
            raise self.answer
        return await self.answer if isinstance(self.answer, Deferred) else self.answer


class ProviderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.models = FakeModels()
        self.provider = ClaudeProvider(self.models)
        self.deployment = Deployment("claudebox-sonnet", "claudebox", "sonnet")

    def call(self, call: Call) -> Deferred[Result]:
        return Deferred.fromCoroutine(self.provider.call(self.deployment, call))

    def refused(self, call: Call) -> GatewayError:
        error = self.failureResultOf(self.call(call), GatewayError).value
        assert isinstance(error, GatewayError)
        return error

    def test_the_request_is_passed_on_with_the_models_own_name(self) -> None:
        self.models.answer = ChatAnswer(b'{"id":"x"}')
        call = make_call(model="claudebox-sonnet", messages=[], unheard_of={"a": [1]})
        result = self.successResultOf(self.call(call))
        self.assertEqual((result.body, result.content_type), (b'{"id":"x"}', b"application/json"))
        self.assertEqual(
            self.models.asked,
            [({"model": "sonnet", "messages": [], "unheard_of": {"a": [1]}}, {})],
        )

    def test_header_fields(self) -> None:
        self.deployment = evolve(
            self.deployment,
            headers=((b"X-Claude-Workspace", b"configured"), (b"X-Claude-Continue", b"1")),
        )
        call = evolve(make_call(), extra_headers=((b"x-CLAUDE-workspace", b"asked"),))
        self.successResultOf(self.call(call))
        self.assertEqual(
            self.models.asked[0][1], {"x-claude-workspace": "asked", "x-claude-continue": "1"}
        )

    def test_header_fields_of_the_request_itself(self) -> None:
        """They win over the configuration's, and those in the body over them."""
        self.deployment = evolve(self.deployment, headers=((b"X-Claude-Workspace", b"configured"),))
        call = evolve(
            make_call(),
            protocol_headers=(
                (b"x-claude-workspace", "münze".encode()), (b"x-claude-continue", b"1")
            ),
        )  # fmt: skip
        self.successResultOf(self.call(call))
        self.successResultOf(self.call(evolve(call, extra_headers=((b"X-Claude-Continue", b""),))))
        self.assertEqual(
            [headers for _, headers in self.models.asked],
            [
                {"x-claude-workspace": "münze", "x-claude-continue": "1"},
                {"x-claude-workspace": "münze", "x-claude-continue": ""},
            ],
        )

    def test_chat_alone(self) -> None:
        for task in Task:
            if task in (Task.CHAT, Task.TRANSCRIPTION):
                continue
            error = self.refused(make_call(task))
            self.assertEqual((error.status, error.param), (400, "model"), task)
            self.assertIn(task.value, error.message)
        self.assertEqual(self.models.asked, [])

    def test_errors(self) -> None:
        for status, retry_after in ((400, None), (409, None), (429, 5), (502, None), (504, None)):
            self.models.answer = ModelError(status, "why", retry_after)
            error = self.refused(make_call())
            self.assertEqual(
                (error.status, error.message, error.retry_after), (status, "why", retry_after)
            )

    def test_a_stream(self) -> None:
        fed = HandFed()
        self.models.answer = ChatAnswer(fed)
        result = self.successResultOf(self.call(make_call(stream=True)))
        self.assertEqual(result.content_type, b"text/event-stream")
        self.assertIs(result.body, fed)
        self.assertEqual(fed.calls, [])

    def test_cancelling_ends_the_work(self) -> None:
        ended: list[str] = []
        self.models.answer = Deferred(lambda _: ended.append("ended"))
        calling = self.call(make_call())
        calling.cancel()
        self.failureResultOf(calling)
        self.assertEqual(ended, ["ended"])


class DeploymentTests(SynchronousTestCase):
    def names(self, *providers: str) -> list[tuple[str, str, str]]:
        return [(each.model_name, each.provider, each.model)
                for each in claude_deployments(providers)]  # fmt: skip

    def test_those_of_what_is_on(self) -> None:
        ours = [
            ("claudebox-haiku", "claudebox", "haiku"),
            ("claudebox-sonnet", "claudebox", "sonnet"),
            ("claudebox-opus", "claudebox", "opus"),
        ]
        zais = [
            ("claudebox-glm-4.5-air", "claudebox-zai", "haiku"),
            ("claudebox-glm-4.7", "claudebox-zai", "sonnet"),
            ("claudebox-glm-5.1", "claudebox-zai", "opus"),
        ]
        self.assertEqual(self.names(), [])
        self.assertEqual(self.names("claudebox", "openai"), ours)
        self.assertEqual(self.names("claudebox-zai"), zais)
        self.assertEqual(self.names("claudebox-zai", "claudebox"), ours + zais)
