"""Images, carried and linked."""

from __future__ import annotations

from base64 import b64encode

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.claudebox.openai.pictures import GIF, JPEG, PNG, WEBP, Fetcher, data_url
from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.openai import images
from twisted_aigate.claudebox.openai.images import (
    CarriedImage,
    LinkedImage,
    extension,
    image_content,
    parse_image,
)
from twisted_aigate.http_client.guarded import FetchFailed


class ParseTests(SynchronousTestCase):
    def test_images(self) -> None:
        for url, expected in (
            (data_url(PNG), CarriedImage(PNG)),
            (data_url(JPEG, "image/jpeg"), CarriedImage(JPEG)),
            (data_url(JPEG, "image/jpg"), CarriedImage(JPEG)),
            (data_url(GIF, "IMAGE/GIF"), CarriedImage(GIF)),
            (data_url(WEBP, "image/webp;name=a.webp"), CarriedImage(WEBP)),
            ("DATA:" + data_url(PNG)[5:], CarriedImage(PNG)),
            # What it is told to be is not always what it is.
            (data_url(JPEG, "image/png"), CarriedImage(JPEG)),
            ("https://images.test/a.png?b", LinkedImage("https://images.test/a.png?b")),
            ("HTTP://images.test/", LinkedImage("HTTP://images.test/")),
        ):
            with self.subTest(url):
                self.assertEqual(parse_image(url), expected)

    def test_refusals(self) -> None:
        encoded = b64encode(PNG).decode()
        for url, reason in (
            ("", "must be a data URL"),
            ("/etc/passwd", "must be a data URL"),
            ("file:///etc/passwd", "must be a data URL"),
            (encoded, "must be a data URL"),
            ("data:", "must begin as"),
            (f"data:image/png,{encoded}", "must begin as"),
            (f"data:;base64,{encoded}", "must begin as"),
            (data_url(PNG, "image/svg+xml"), "must begin as"),
            (data_url(PNG, "image/png2"), "must begin as"),
            (data_url(PNG, "text/html"), "must begin as"),
            ("data:image/png;base64,", "is no PNG"),
            (data_url(b"<svg/>"), "is no PNG"),
            (f"data:image/png;base64,{encoded}\n", "base64 is not valid"),
            (f"data:image/png;base64, {encoded}", "base64 is not valid"),
            (f"data:image/png;base64,{encoded}AAAA", "base64 is not valid"),
            ("data:image/png;base64,iVBORw0KGgo", "base64 is not valid"),
            ("data:image/png;base64,iVBORw0KGgo*", "base64 is not valid"),
            ("data:image/png;base64,é", "base64 is not valid"),
        ):
            with self.subTest(url):
                error = self.assertRaises(ClaudeboxError, parse_image, url)
                self.assertEqual(error.status, 400)
                self.assertIn(reason, error.detail)

    def test_the_largest(self) -> None:
        for surplus in range(3):
            self.patch(images, "LARGEST_IMAGE", len(PNG) + surplus)
            self.assertEqual(parse_image(data_url(PNG)), CarriedImage(PNG))
        for missing in range(1, 5):
            self.patch(images, "LARGEST_IMAGE", len(PNG) - missing)
            error = self.assertRaises(ClaudeboxError, parse_image, data_url(PNG))
            self.assertIn("more than", error.detail)

    def test_what_is_too_large_is_not_decoded(self) -> None:
        self.patch(images, "LARGEST_IMAGE", 100)
        error = self.assertRaises(ClaudeboxError, parse_image, "data:image/png;base64," + "*" * 200)
        self.assertIn("more than", error.detail)

    def test_a_long_url_is_not_repeated(self) -> None:
        error = self.assertRaises(ClaudeboxError, parse_image, data_url(b"x" * 10_000))
        self.assertLess(len(error.detail), 300)

    def test_extensions(self) -> None:
        for content, expected in (
            (PNG, "png"), (JPEG, "jpg"), (GIF, "gif"), (b"GIF87a", "gif"), (WEBP, "webp"),
            (b"", None), (b"RIFF\0\0\0\0WAVE", None), (b"BM", None), (b"%PDF-", None),
            (b"x" + PNG, None), (b"<html>", None),
        ):  # fmt: skip
            with self.subTest(content):
                self.assertEqual(extension(content), expected)


class ContentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.fetcher = Fetcher()

    def content(self, url: str) -> Deferred[bytes]:
        return Deferred.fromCoroutine(image_content(parse_image(url), self.fetcher))

    def test_a_carried_image(self) -> None:
        self.assertEqual(self.successResultOf(self.content(data_url(GIF))), GIF)
        self.assertEqual(self.fetcher.asked, [])

    def test_a_linked_image(self) -> None:
        self.fetcher.answers["http://a/"] = JPEG
        self.assertEqual(self.successResultOf(self.content("http://a/")), JPEG)
        [(_, most, timeout)] = self.fetcher.asked
        self.assertEqual((most, timeout), (images.LARGEST_IMAGE, images.FETCH_TIMEOUT))

    def test_refusals(self) -> None:
        for answer, reason in (
            (
                FetchFailed("the server answers 404"),
                "'http://a/' cannot be used: the server answers",
            ),
            (b"<html>", "is no PNG"),
        ):
            self.fetcher.answers["http://a/"] = answer
            error = self.failureResultOf(self.content("http://a/"), ClaudeboxError).value
            self.assertEqual(error.status, 400)
            self.assertIn(reason, error.detail)
