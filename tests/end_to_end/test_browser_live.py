"""A desktop that is watched, in real Chromium."""

from __future__ import annotations

import http.client
import time

from tests.end_to_end.browser_case import BrowserCase
from tests.end_to_end.browser_server import TOKEN

_PATH = "/stealthy-auto-browse/live/browser1"


class LiveTests(BrowserCase):
    def watch(self, query: str = "") -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        self.addCleanup(connection.close)
        connection.request("GET", f"{_PATH}?token={TOKEN}{query}")
        return connection.getresponse()

    def picture(self, response: http.client.HTTPResponse) -> bytes:
        """The next one."""
        length = 0
        for line in response:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            if line == b"\r\n" and length:
                return response.read(length)
        raise AssertionError("the stream has ended")

    def test_it_shows_what_happens(self) -> None:
        self.goto("/")
        response = self.watch("&width=320&rate=10")
        self.assertEqual(response.status, 200)
        kind = response.headers["content-type"]
        self.assertEqual(kind, "multipart/x-mixed-replace; boundary=aigate-frame")
        first = self.picture(response)
        self.assertEqual((first[:2], first[-2:]), (b"\xff\xd8", b"\xff\xd9"))
        self.js("document.body.style.background = 'navy'")
        self.assertNotEqual(self.picture(response), first)
        response.close()

    def test_no_more_pictures_than_are_wanted(self) -> None:
        self.goto("/")
        self.js(
            "setInterval(() => document.body.style.color = `rgb(${Date.now() % 255}, 0, 0)`, 10)"
        )
        response = self.watch("&width=64&rate=2")
        self.picture(response)
        began = time.monotonic()
        for _ in range(4):
            self.picture(response)
        self.assertGreater(time.monotonic() - began, 1.4)
        self.goto("/")

    def test_who_may_watch(self) -> None:
        for path, token, status in (
            ("/live/browser1", None, 401),
            ("/live/browser1?token=wrong", None, 401),
            ("/live/browser1", "wrong", 401),
            ("/live/browser9", TOKEN, 404),
            ("/live/browser1?width=1", TOKEN, 400),
        ):
            answer = self.server.request("GET", path, token=token)
            self.assertEqual(answer.status, status, path)
        self.assertNotIn(TOKEN, self.server.log)
