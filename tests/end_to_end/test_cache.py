"""The cache, with the openai and anthropic clients in front of a provider that counts its calls."""

from __future__ import annotations

import json
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import anthropic
import openai
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.provider import FakeProvider, config
from tests.end_to_end.server import MASTER_KEY, Server
from tests.support.redis import RedisServer

_HELLO = [{"role": "user", "content": "Hello"}]
_KEY = "x-litellm-cache-key"


class CacheCase(SynchronousTestCase):
    """A client of a server whose cache is on, and a provider that counts."""

    provider: FakeProvider
    server: Server

    def setUp(self) -> None:
        self.provider.requests.clear()
        self.client = self.client_of(self.server)

    def client_of(self, server: Server) -> openai.OpenAI:
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=MASTER_KEY, max_retries=0)
        self.addCleanup(client.close)
        return client

    def chat(self, client: openai.OpenAI | None = None, **fields: Any) -> tuple[str, bool]:
        """What the model says, and whether it was kept."""
        asked: dict[str, Any] = {"model": "plain", "messages": _HELLO, "user": self.id(), **fields}
        # A test finds nothing of another's.
        asked.setdefault("seed", hash(self.id()) % 2**30)
        chats = (client or self.client).chat.completions
        response = chats.with_raw_response.create(**asked)
        answer = response.parse()
        if asked.get("stream"):
            said = "".join(chunk.choices[0].delta.content or "" for chunk in answer)
        else:
            said = answer.choices[0].message.content
        return said, _KEY in response.headers

    def count(self) -> int:
        """How many calls the provider got."""
        return len(self.provider.requests)


class MemoryTests(CacheCase):
    """In one process."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.provider = FakeProvider()
        cls.server = Server(
            config(cls.provider.base, "plain", "slow", "breaks", "status-400"), CACHE="on"
        ).wait_until_up()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()
        cls.provider.stop()

    def test_a_chat(self) -> None:
        expected = "From the fake provider."
        self.assertEqual(self.chat(), (expected, False))
        self.assertEqual(self.chat(), (expected, True))
        self.assertEqual(self.count(), 1)
        self.assertNotIn("cache", self.provider.requests[0][2])

    def test_a_stream(self) -> None:
        self.assertEqual(self.chat(stream=True), ("0 1 2 3 4 ", False))
        self.assertEqual(self.chat(stream=True), ("0 1 2 3 4 ", True))
        self.assertEqual(self.chat(), ("From the fake provider.", False))
        self.assertEqual(self.count(), 2)

    def test_embeddings(self) -> None:
        for _ in range(2):
            answer = self.client.embeddings.create(model="plain", input="Hello")
            self.assertEqual(answer.data[0].embedding, [0.25, -0.5])
        self.assertEqual(self.count(), 1)

    def test_messages(self) -> None:
        client = anthropic.Anthropic(base_url=self.server.url, api_key=MASTER_KEY, max_retries=0)
        self.addCleanup(client.close)
        asked: dict[str, Any] = {"model": "plain", "max_tokens": 9, "messages": _HELLO}
        for _ in range(2):
            self.assertEqual(
                client.messages.create(**asked).content[0].text, "From the fake provider."
            )
            with client.messages.stream(**asked) as stream:
                self.assertEqual("".join(stream.text_stream), "0 1 2 3 4 ")
        self.assertEqual(self.count(), 2)

    def test_what_a_request_asks(self) -> None:
        def cached(**fields: Any) -> bool:
            return self.chat(extra_body={"cache": fields})[1]

        self.assertFalse(cached(**{"no-store": True}))
        self.assertFalse(cached(ttl=600))
        self.assertTrue(cached())
        self.assertFalse(cached(**{"no-cache": True}))
        self.assertFalse(cached(namespace="another"))
        self.assertTrue(cached(namespace="another"))
        self.assertFalse(self.chat(extra_headers={"Cache-Control": "no-cache"})[1])

    def test_it_does_not_last(self) -> None:
        brief = {"extra_body": {"cache": {"ttl": 0.05}}}
        self.chat(**brief)
        time.sleep(0.1)
        self.assertFalse(self.chat(**brief)[1])

    def test_errors_are_asked_again(self) -> None:
        for _ in range(2):
            with self.assertRaises(openai.BadRequestError):
                self.chat(model="status-400")
            with self.assertRaises(openai.APIError):
                self.chat(model="breaks", stream=True)
        self.assertEqual(self.count(), 4)

    def test_fifty_at_once_are_one_call(self) -> None:
        for number, model in enumerate(("plain", "slow"), 1):
            ask = partial(self.chat, model=model, stream=model == "slow")
            with ThreadPoolExecutor(50) as pool:
                asked = [pool.submit(ask) for _ in range(50)]
            self.assertEqual(len({each.result()[0] for each in asked}), 1)
            self.assertEqual(self.count(), number)

    def test_operators_can_empty_it(self) -> None:
        self.chat()
        self.assertEqual(self.ask("POST", "/cache/flushall")["status"], "success")
        self.assertFalse(self.chat()[1])
        self.assertEqual(self.ask("GET", "/cache/ping")["cache_type"], "local")

    def ask(self, method: str, path: str) -> Any:
        request = urllib.request.Request(
            self.server.url + path,
            data=b"{}" if method == "POST" else None,
            method=method,
            headers={"Authorization": f"Bearer {MASTER_KEY}"},
        )
        with urllib.request.urlopen(request) as response:
            return json.load(response)


class RedisTests(CacheCase):
    """Two processes that share a Redis, which ends and comes back."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.redis = RedisServer()
        cls.provider = FakeProvider()
        models = config(cls.provider.base, "plain")
        variables = {"CACHE": "on", "REDIS_URL": cls.redis.url}
        cls.server, cls.other = [Server(models, **variables).wait_until_up() for _ in range(2)]

    @classmethod
    def tearDownClass(cls) -> None:
        for server in (cls.server, cls.other):
            server.stop()
        cls.provider.stop()
        cls.redis.close()

    def readiness(self) -> tuple[str, bool]:
        with urllib.request.urlopen(f"{self.server.url}/health/readiness") as response:
            said = json.load(response)
        return said["cache"], said["cache_up"]

    def test_what_one_was_answered_the_other_knows(self) -> None:
        for stream in (False, True):
            first = self.chat(stream=stream)
            again = self.chat(self.client_of(self.other), stream=stream)
            self.assertEqual((first[1], again), (False, (first[0], True)))
        self.assertEqual(self.count(), 2)

    def test_down(self) -> None:
        """Calls are answered, by the provider; and kept again when it is up again."""
        self.assertEqual(self.readiness(), ("redis", True))
        self.redis.kill()
        for _ in range(2):
            self.assertEqual(self.chat(), ("From the fake provider.", False))
        self.assertEqual(self.readiness(), ("redis", False))
        self.redis.start()
        for server in (self.server, self.other):
            server.wait_for_log("is up again")
            self.assertEqual(server.log.count(" is down: "), 1)
        self.assertEqual([self.chat()[1] for _ in range(2)], [False, True])


class OptInTests(CacheCase):
    """What holds where nothing is configured."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.provider = FakeProvider()
        cls.server = Server(config(cls.provider.base, "plain")).wait_until_up()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()
        cls.provider.stop()

    def test_only_who_asks_for_it(self) -> None:
        self.assertEqual([self.chat()[1] for _ in range(2)], [False, False])
        asks = {"extra_body": {"cache": {"use-cache": True}}}
        self.assertEqual([self.chat(**asks)[1] for _ in range(2)], [False, True])
