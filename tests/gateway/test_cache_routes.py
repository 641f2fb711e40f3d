"""The cache over HTTP, in memory."""

from __future__ import annotations

import msgspec

from tests.gateway.routes_case import AUTHORIZED, MESSAGES_KEY, RoutesCase
from twisted_aigate.gateway.calls import Call

_CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
_CACHED = {**_CHAT, "cache": {"use-cache": True}}
_KEY = "x-litellm-cache-key"


class CacheRoutesTests(RoutesCase):
    def key_of(self, body: object = _CACHED, **headers: str) -> str | None:
        response, _ = self.post("/chat/completions", body, headers={**AUTHORIZED, **headers})
        found = response.headers.getRawHeaders(_KEY)
        return found[0] if found else None

    def test_what_is_said_of_the_cache_does_not_travel_on(self) -> None:
        self.key_of()
        call = self.provider.calls[0][1]
        assert isinstance(call, Call)
        self.assertEqual(msgspec.json.decode(call.body_for("m")), _CHAT)

    def test_the_header_is_for_the_cache_too(self) -> None:
        self.assertIsNone(self.key_of(**{"Cache-Control": "no-store"}))
        self.assertIsNone(self.key_of())
        self.assertIsNotNone(self.key_of())
        self.assertIsNone(self.key_of(**{"Cache-Control": "no-cache"}))

    def test_a_wrong_field_is_named(self) -> None:
        response, body = self.post("/chat/completions", {**_CHAT, "cache": {"ttl": "long"}})
        self.assertEqual((response.code, body["error"]["param"]), (400, "cache.ttl"))

    def test_deleting(self) -> None:
        self.key_of()
        key = self.key_of()
        _, body = self.post("/cache/delete", {"keys": [key, "unknown"]})
        self.assertEqual(body, {"status": "success", "deleted": 1})
        self.assertIsNone(self.key_of())

    def test_clearing(self) -> None:
        self.key_of()
        _, body = self.post("/cache/flushall", {})
        self.assertEqual(body, {"status": "success"})
        self.assertIsNone(self.key_of())

    def test_ping(self) -> None:
        _, body = self.request("GET", "/cache/ping")
        self.assertEqual(body, {"status": "healthy", "cache_type": "local", "ping_response": True})

    def test_only_for_the_master_key(self) -> None:
        for key in (MESSAGES_KEY, "sk-wrong"):
            headers = {"Authorization": f"Bearer {key}"}
            for method, path in (("GET", "/cache/ping"), ("POST", "/cache/flushall")):
                response, _ = self.request(method, path, headers=headers)
                self.assertEqual(response.code, 401)

    def test_readiness_tells_of_it(self) -> None:
        _, body = self.request("GET", "/health/readiness", headers={})
        self.assertEqual((body["cache"], body["cache_up"]), ("local", True))
