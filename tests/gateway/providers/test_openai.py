"""Providers that speak OpenAI's API: where they are asked, and what is left out for them."""

from __future__ import annotations

import io
import json
import re
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from twisted.internet.defer import Deferred

from tests.gateway.providers.case import KEY, USER, ProviderCase, response
from tests.support.threads import HeldThreads
from twisted_aigate.gateway.calls import FormCall, Task, Upload
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.azure import AzureProvider
from twisted_aigate.gateway.providers.azure_ai import AzureAIProvider
from twisted_aigate.gateway.providers.interface import IProvider
from twisted_aigate.gateway.providers.openai import OpenAIProvider
from twisted_aigate.gateway.providers.upstream import Upstream
from twisted_aigate.gateway.responses.asks import KeptAsk
from twisted_aigate.http_client.messages import Origin

_TASKS = (
    Task.CHAT, Task.COMPLETION, Task.EMBEDDING, Task.SPEECH, Task.IMAGE, Task.MODERATION,
    Task.RERANK,
)  # fmt: skip
_WANTED = {"temperature": 0.5, "max_tokens": 5, "logit_bias": {"1": 2}, "user": "u", "odd": 1}


class OpenAITests(ProviderCase):
    """OpenAI's paths."""

    name = "openai"
    model = "gpt-4o"
    path = "/v1"

    def make(self, upstream: Upstream) -> IProvider:
        """See L{ProviderCase}."""
        threads: Any = HeldThreads()
        return OpenAIProvider(upstream, threads)

    def sent_fields(self, provider: str, model: str, **more: Any) -> set[str]:
        """Which of C{_WANTED} are sent to a deployment."""
        deployment = self.deployment(provider=provider, model=model, **more)
        return set(self.request(deployment, **_WANTED)) - {"model", "messages"}

    def test_targets(self) -> None:
        """Each task has its path."""
        for task in _TASKS:
            self.ask(task=task).addErrback(lambda _: None)
            sent = self.sent()
            self.assertEqual(sent.target, f"/v1{task.value}")
            self.assertEqual(sent.fields["authorization"], f"Bearer {KEY}")

    def test_kept_responses(self) -> None:
        """They are asked for at a path of their own, with what was asked."""
        ask = KeptAsk(b"GET", "resp_1/..", "/input_items", b"limit=5")
        asking = Deferred.fromCoroutine(self.provider.ask_kept(self.deployment(), ask))
        line = bytes(self.upstream.connections[-1].sent).partition(b"\r\n")[0]
        self.assertEqual(line, b"GET /v1/responses/resp_1%2F../input_items?limit=5 HTTP/1.1")
        self.respond(response(b'{ "odd":1.50 }'))
        self.assertEqual(self.successResultOf(asking).body, b'{ "odd":1.50 }')

    def test_dropped(self) -> None:
        """What a provider, or a kind of model, would refuse; only where it is to be dropped."""
        every = set(_WANTED)
        for provider, model, dropped in (
            ("openai", "gpt-4o", set()),
            ("openai", "gpt-5-chat-latest", set()),
            ("openai", "gpt-6.1-sol", {"temperature", "logit_bias", "max_tokens"}),
            ("azure", "o3-mini", {"temperature", "logit_bias", "max_tokens"}),
            ("groq", "o3", {"logit_bias"}),
            ("mistral", "mistral-large-latest", {"logit_bias", "user"}),
            ("deepseek", "x", set()),
            ("xai", "grok-4", set()),
        ):
            with self.subTest((provider, model)):
                self.assertEqual(self.sent_fields(provider, model), every)
                left = self.sent_fields(provider, model, drop_params=True)
                self.assertEqual(left - {"max_completion_tokens"}, every - dropped)
        listed = frozenset(("odd", "unsent"))
        left = self.sent_fields("openai", "gpt-4o", drop_parameters=listed)
        self.assertEqual(left, every - {"odd"})

    def test_limit_is_kept(self) -> None:
        """A limit under the name that is refused goes under the other."""
        for provider, model, given, sent in (
            ("openai", "gpt-6-sol", {"max_tokens": 5}, {"max_completion_tokens": 5}),
            ("mistral", "x", {"max_completion_tokens": 6}, {"max_tokens": 6}),
            (
                "mistral",
                "x",
                {"max_completion_tokens": 6, "max_tokens": 5},
                {"max_tokens": 5},
            ),
        ):
            deployment = self.deployment(provider=provider, model=model, drop_params=True)
            body = self.request(deployment, **given)
            self.assertEqual(body, {"model": model, "messages": USER, **sent})

    def test_form(self) -> None:
        """A form has its fields, then its files, and the length that it says."""
        files = (b"first", b"", b"x" * 70_000)
        uploads = tuple(
            Upload(f'a"{n}', io.BytesIO(file), f"{n}.png", "image/png", len(file))
            for n, file in enumerate(files)
        )
        fields = (("prompt", "Grüße"), ("style", "vivid"), ("odd", "1"), ("list[]", "1"))
        headers = ((b"X-A", b"b"),)
        call = FormCall(Task.IMAGE_EDIT, "m", fields, uploads, False, headers)
        for more, sent in (
            ({}, fields),
            ({"drop_params": True}, (fields[0], *fields[2:])),
            ({"drop_parameters": frozenset(("odd", "list"))}, fields[:2]),
        ):
            deployment = self.deployment(model="gpt-image-1-mini", **more)
            asking = Deferred.fromCoroutine(self.provider.call_form(deployment, call))
            head, _, body = bytes(self.upstream.connections[-1].sent).partition(b"\r\n\r\n")
            self.assertIn(b"POST /v1/images/edits ", head)
            self.assertIn(b"\r\nX-A: b\r\n", head)
            self.assertIn(b"\r\nContent-Length: %d" % len(body), head)
            kind = re.search(rb"Content-Type: ([^\r]+)", head)
            assert kind is not None
            form = BytesParser(policy=HTTP).parsebytes(
                b"Content-Type: %b\r\n\r\n%b" % (kind[1], body)
            )
            parts = [
                (
                    part.get_param("name", header="content-disposition"),
                    part.get_payload(decode=True),
                )
                for part in form.iter_parts()
            ]
            expected = [
                (name, value.encode()) for name, value in (("model", deployment.model), *sent)
            ]
            names = [f"a%22{n}" for n in range(3)]
            self.assertEqual(parts, [*expected, *zip(names, files, strict=True)])
            asking.addErrback(lambda _: None)
            asking.cancel()

    def test_codes(self) -> None:
        """What clients tell apart has OpenAI's code, whatever the provider calls it."""
        for said, code, expected in (
            ("This model's maximum context length is 5 tokens", None, "context_length_exceeded"),
            ("Prompt too large for model with 5 maximum context length", 3051,
             "context_length_exceeded"),
            ("string too long", "string_above_max_length", "string_above_max_length"),
            ("The response was filtered", "content_filter", "content_policy_violation"),
            ("Your request was rejected by our safety system", None, "content_policy_violation"),
            ("temperature is wrong", "some_code", "some_code"),
        ):  # fmt: skip
            error = self.refused(400, {"error": {"message": said, "code": code, "param": "p"}})
            self.assertEqual((error.status, error.code, error.param), (400, expected, "p"))
        for body in ({"message": "m"}, {"detail": "m"}, {"error": "m"}):
            self.assertEqual(self.refused(422, body).message, "openai: m")


class AzureAITests(ProviderCase):
    """Other makers' models at Azure."""

    name = "azure_ai"

    def make(self, upstream: Upstream) -> IProvider:
        """See L{ProviderCase}."""
        threads: Any = HeldThreads()
        return AzureAIProvider(upstream, threads)

    def test_targets(self) -> None:
        """A resource is asked at its own paths, a model that was deployed alone as it says."""
        default, dated = "?api-version=2024-05-01-preview", "?api-version=2025-04-01"
        for host, path, version, prefix, query in (
            ("me.services.ai.azure.com", "", None, "/models", default),
            ("me.services.ai.azure.com", "/models", "2025-04-01", "/models", dated),
            ("me.services.ai.azure.com", "/openai/v1", None, "/openai/v1", ""),
            ("me.eastus.models.ai.azure.com", "/v1", None, "/v1", ""),
            ("me.eastus.models.ai.azure.com", "", "2025-04-01", "", dated),
        ):  # fmt: skip
            for task in _TASKS:
                deployment = self.deployment(
                    path=path, api_version=version, origin=Origin("http", host, 80)
                )
                self.ask(deployment, task).addErrback(lambda _: None)
                sent = self.sent()
                self.assertEqual(sent.target, f"{prefix}{task.value}{query}")
                who = {"api-key": KEY} if "services" in host else {"authorization": f"Bearer {KEY}"}
                self.assertEqual({key: sent.fields.get(key) for key in who}, who)
                self.assertEqual("api-key" in sent.fields, "api-key" in who)


class AzureTests(ProviderCase):
    """Azure's paths."""

    name = "azure"
    model = "my gpt"

    def make(self, upstream: Upstream) -> IProvider:
        """See L{ProviderCase}."""
        threads: Any = HeldThreads()
        return AzureProvider(upstream, threads)

    def test_targets(self) -> None:
        """The deployment is in the path, the version in the query."""
        place = "/openai/deployments/my%20gpt"
        for path, version, prefix, query in (
            ("", None, place, "?api-version=2025-02-01-preview"),
            ("/openai", "2024-10-21", place, "?api-version=2024-10-21"),
            ("/behind", "2024-10-21", f"/behind{place}", "?api-version=2024-10-21"),
            ("/openai/v1", None, "/openai/v1", ""),
        ):
            for task in _TASKS:
                deployment = self.deployment(path=path, api_version=version)
                self.ask(deployment, task).addErrback(lambda _: None)
                sent = self.sent()
                self.assertEqual(sent.target, f"{prefix}{task.value}{query}")
                self.assertEqual(sent.fields["api-key"], KEY)
                self.assertNotIn("authorization", sent.fields)

    def test_responses(self) -> None:
        """The deployment is in the body there, and the API is newer."""
        for path, version, target in (
            ("", None, "/openai/responses%s?api-version=2025-04-01-preview"),
            ("/behind/openai", "2026-01-01", "/behind/openai/responses%s?api-version=2026-01-01"),
            ("/openai/v1", None, "/openai/v1/responses%s"),
        ):
            deployment = self.deployment(path=path, api_version=version)
            self.ask(deployment, Task.RESPONSES).addErrback(lambda _: None)
            self.assertEqual(self.sent().target, target % "")
            ask = KeptAsk(b"DELETE", "resp_1", "", b"a=b")
            asking = Deferred.fromCoroutine(self.provider.ask_kept(deployment, ask))
            asking.addErrback(lambda _: None)
            more = "&a=b" if "?" in target else "?a=b"
            line = bytes(self.upstream.connections[-1].sent).partition(b"\r\n")[0].decode()
            self.assertEqual(line, f"DELETE {target % '/resp_1'}{more} HTTP/1.1")

    def test_answer_untouched(self) -> None:
        """What comes back is passed on as it came."""
        asking = self.ask()
        self.respond(response(b'{ "odd":1.50 }'))
        self.assertEqual(self.successResultOf(asking).body, b'{ "odd":1.50 }')

    def test_transcription(self) -> None:
        """A sound is sent as a form."""
        file = io.BytesIO(b"sound")
        upload = Upload("file", file, "a.wav", "audio/wav", 5)
        call = FormCall(Task.TRANSCRIPTION, "m", (("language", "en"),), (upload,))
        asking = Deferred.fromCoroutine(self.provider.call_form(self.deployment(), call))
        self.clock.advance(1)
        head, _, _ = bytes(self.upstream.connections[-1].sent).partition(b"\r\n\r\n")
        place = "/openai/deployments/my%20gpt/audio/transcriptions"
        self.assertIn(f"POST {place}?api-version=".encode(), head)
        self.assertIn(b"multipart/form-data", head)
        asking.addErrback(lambda _: None)
        asking.cancel()

    def test_content_filter(self) -> None:
        """What Azure's filter refuses is known as such."""
        body = {"error": {"code": "content_filter", "message": "The response was filtered"}}
        error = self.refused(400, body)
        self.assertEqual(error.code, "content_policy_violation")
        asking = self.ask()
        self.respond(response(json.dumps(body).encode(), 429, Retry_After="3"))
        self.assertEqual(self.failureResultOf(asking, GatewayError).value.retry_after, 3)
