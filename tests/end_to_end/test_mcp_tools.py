"""C{mcp_tools}: pictures and speech of a provider's models, and a SearXNG, all on loopback."""

from __future__ import annotations

import base64
import json
import urllib.request
from typing import Any
from unittest import TestCase
from urllib.parse import parse_qs, urlsplit

from tests.end_to_end.mcp_client import Job, use_tools
from tests.end_to_end.server import MASTER_KEY, Server
from tests.support.loopback import Handler, LoopbackServer

_PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
_SOUND = b"ID3\x03" + bytes(5000)
_PROVIDER_KEY = "sk-provider-0123456789"
_CONFIG = """
model_list:
  - model_name: painter
    litellm_params: {{model: openai/paint-1, api_base: "{base}/v1", api_key: {key}}}
  - model_name: speaker
    litellm_params: {{model: openai/speak-1, api_base: "{base}/v1", api_key: {key}}}
"""


class _Others(LoopbackServer):
    """
    A provider of pictures and speech, and a SearXNG; each checks what it is sent.

    @ivar asked: What they were asked.
    """

    def __init__(self) -> None:
        self.asked: list[Any] = []
        super().__init__(_Handler)


class _Handler(Handler):
    owner: _Others

    def do_POST(self) -> None:
        body = json.loads(self.body())
        self.owner.asked.append(body)
        if self.headers["Authorization"] != f"Bearer {_PROVIDER_KEY}":
            self.send_json(401, {})
        elif self.path == "/v1/images/generations" and body["model"] == "paint-1":
            picture = {"b64_json": base64.b64encode(_PNG).decode()}
            self.send_json(200, {"created": 1, "data": [picture] * body["n"]})
        elif self.path == "/v1/audio/speech" and body["model"] == "speak-1":
            self.send(200, _SOUND, "audio/mpeg")
        else:
            self.send_json(400, {"error": {"message": "the provider refuses"}})

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path != "/searx/search" or query["format"] != "json":
            self.send(403, b"forbidden")
            return
        self.owner.asked.append(query)
        found = [
            {"title": f"T{n}", "url": f"http://t/{n}", "content": "c", "engine": "e", "score": 1.5}
            for n in range(30)
        ]
        self.send_json(200, {"query": query["q"], "results": found})


class McpToolsTests(TestCase):
    """By the official client."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.others = _Others()
        cls.addClassCleanup(cls.others.stop)
        base = cls.others.url
        cls.server = Server(
            _CONFIG.format(base=base, key=_PROVIDER_KEY),
            HYBRIDS3_UPLOADS_KEY="uploads-key-0123456789",
            MCP_IMAGE_MODEL="painter",
            MCP_TTS_MODEL="speaker",
            SEARXNG_URL=f"{base}/searx",
        )
        cls.addClassCleanup(cls.server.stop)
        cls.server.wait_until_up()

    def setUp(self) -> None:
        self.others.asked.clear()

    def use(self, *calls: tuple[str, dict[str, Any]], key: str = MASTER_KEY) -> list[Any]:
        named = tuple((f"mcp_tools-{name}", arguments) for name, arguments in calls)
        (done,) = use_tools(Job(f"{self.server.url}/mcp/", key, named))
        self.assertIsNone(done.error)
        return done.calls

    def fetched(self, url: str) -> tuple[str, bytes]:
        """What is at a URL, without any key."""
        self.assertTrue(url.startswith(f"{self.server.url}/storage/uploads/generated/"), url)
        with urllib.request.urlopen(url, timeout=30) as response:
            return response.headers["Content-Type"], response.read()

    def test_pictures(self) -> None:
        """Kept in C{uploads}; the answer has their URLs and nothing of them."""
        (made,) = self.use(("generate_image", {"prompt": "a cat", "n": 2, "size": "64x64"}))
        first, second = made.structured["urls"]
        self.assertNotEqual(first, second)
        self.assertEqual(self.fetched(first), ("image/png", _PNG))
        self.assertLess(len(json.dumps(made.result)), 1000)
        (asked,) = self.others.asked
        self.assertEqual((asked["prompt"], asked["n"], asked["size"]), ("a cat", 2, "64x64"))

    def test_speech(self) -> None:
        """The same."""
        (made,) = self.use(("generate_tts", {"text": "Hello.", "voice": "alloy"}))
        self.assertEqual(self.fetched(made.structured["url"]), ("audio/mpeg", _SOUND))
        self.assertEqual(made.structured["size"], len(_SOUND))
        (asked,) = self.others.asked
        self.assertEqual((asked["input"], asked["voice"]), ("Hello.", "alloy"))

    def test_search(self) -> None:
        """As many results as are wanted."""
        asked = {"query": "käse & brot", "count": 3, "language": "de", "time_range": "year"}
        (found,) = self.use(("search_web", asked))
        self.assertEqual(
            found.structured["results"][2], {"title": "T2", "url": "http://t/2", "content": "c"}
        )
        self.assertEqual(len(found.structured["results"]), 3)
        (query,) = self.others.asked
        self.assertEqual((query["q"], query["language"]), ("käse & brot", "de"))

    def test_what_goes_wrong_is_told(self) -> None:
        """By the gateway, and by ourselves."""
        unknown, refused = self.use(
            ("generate_image", {"prompt": "a cat", "model": "no-such-model"}),
            ("generate_tts", {"text": "x", "model": "painter"}),
        )
        self.assertTrue(unknown.result["isError"])
        self.assertIn("no-such-model", unknown.text)
        self.assertTrue(refused.result["isError"])
        self.assertIn("the provider refuses", refused.text)

    def test_a_virtual_key_s_limits_hold(self) -> None:
        """It may not use a model that is not its own."""
        request = urllib.request.Request(
            f"{self.server.url}/key/generate",
            json.dumps({"models": ["speaker"], "allowed_mcp_servers": ["mcp_tools"]}).encode(),
            {"Authorization": f"Bearer {MASTER_KEY}"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            key = json.load(response)["key"]
        painted, said = self.use(
            ("generate_image", {"prompt": "a cat"}), ("generate_tts", {"text": "x"}), key=key
        )
        self.assertTrue(painted.result["isError"])
        self.assertIn("may not use the model", painted.text)
        self.assertFalse(said.result.get("isError"))
