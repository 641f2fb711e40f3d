"""Tries, waits, cooldowns and limits of a real server, in front of a provider that fails."""

from __future__ import annotations

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.failing import FailingProvider, answer_of
from tests.end_to_end.server import MASTER_KEY, Server
from tests.support.ports import free_port
from tests.support.waiting import eventually

_RETRIED = (
    "reset", "closed", "no-http", "silent", "status-408", "status-409", "status-429", "status-500",
    "status-502", "status-503", "status-529", "reset-after-head", "malformed-after-head",
    "stalled-after-head",
)  # fmt: skip
_RETRIED_STREAMS = (*_RETRIED, "error-event", "empty")
_RETRIED_ANSWERS = (*_RETRIED, "reset-after-first", "stalled-after-first")
_HELD = "waits-to-see-who-leaves"


def _entry(name: str, model: str, base: str, **params: Any) -> dict[str, Any]:
    known = {"model": f"openai/{model}", "api_base": base, "api_key": "sk-upstream", **params}
    return {"model_name": name, "litellm_params": known}


def _timeout(name: str) -> float:
    return 0.5 if name in ("silent", "stalled-after-head", "stalled-after-first") else 20


def _tried_again() -> list[tuple[str, str, bool]]:
    """Models that fail once, how they do, and whether as a stream."""
    return [(f"once-{name}", name, False) for name in _RETRIED_ANSWERS] + [
        (f"once-{name}@stream", name, True) for name in _RETRIED_STREAMS
    ]


def _config(base: str) -> str:
    entries = [
        _entry(model, model, base, timeout=_timeout(name)) for model, name, _ in _tried_again()
    ]
    nowhere = f"http://127.0.0.1:{free_port()}/v1"
    entries += [
        _entry("half-down", "good", nowhere),
        _entry("half-down", "good", base),
        _entry("half-refused", "status-401", base),
        _entry("half-refused", "good", base),
        _entry("down", "status-500", base),
        _entry("wrong", "status-400", base),
        _entry("one-at-a-time", _HELD, base, max_parallel_requests=1),
        _entry("two-a-minute", "good", base, rpm=2),
    ]
    # A model that has somewhere else to go is left alone when it fails too often.
    router = {"fallbacks": [{"down": ["not-there"]}]}
    return json.dumps({"model_list": entries, "router_settings": router})


class RetryTests(SynchronousTestCase):
    """With the defaults of the policy."""

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

    def setUp(self) -> None:
        self.provider.clear()

    def begin(self, model: str, stream: bool = False) -> http.client.HTTPConnection:
        """A request on its way."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        self.addCleanup(connection.close)
        fields = {"Authorization": f"Bearer {MASTER_KEY}", "Content-Type": "application/json"}
        messages = [{"role": "user", "content": "Hello"}]
        body = json.dumps({"model": model, "messages": messages, "stream": stream})
        connection.request("POST", "/v1/chat/completions", body, fields)
        return connection

    def post(self, model: str, stream: bool = False) -> tuple[int, http.client.HTTPMessage, str]:
        """A response."""
        response = self.begin(model, stream).getresponse()
        return response.status, response.headers, response.read().decode()

    def test_tried_again(self) -> None:
        """One failure of each kind is not seen by the caller."""
        cases = _tried_again()
        with ThreadPoolExecutor(len(cases)) as pool:
            answers = pool.map(lambda case: self.post(case[0], case[2]), cases)
        for (model, name, _), (status, fields, body) in zip(cases, answers, strict=True):
            with self.subTest(model):
                self.assertEqual((status, fields["x-litellm-attempted-retries"]), (200, "1"), body)
                self.assertIn(answer_of(model)[:6], body)
                first, second = (at for asked, at in self.provider.asked if asked == model)
                # What the provider asked for, or the least of our own.
                self.assertGreaterEqual(second - first, 1 if name == "status-429" else 0.375)

    def test_never_tried_again(self) -> None:
        """A call that is wrong."""
        status, _, _ = self.post("wrong")
        self.assertEqual((status, self.provider.models()), (400, ["status-400"]))

    def test_the_other_deployment(self) -> None:
        """With one of two down, or its key refused, every call is answered."""
        for model in ("half-down", "half-refused"):
            for _ in range(20):
                status, fields, _ = self.post(model)
                self.assertEqual((status, fields["x-litellm-attempted-fallbacks"]), (200, "0"))

    def test_cooldown(self) -> None:
        """Four tries, then the deployment is left alone, and callers are told how long."""
        status, _, body = self.post("down")
        self.assertEqual((status, len(self.provider.asked)), (500, 4), body)
        status, fields, body = self.post("down")
        self.assertEqual((status, json.loads(body)["error"]["code"]),
                         (429, "no_deployment_available"))  # fmt: skip
        self.assertIn(int(fields["Retry-After"]), range(1, 6))
        self.assertEqual(len(self.provider.asked), 4)

    def test_calls_a_minute(self) -> None:
        """No more than the limit in a minute, of which five calls see two at most."""
        statuses = [self.post("two-a-minute")[0] for _ in range(5)]
        self.assertEqual(statuses[:2], [200, 200])
        self.assertIn(429, statuses)

    def test_caller_leaves(self) -> None:
        """The provider sees it, and the deployment has room again."""
        held = self.begin("one-at-a-time")
        eventually(lambda: self.provider.models() == [_HELD], "it is not asked")
        self.assertEqual(self.post("one-at-a-time")[0], 429)
        for _ in range(3):
            held.close()
            asked = len(self.provider.asked)
            eventually(
                lambda: len(self.provider.gone) == len(self.provider.asked), "it sees it not"
            )
            held = self.begin("one-at-a-time")
            eventually(lambda n=asked: len(self.provider.asked) == n + 1, "there is no room")
        self.assertEqual(self.provider.models(), [_HELD] * 4)
