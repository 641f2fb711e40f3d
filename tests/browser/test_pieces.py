"""The small pieces: time, dialogs, addresses, keys, sizes, programs."""

from __future__ import annotations

import threading

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.browser.dialogs import Dialogs
from twisted_aigate.browser.errors import ActionFailed, BrowserDied
from twisted_aigate.browser.input.keys import combination, typed
from twisted_aigate.browser.pace import Pace
from twisted_aigate.browser.programs import Grid, Programs, find_programs
from twisted_aigate.browser.safety import checked_url
from twisted_aigate.browser.scale import Scale
from twisted_aigate.kernel.settings import Settings, SettingsError, read_settings


class PaceTests(SynchronousTestCase):
    def test_it_looks_until_there_is_something(self) -> None:
        looks = iter([None, None, "there"])
        self.assertEqual(Pace(Clock().seconds).until(lambda: next(looks), 1, "it"), "there")

    def test_it_gives_up_in_time(self) -> None:
        times = iter([0.0, 0.5, 1.0])
        pace = Pace(lambda: next(times))
        error = self.assertRaises(ActionFailed, pace.until, lambda: None, 1, "spring")
        self.assertIn("spring", str(error))

    def test_another_thread_ends_a_wait(self) -> None:
        pace = Pace(Clock().seconds)
        threading.Timer(0.01, pace.give_up).start()
        self.assertRaises(BrowserDied, pace.wait, 60)


class DialogTests(SynchronousTestCase):
    def test_they_are_accepted(self) -> None:
        dialogs = Dialogs()
        self.assertTrue(dialogs.met("sure?").accepted)
        self.assertEqual(dialogs.last and dialogs.last.message, "sure?")

    def test_the_next_one_can_be_spoken_for(self) -> None:
        dialogs = Dialogs()
        dialogs.prepare(False, "ignored")
        first, second = dialogs.met("one"), dialogs.met("two")
        self.assertEqual((first.accepted, first.text, second.accepted), (False, None, True))


class SafetyTests(SynchronousTestCase):
    def test_what_may_be_opened(self) -> None:
        for url in (
            "http://a/",
            "https://a.b/c?d#e",
            "data:text/html,x",
            "about:blank",
            " http://a ",
        ):
            self.assertEqual(checked_url(url), url.strip())

    def test_what_may_not(self) -> None:
        for url in (
            "file:///etc/passwd",
            "FILE:///etc/passwd",
            "chrome://settings",
            "view-source:http://a/",
            "devtools://x",
            "chrome-extension://x/y",
            "javascript:alert(1)",
            "ftp://a/",
            "example.com",
            "//a/b",
            "http://",
            "http://[",
            "",
        ):
            with self.subTest(url):
                self.assertRaises(ActionFailed, checked_url, url)


class KeyTests(SynchronousTestCase):
    def test_names_and_combinations(self) -> None:
        self.assertEqual(combination("enter"), combination("Return"))
        self.assertEqual([key.keysym for key in combination("ctrl+a")], [0xFFE3, ord("a")])
        self.assertEqual([key.keysym for key in combination("ctrl++")], [0xFFE3, ord("+")])
        self.assertEqual([key.keysym for key in combination("+")], [ord("+")])
        self.assertEqual([key.keysym for key in combination("F12")], [0xFFC9])

    def test_characters_beyond_latin_1(self) -> None:
        self.assertEqual(typed("é").keysym, 0xE9)
        self.assertEqual(typed("世").keysym, 0x01004E16)
        self.assertEqual(typed("😀").keysym, 0x0101F600)
        self.assertEqual(typed("\n"), combination("enter")[0])

    def test_what_is_no_key_and_what_is_the_browsers(self) -> None:
        for keys in ("hyper", "ctrl+moon", "ctrl+o", "Control+U", "ctrl+shift+j", "ctrl+s"):
            with self.subTest(keys):
                self.assertRaises(ActionFailed, combination, keys)


class ScaleTests(SynchronousTestCase):
    def test_sizes(self) -> None:
        for scale, size in (
            (Scale(), (1920, 1080)),
            (Scale(longer=960), (960, 540)),
            (Scale(width=192), (192, 108)),
            (Scale(height=108), (192, 108)),
            (Scale(width=10, height=10), (10, 10)),
            (Scale(longer=1), (1, 1)),
        ):
            self.assertEqual(scale.size(1920, 1080), size)


class ProgramTests(SynchronousTestCase):
    def settings(self, **variables: str) -> Settings:
        return read_settings({"LITELLM_MASTER_KEY": "sk-test", **variables})

    def test_with_all_there_browsers_are_on(self) -> None:
        found = find_programs(self.settings(), lambda name: f"/usr/bin/{name}")
        self.assertEqual(
            found, Programs("/usr/bin/chromium", "/usr/bin/chromedriver", "/usr/bin/Xvfb")
        )

    def test_without_one_they_are_off_and_it_is_said_what_to_install(self) -> None:
        found = find_programs(self.settings(), lambda name: None if name == "Xvfb" else name)
        self.assertEqual(found, "xvfb not installed; run: apt-get install xvfb")

    def test_a_grid_is_in_their_place(self) -> None:
        found = find_programs(self.settings(SELENIUM_GRID_URL="http://grid:4444/"), lambda _: None)
        self.assertEqual(found, Grid("http://grid:4444"))

    def test_off_is_off(self) -> None:
        found = find_programs(self.settings(BROWSER="0"), lambda name: name)
        self.assertIn("BROWSER=0", str(found))

    def test_on_without_them_is_an_error(self) -> None:
        error = self.assertRaises(
            SettingsError, find_programs, self.settings(BROWSER="1"), lambda name: None
        )
        self.assertIn("chromium chromium-driver xvfb", str(error))
