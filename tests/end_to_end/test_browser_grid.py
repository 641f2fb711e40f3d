"""Browsers that are sessions of a real Selenium Grid."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from tests.end_to_end.browser_case import BrowserCase
from tests.end_to_end.browser_pages import Pages
from tests.end_to_end.browser_server import BrowserServer, need_browsers
from tests.end_to_end.grid import Grid
from tests.support.waiting import eventually


class GridTests(BrowserCase):
    grid: ClassVar[Grid]

    @classmethod
    def setUpClass(cls) -> None:
        need_browsers()
        cls.grid = Grid()
        cls.addClassCleanup(cls.grid.stop)
        cls.pages = Pages()
        cls.addClassCleanup(cls.pages.stop)
        # The programs of a browser on this machine are not looked for.
        cls.server = BrowserServer(SELENIUM_GRID_URL=cls.grid.url)
        cls.addClassCleanup(cls.server.stop)
        cls.server.wait_until_up()

    def at(self, selector: str) -> dict[str, Any]:
        found = self.act("get_interactive_elements")["elements"]
        return next({"x": e["x"], "y": e["y"]} for e in found if e["selector"] == selector)

    def test_a_browser_is_a_session(self) -> None:
        self.assertEqual(self.goto("/")["title"], "home")
        self.assertEqual(self.grid.sessions(), 1)
        self.assertEqual(self.act("get_text")["text"], "Hello\n\nsome words")
        self.assertEqual(self.js("6 * 7"), 42)
        png = base64.b64decode(self.act("screenshot")["image"])
        self.assertTrue(png.startswith(b"\x89PNG"))
        self.act("wait_for_network_idle")
        self.act("set_cookie", name="a", value="b")
        self.assertEqual([cookie["name"] for cookie in self.act("get_cookies")["cookies"]], ["a"])

    def test_mouse_and_keyboard_are_the_drivers(self) -> None:
        self.goto("/long")
        self.js("scrollTo(0, 1300)")
        found = self.act("system_click", **self.at("#b1"))
        self.assertEqual(found["input"], "webdriver")
        clicks = self.js("seen.filter(e => e.type === 'click').map(e => [e.trusted, e.id])")
        self.assertEqual(clicks, [[True, "b1"]])
        self.js("scrollTo(0, 0)")
        self.act("mouse_click", **self.at("#field"))
        self.act("system_type", text="Ωδή 世界")
        self.act("send_key", key="shift+x")
        self.assertEqual(self.js("document.getElementById('field').value"), "Ωδή 世界X")
        self.assertEqual(self.act("scroll", amount=-2, x=300, y=300)["input"], "webdriver")
        self.act("mouse_move", x=10, y=10)
        self.act("send_key", key="ctrl+a")

    def test_a_file_is_sent_there(self) -> None:
        self.goto("/form")
        content = base64.b64encode(b"five!").decode()
        self.act("upload_file", selector="#file", name="a.txt", content=content)
        self.assertEqual(self.act("get_page_info")["title"], "file a.txt 5")

    def test_what_is_out_of_reach_says_so(self) -> None:
        self.goto("/")
        self.assertIn("out of reach", self.fail_to("screenshot", type="desktop"))
        self.assertIn("out of reach", self.fail_to("get_downloads"))
        self.assertEqual(self.server.request("GET", "/live/browser1").status, 409)

    def test_a_session_that_ends_is_replaced(self) -> None:
        self.goto("/")
        self.grid.end_sessions()
        answer = self.server.ask("ping", pin="browser1")
        if answer.status == 502:
            # It came before the session's end was known.
            answer = self.server.ask("ping", pin="browser1")
        self.assertTrue(answer.value["success"], answer)
        self.assertTrue(answer.value["recovered"])
        self.assertEqual(self.grid.sessions(), 1)

    def test_sessions_end_with_the_server(self) -> None:
        other = BrowserServer(SELENIUM_GRID_URL=self.grid.url, PATH="/usr/bin:/bin")
        other.wait_until_up()
        other.act("ping")
        before = self.grid.sessions()
        other.stop()
        eventually(lambda: self.grid.sessions() < before, "the session was left behind")
