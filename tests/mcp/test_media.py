"""Pictures that a provider keeps itself, and what cannot be kept."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from tests.support.threads import HeldThreads
from twisted_aigate.http_client.guarded import FetchFailed
from twisted_aigate.interfaces import ToolCaller, ToolError
from twisted_aigate.mcp.own.media import Media
from twisted_aigate.toolbox import Toolbox


class FakePosts:
    """
    A gateway.

    @ivar answer: What it answers: status, body, and whether all of it comes.
    """

    def __init__(self) -> None:
        self.answer: tuple[int, bytes, bool] = (200, b"{}", True)

    def post(
        self, target: bytes, fields: Any, client: str, body: Any, begin: Any, consumer: Any
    ) -> Deferred[bool]:
        status, answer, whole = self.answer
        begin(status, ())
        consumer.write(answer)
        return succeed(whole)


class FakeFetch:
    """What is at every URL."""

    def __init__(self) -> None:
        self.data: bytes | Exception = b"\xff\xd8\xff jpeg"

    async def fetch(self, url: str, most: int, timeout: float) -> bytes:
        if isinstance(self.data, Exception):
            raise self.data
        return self.data


class FakeUploads:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.kept: list[tuple[bytes, str]] = []

    async def keep(self, data: bytes, name: str, content_type: str, base_url: str) -> str:
        self.kept.append((data, content_type))
        return f"{base_url}/{name}"


class Context:
    """A call."""

    caller = ToolCaller("someone", b"sk-x")
    session = None
    base_url = "http://here"

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        pass


class MediaTests(SynchronousTestCase):
    """Media."""

    def setUp(self) -> None:
        self.posts, self.fetch, self.uploads = FakePosts(), FakeFetch(), FakeUploads()
        self.tools = Toolbox()
        fakes: Any = (self.posts, self.uploads, self.fetch, HeldThreads())
        Media(*fakes, "painter", None).add_to(self.tools)

    def image(self) -> Deferred[Any]:
        calling = self.tools.call("generate_image", {"prompt": "a cat"}, Context())
        return Deferred.fromCoroutine(calling)

    def answer(self, *pictures: dict[str, str]) -> None:
        self.posts.answer = (200, json.dumps({"data": pictures}).encode(), True)

    def refused(self) -> str:
        return str(self.failureResultOf(self.image(), ToolError).value.message)

    def test_a_picture_elsewhere_is_fetched_and_kept(self) -> None:
        """Its provider forgets it soon."""
        self.answer({"url": "https://provider.example/p"})
        (url,) = self.successResultOf(self.image()).structured["urls"]
        self.assertRegex(url, r"\Ahttp://here/generated/[0-9a-f]{32}\.jpg\Z")
        self.assertEqual(self.uploads.kept, [(b"\xff\xd8\xff jpeg", "image/jpeg")])

    def test_a_picture_that_cannot_be_fetched(self) -> None:
        """Why is told."""
        self.answer({"url": "http://127.0.0.1/"})
        self.fetch.data = FetchFailed("the host '127.0.0.1' has no public address")
        self.assertIn("no public address", self.refused())

    def test_answers_that_are_none(self) -> None:
        """No picture, no JSON, no base64, not whole."""
        self.answer()
        self.assertIn("no picture", self.refused())
        self.answer({"b64_json": "a"})
        self.assertIn("no picture", self.refused())
        self.posts.answer = (200, b"nonsense", True)
        self.assertIn("no picture", self.refused())
        self.posts.answer = (200, b"{", False)
        self.assertIn("cut off", self.refused())
        self.posts.answer = (502, b"nonsense", True)
        self.assertIn("502", self.refused())

    def test_a_model_must_be_named_when_none_is_configured(self) -> None:
        """The variable is told."""
        calling = Deferred.fromCoroutine(
            self.tools.call("generate_tts", {"text": "Hello."}, Context())
        )
        message = self.failureResultOf(calling, ToolError).value.message
        self.assertIn("MCP_TTS_MODEL", message)
