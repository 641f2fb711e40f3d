"""All ways in which a provider can fail, on both APIs, streamed or not, with a fallback or none."""

from __future__ import annotations

import http.client
import json
import re
from typing import Any

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.failing import FailingProvider, answer_of
from tests.end_to_end.server import MASTER_KEY, Server
from tests.support.ports import free_port

_GOOD, _LARGE, _TOLERANT = "good", "large", "tolerant"
_ALONE = "alone-"


@frozen
class Failure:
    """
    How a provider fails, and what comes of it.

    @ivar by: Which model answers in its place; C{None}: it is an error.
    @ivar status: The error's status where no model answers in its place.
    @ivar says: What is in the error's message.
    @ivar streams: Whether it is of streams, of whole answers, or of both.
    """

    by: str | None
    status: int
    says: str
    streams: tuple[bool, ...] = (False, True)


_FAILURES = {
    "refused-connection": Failure(_GOOD, 502, "cannot connect"),
    "reset": Failure(_GOOD, 502, "closed in mid-call"),
    "closed": Failure(_GOOD, 502, "closed in mid-call"),
    "no-http": Failure(_GOOD, 502, "not valid HTTP"),
    "silent": Failure(_GOOD, 504, "did not answer in time"),
    "status-400": Failure(None, 400, "status 400"),
    "status-401": Failure(_GOOD, 401, "refused the key"),
    "status-403": Failure(_GOOD, 403, "refused the key"),
    "status-404": Failure(_GOOD, 404, "status 404"),
    "status-408": Failure(_GOOD, 408, "status 408"),
    "status-409": Failure(_GOOD, 409, "status 409"),
    "status-422": Failure(None, 422, "status 422"),
    "status-429": Failure(_GOOD, 429, "status 429|can take a call now"),
    "status-500": Failure(_GOOD, 500, "status 500"),
    "status-503": Failure(_GOOD, 503, "status 503"),
    "context-window": Failure(_LARGE, 400, "maximum context length"),
    "context-window-text": Failure(_LARGE, 400, "prompt is too long"),
    "content-policy": Failure(_TOLERANT, 400, "against the rules"),
    "reset-after-head": Failure(_GOOD, 502, "closed in mid-call"),
    "malformed-after-head": Failure(_GOOD, 502, "not valid HTTP"),
    "stalled-after-head": Failure(_GOOD, 504, "did not answer in time"),
    "error-event": Failure(_GOOD, 503, "overloaded", (True,)),
    "split-error-event": Failure(_GOOD, 503, "overloaded", (True,)),
    "empty": Failure(_GOOD, 502, "empty", (True,)),
    # A whole answer can be had elsewhere until its last byte.
    "reset-after-first": Failure(_GOOD, 502, "closed in mid-call", (False,)),
    "malformed-after-first": Failure(_GOOD, 502, "not valid HTTP", (False,)),
    "stalled-after-first": Failure(_GOOD, 504, "did not answer in time", (False,)),
}
"""Before the first byte has gone out."""

_BROKEN_STREAMS = {
    "reset-after-first": "closed in mid-call",
    "malformed-after-first": "not valid HTTP",
    "stalled-after-first": "did not answer in time",
    "error-event-after-first": "overloaded",
}
"""After it, with what the error event says."""


_WITHOUT_END = ("silent", "stalled-after-head", "stalled-after-first")


@frozen
class API:
    """An API: its path, and how its requests and answers look."""

    path: str
    messages: bool

    def request(self, model: str, stream: bool) -> bytes:
        """A request."""
        hello = [{"role": "user", "content": "Hello"}]
        fields = {"model": model, "messages": hello, "max_tokens": 50, "stream": stream}
        return json.dumps(fields).encode()

    def text(self, body: bytes, stream: bool) -> str:
        """What an answer says."""
        if stream:
            return "".join(_piece(event) for event in _events(body))
        answer = json.loads(body)
        if self.messages:
            return str(answer["content"][0]["text"])
        return str(answer["choices"][0]["message"]["content"])

    def error(self, body: bytes) -> dict[str, Any]:
        """The error of a response."""
        value: dict[str, Any] = json.loads(body)
        assert not self.messages or value["type"] == "error", value
        error: dict[str, Any] = value["error"]
        return error


def _piece(event: Any) -> str:
    delta = event["choices"][0]["delta"] if event.get("choices") else event.get("delta", {})
    return str(delta.get("content") or delta.get("text") or "")


def _events(body: bytes) -> list[Any]:
    lines = [line for line in body.split(b"\n") if line.startswith(b"data:")]
    return [json.loads(line[5:]) for line in lines if b"[DONE]" not in line]


_APIS = (API("/v1/chat/completions", False), API("/v1/messages", True))


def _config(base: str) -> str:
    """Each model twice: with a fallback and without."""
    models, fallbacks = [], []
    for name in {**_FAILURES, **_BROKEN_STREAMS, "slow": None}:
        where = f"http://127.0.0.1:{free_port()}" if name == "refused-connection" else base
        for model_name in (name, _ALONE + name):
            models.append((model_name, name, where))
        fallbacks.append({name: ["no-such-model", _GOOD]})
    models += [(name, name, base) for name in (_GOOD, _LARGE, _TOLERANT)]
    special = [_LARGE], [_TOLERANT]
    large, tolerant = ([{name: each} for name in _FAILURES] for each in special)
    entries = [
        {
            "model_name": model_name,
            "litellm_params": {
                "model": f"openai/{model}",
                "api_base": where,
                "api_key": "sk-upstream",
                "timeout": 0.5 if model in _WITHOUT_END else 20,
            },
        }
        for model_name, model, where in models
    ]
    settings = {
        "num_retries": 0,
        "cooldown_time": 0,
        "fallbacks": fallbacks,
        "context_window_fallbacks": large,
        "content_policy_fallbacks": tolerant,
    }
    # JSON is YAML.
    return json.dumps({"model_list": entries, "router_settings": settings})


class FallbackMatrixTests(SynchronousTestCase):
    """Failure by failure."""

    provider: FailingProvider
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.provider = FailingProvider()
        cls.server = Server(_config(cls.provider.base)).wait_until_up()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()
        cls.provider.stop()

    def post(
        self, api: API, model: str, stream: bool
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """A response, whole."""
        self.provider.clear()
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        fields = {"Authorization": f"Bearer {MASTER_KEY}", "Content-Type": "application/json"}
        try:
            connection.request("POST", api.path, api.request(model, stream), fields)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def test_with_a_fallback(self) -> None:
        """Another model answers, as if nothing had been; a call that is wrong stays wrong."""
        for name, failure in _FAILURES.items():
            for api in _APIS:
                for stream in failure.streams:
                    with self.subTest((name, api.path, stream)):
                        status, fields, body = self.post(api, name, stream)
                        if failure.by is None:
                            self.assertEqual(status, failure.status)
                            self.assertEqual(self.provider.models(), [name])
                            continue
                        self.assertEqual((status, api.text(body, stream)),
                                         (200, answer_of(failure.by)))  # fmt: skip
                        self.assertEqual(fields["x-litellm-attempted-fallbacks"], "1")
                        self.assertEqual(fields["x-litellm-attempted-retries"], "0")
                        self.assertNotIn(b'"error"', body)
                        self.assertEqual(self.provider.models()[-1], failure.by)

    def test_without_a_fallback(self) -> None:
        """The provider's error, with its status."""
        for name, failure in _FAILURES.items():
            for api in _APIS:
                for stream in failure.streams:
                    with self.subTest((name, api.path, stream)):
                        status, fields, body = self.post(api, _ALONE + name, stream)
                        self.assertEqual(status, failure.status, body)
                        self.assertEqual(fields["Content-Type"], "application/json")
                        self.assertRegex(api.error(body)["message"], failure.says)
                        self.assertLessEqual(len(self.provider.asked), 1)
                        if status == 429:
                            self.assertEqual(fields["Retry-After"], "1")
                        if name == "context-window" and not api.messages:
                            self.assertEqual(api.error(body)["code"], "context_length_exceeded")

    def test_after_the_first_byte(self) -> None:
        """What has gone out stands; an event says what happened, and no other model is asked."""
        for name, says in _BROKEN_STREAMS.items():
            for api in _APIS:
                for model in (name, _ALONE + name):
                    with self.subTest((name, api.path)):
                        status, fields, body = self.post(api, model, True)
                        self.assertEqual((status, fields["x-litellm-attempted-fallbacks"]),
                                         (200, "0"))  # fmt: skip
                        self.assertEqual(api.text(body, True), answer_of(name)[:6])
                        self.assertEqual(self.provider.models(), [name])
                        errors = [event for event in _events(body) if "error" in event]
                        self.assertEqual(len(errors), 1, body)
                        self.assertIn(says, errors[0]["error"]["message"])
                        if api.messages:
                            self.assertTrue(re.search(rb"event: error\ndata: [^\n]+\n\n$", body))

    def test_slow(self) -> None:
        """Byte by byte is no failure."""
        for api in _APIS:
            for stream in (False, True):
                with self.subTest((api.path, stream)):
                    status, _, body = self.post(api, "slow", stream)
                    self.assertEqual((status, api.text(body, stream)), (200, answer_of("slow")))
                    self.assertEqual(self.provider.models(), ["slow"])
