"""Mouse and keyboard: pages see a person's, at the right element."""

from __future__ import annotations

from typing import Any

from tests.end_to_end.browser_case import BrowserCase
from tests.support.waiting import eventually

TEXTS = (
    'Hello, World! <a href="x">\\ ~ #§',
    "Γειά σου Κόσμε· Ωμέγα",  # noqa: RUF001
    "你好，世界。這是一個測試",  # noqa: RUF001
    "😀🚀 👍🏽 naïve café",
)


class InputCase(BrowserCase):
    def at(self, selector: str) -> dict[str, Any]:
        """Where an element is, in a frame too."""
        for element in self.act("get_interactive_elements")["elements"]:
            if element["selector"] == selector:
                return {"x": element["x"], "y": element["y"]}
        raise AssertionError(f"{selector} is not there")

    def seen(self, kind: str, where: str = "window") -> list[tuple[bool, str]]:
        """The events of a kind that the page has seen since the last time."""
        of_kind = f"{where}.seen.filter(e => e.type === '{kind}')"
        eventually(lambda: self.js(f"{of_kind}.length"), f"there is no {kind}")
        found = self.js(of_kind)
        self.js(f"{where}.seen.length = 0")
        return [(event["trusted"], event["id"]) for event in found]

    def scaled(self, scale: float) -> None:
        """Wait until the page is shown that large."""
        found = f"Math.round(devicePixelRatio * 100) == {round(scale * 100)}"
        eventually(lambda: self.js(found), f"it is not shown at {scale}")


class MouseTests(InputCase):
    def test_a_click_arrives_at_its_element_wherever_the_page_is_scrolled(self) -> None:
        self.goto("/long")
        for scroll, name in ((0, "b0"), (150, "b0"), (1200, "b1"), (3600, "b2")):
            with self.subTest(scroll=scroll):
                self.js(f"scrollTo(0, {scroll})")
                found = self.act("system_click", **self.at(f"#{name}"), duration=0.1)
                self.assertEqual(found["input"], "system")
                self.assertEqual(self.seen("click"), [(True, name)])

    def test_and_however_large_it_is_shown(self) -> None:
        self.goto("/long")
        for keys, times, scale in (("ctrl++", 3, 1.5), ("ctrl+-", 5, 0.8)):
            for _ in range(times):
                self.act("send_key", key=keys)
            with self.subTest(scale=scale):
                self.scaled(scale)
                for scroll, name in ((0, "b0"), (1300, "b1")):
                    self.js(f"scrollTo(0, {scroll}); window.seen.length = 0")
                    self.act("system_click", **self.at(f"#{name}"), duration=0)
                    self.assertEqual(self.seen("click"), [(True, name)])
        self.act("send_key", key="ctrl+0")
        self.scaled(1)

    def test_and_inside_a_frame(self) -> None:
        self.goto("/framed")
        for scroll, name in ((0, "b0"), (1350, "b1")):
            self.js(f"frames[0].scrollTo(0, {scroll})")
            self.act("system_click", **self.at(f"#{name}"), duration=0)
            self.assertEqual(self.seen("click", "frames[0]"), [(True, name)])

    def test_buttons_and_double_clicks(self) -> None:
        self.goto("/long")
        at = self.at("#b0")
        self.act("mouse_click", **at, clicks=2)
        self.assertEqual(self.seen("dblclick"), [(True, "b0")])
        self.act("system_click", **at, button="right")
        self.assertEqual(self.seen("contextmenu"), [(True, "b0")])
        self.act("send_key", key="escape")
        self.assertIn("together", self.fail_to("mouse_click", x=1))

    def test_the_pointer_takes_a_curved_path_that_takes_its_time(self) -> None:
        self.goto("/long")
        self.act("mouse_move", x=100, y=100, duration=0)
        self.js("window.path = []; onmousemove = e => path.push([e.x, e.y]); 0")
        self.act("mouse_move", x=900, y=500, duration=0.4)
        eventually(lambda: self.js("path.at(-1)") == [900, 500], "it does not arrive")
        path = self.js("path")
        self.assertGreater(len(path), 8)
        straight = [abs(400 * (x - 100) - 800 * (y - 100)) / 894 for x, y in path]
        self.assertGreater(max(straight), 1, path)

    def test_the_wheel(self) -> None:
        self.goto("/long")
        self.act("scroll", amount=-3, x=400, y=400)
        eventually(lambda: self.js("scrollY > 50"), "it does not go down")
        self.assertTrue(all(trusted for trusted, _ in self.seen("wheel")))
        # The page may be on its way down yet: then it turns back.
        self.act("scroll", amount=5)
        eventually(lambda: self.js("scrollY === 0"), "it does not go up")

    def test_a_dialog_can_be_clicked_away(self) -> None:
        self.goto("/dialogs")
        self.act("click", selector="#ask")
        self.act("send_key", key="enter")
        self.act("wait_for_element", selector="#ask")
        self.assertEqual(self.act("get_page_info")["title"], "said true")


class KeyboardTests(InputCase):
    def wrote(self, text: str, where: str = "window") -> None:
        """Wait until the field has the text."""

        def value() -> str:
            found: str = self.js(f"{where}.document.getElementById('field').value")
            return found

        eventually(lambda: value() == text, lambda: f"{value()!r} is not {text!r}")

    def setUp(self) -> None:
        self.goto("/long")
        self.act("mouse_click", **self.at("#field"))

    def test_any_characters_can_be_typed(self) -> None:
        for text in TEXTS:
            with self.subTest(text):
                self.act("send_key", key="ctrl+a")
                self.act("system_type", text=text)
                self.wrote(text)
        self.assertTrue(all(trusted for trusted, _ in self.seen("input")))

    def test_more_new_characters_than_there_are_spare_keys(self) -> None:
        text = "".join(chr(0x4E00 + 7 * number) for number in range(60))
        self.act("system_type", text=text, interval=0.005)
        self.wrote(text)

    def test_back_to_back(self) -> None:
        at = self.at("#field")
        for number in range(10):
            text = f"{TEXTS[number % 4]} {number}"
            self.server.script(
                {"action": "mouse_click", **at},
                {"action": "send_key", "key": "ctrl+a"},
                {"action": "system_type", "text": text, "interval": 0.005},
            )
            self.wrote(text)

    def test_inside_a_frame(self) -> None:
        self.goto("/framed")
        self.act("system_click", **self.at("#field"), duration=0)
        self.act("system_type", text="Ωδή 世")
        self.wrote("Ωδή 世", "frames[0]")

    def test_keys(self) -> None:
        self.act("system_type", text="abc")
        for key in ("home", "delete", "end", "backspace", "shift+x"):
            self.act("send_key", key=key)
        self.wrote("bX")
        self.assertTrue(all(trusted for trusted, _ in self.seen("keydown")))
        self.assertIn("no such key", self.fail_to("send_key", key="hyper"))

    def test_what_would_open_this_machines_files_is_refused(self) -> None:
        for key in ("ctrl+o", "ctrl+s", "ctrl+u", "ctrl+p"):
            self.assertIn("refused", self.fail_to("send_key", key=key))
