"""Images that are fetched for the Gemini API."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.chats.media import DataURL
from twisted_aigate.gateway.providers.gemini import images
from twisted_aigate.gateway.providers.gemini.images import fetched_images
from twisted_aigate.http_client.guarded import FetchFailed
from twisted_aigate.http_client.messages import Fields

_IMAGE = b"\x89PNG\r\n\x1a\n"


class _Web:
    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    async def fetch(self, url: str, most: int, timeout: float, fields: Fields = ()) -> bytes:
        """Every address has the same image."""
        self.asked.append((url, most))
        if len(_IMAGE) > most:
            raise FetchFailed("it is too large")
        return _IMAGE


class FetchedImagesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.web = _Web()
        self.patch(images, "_LARGEST", 10)
        self.patch(images, "_MOST", 20)

    def fetch(self, *urls: str) -> Deferred[dict[str, DataURL]]:
        """Fetch images."""
        return Deferred.fromCoroutine(fetched_images(urls, self.web))

    def test_each_is_fetched_once(self) -> None:
        found: Any = self.successResultOf(self.fetch("a", "b", "a"))
        self.assertEqual(list(found), ["a", "b"])
        self.assertEqual(self.web.asked, [("a", 10), ("b", 10)])

    def test_all_of_them_have_a_limit(self) -> None:
        failed = self.failureResultOf(self.fetch("a", "b", "c", "d"), GatewayError)
        self.assertEqual((failed.value.status, failed.value.param), (400, "messages"))
        self.assertEqual(self.web.asked, [("a", 10), ("b", 10), ("c", 4)])
        self.patch(images, "_MOST", 16)
        self.failureResultOf(self.fetch("e", "f", "g"), GatewayError)
        self.assertEqual(self.web.asked[3:], [("e", 10), ("f", 8)])
