"""Pictures on their way to storage."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.browser.errors import BrowserError
from twisted_aigate.browser.pictures import PictureToSave
from twisted_aigate.browser.saving import save_pictures
from twisted_aigate.interfaces import ToolError

PICTURE = {"picture": PictureToSave(b"hello")}


class FakeUploads:
    """Keeps what it is given, or refuses it."""

    def __init__(self, *, full: bool = False) -> None:
        self.kept: dict[str, bytes] = {}
        self._full = full

    async def keep(self, data: bytes, name: str, content_type: str, base_url: str) -> str:
        if self._full:
            raise ToolError("It is full.")
        assert content_type == "image/png"
        url = f"{base_url}/{name}"
        self.kept[url] = data
        return url


class SavingTests(SynchronousTestCase):
    def save(self, value: Any, uploads: FakeUploads | None) -> Deferred[Any]:
        return Deferred.fromCoroutine(save_pictures(value, uploads, "http://here"))

    def refused(self, uploads: FakeUploads | None) -> int:
        return int(self.failureResultOf(self.save(PICTURE, uploads), BrowserError).value.status)

    def test_its_url_stands_in_its_place(self) -> None:
        uploads = FakeUploads()
        found = self.successResultOf(self.save(PICTURE, uploads))
        self.assertEqual(uploads.kept, {found["url"]: b"hello"})
        self.assertEqual({**found, "url": ""}, {"url": "", "media_type": "image/png", "size": 5})

    def test_in_scripts_too(self) -> None:
        value = {"steps": [{"data": PICTURE}, {"data": {"text": "x"}}], "outputs": {}}
        found = self.successResultOf(self.save(value, FakeUploads()))
        self.assertIn("url", found["steps"][0]["data"])
        self.assertEqual(found["steps"][1], {"data": {"text": "x"}})

    def test_what_is_not_to_be_saved_stays_as_it_is(self) -> None:
        value = {"image": "aGVsbG8=", "media_type": "image/png"}
        self.assertEqual(self.successResultOf(self.save(value, None)), value)
        value = {"result": {"save": True, "a": [1, None]}}
        self.assertEqual(self.successResultOf(self.save(value, None)), value)

    def test_when_it_cannot_be(self) -> None:
        self.assertEqual(self.refused(None), 409)
        self.assertEqual(self.refused(FakeUploads(full=True)), 502)
