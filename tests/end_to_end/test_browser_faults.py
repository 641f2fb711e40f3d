"""Browsers that end, and pages that make them useless: the replica comes back."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from tests.end_to_end.browser_case import BrowserCase
from tests.end_to_end.browser_server import ActionAnswer
from tests.support.waiting import eventually

KINDS = ("chromium", "chromedriver", "Xvfb")
_SOON = 10.0


def alive(pid: int) -> bool:
    """Whether a process is there, and is more than an entry that waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def parent(pid: int) -> int | None:
    """The parent of a process; of one that is gone, none."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return None


class InBackground:
    """A request whose answer is waited for later."""

    def __init__(self, ask: Callable[[], ActionAnswer]) -> None:
        self._answers: list[ActionAnswer] = []
        self._ask = ask
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        # A server that is gone answers nothing.
        with contextlib.suppress(OSError, http.client.HTTPException):
            self._answers.append(self._ask())

    def answer(self) -> ActionAnswer:
        self._thread.join(60)
        return self._answers[0]


class FaultCase(BrowserCase):
    def back_within(self, seconds: float) -> ActionAnswer:
        """The first answer after a fault; it must come soon."""
        began = time.monotonic()
        answer = self.server.ask("goto", url=f"{self.pages.url}/", pin="browser1")
        if answer.status == 502:
            # It came before the browser's end was known.
            answer = self.server.ask("goto", url=f"{self.pages.url}/", pin="browser1")
        self.assertLess(time.monotonic() - began, seconds)
        self.assertTrue(answer.value["success"], answer)
        return answer

    def has_recovered(self) -> bool:
        """Whether an answer, which must come soon, tells of a fault."""
        return "recovered" in self.back_within(_SOON).value

    def session(self) -> list[int]:
        """All processes of the browser."""
        pids = self.server.processes()
        sessions = {pids["chromedriver"][0], pids["Xvfb"][0]}
        found = []
        for path in Path("/proc").iterdir():
            if path.name.isdigit():
                try:
                    text = (path / "stat").read_text()
                except OSError:
                    continue
                if int(text.rsplit(")", 1)[1].split()[3]) in sessions:
                    found.append(int(path.name))
        return found

    def displays(self) -> set[str]:
        """The sockets of all displays of this machine that nobody listens on."""
        left = set()
        for path in Path("/tmp/.X11-unix").iterdir():
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(str(path))
                except ConnectionRefusedError:
                    left.add(path.name)
        return left

    def assert_nothing_left(self, pids: list[int]) -> None:
        eventually(lambda: not any(map(alive, pids)), "processes of the old browser live on")
        ours = self.server.process.pid
        eventually(lambda: not any(parent(pid) == ours for pid in pids), "nobody has reaped them")


class KilledTests(FaultCase):
    def setUp(self) -> None:
        self.back_within(60)

    def test_at_rest(self) -> None:
        for kind in KINDS:
            with self.subTest(kind):
                pids, left = self.session(), self.displays()
                os.kill(self.server.processes()[kind][0], signal.SIGKILL)
                # An answer may come yet before the end is known.
                eventually(self.has_recovered, "it has not recovered")
                self.assertNotIn("recovered", self.back_within(_SOON).value)
                self.assert_nothing_left(pids)
                self.assertEqual(self.displays() - left, set())

    def test_in_mid_action(self) -> None:
        for kind in KINDS:
            with self.subTest(kind):
                pids, left = self.session(), self.displays()
                asked = InBackground(lambda: self.server.ask("sleep", duration=30))
                eventually(lambda: self.server.status()["busy"] == 1, "it is not busy")
                began = time.monotonic()
                os.kill(self.server.processes()[kind][0], signal.SIGKILL)
                answer = asked.answer()
                self.assertEqual((answer.status, answer.value["success"]), (502, False))
                self.assertIn("ended in mid-action", answer.value["error"])
                self.assertEqual(answer.replica, "browser1")
                self.back_within(_SOON - (time.monotonic() - began))
                self.assert_nothing_left(pids)
                self.assertEqual(self.displays() - left, set())

    def test_in_mid_navigation(self) -> None:
        for kind in KINDS:
            with self.subTest(kind):
                asked = InBackground(lambda: self.server.ask("goto", url=f"{self.pages.url}/hang"))
                eventually(lambda: "/hang" in self.pages.paths(), "it is not asked for")
                self.pages.requests.clear()
                os.kill(self.server.processes()[kind][0], signal.SIGKILL)
                self.assertEqual(asked.answer().status, 502)
                self.back_within(_SOON)

    def test_the_profile_is_kept(self) -> None:
        self.act("set_storage", key="kept", value="yes")
        self.act("set_cookie", name="login", value="me", expires=time.time() + 3600)
        # What it has been told of is known a moment later.
        self.act("sleep", duration=0)
        eventually(lambda: self.server.status()["replicas"][0]["idle_seconds"] > 1.5, "busy")
        os.kill(self.server.processes()["chromium"][0], signal.SIGKILL)
        eventually(self.has_recovered, "it has not recovered")
        self.goto("/whoami")
        self.assertIn("login=me", self.act("get_text")["text"])

    def test_a_client_that_leaves_in_mid_action_costs_the_next_one_little(self) -> None:
        pids = self.session()
        with self.assertRaises(TimeoutError):
            self.server.request("POST", "/", {"action": "sleep", "duration": 60}, timeout=0.5)
        self.back_within(_SOON)
        self.assert_nothing_left(pids)


class ServerTests(FaultCase):
    variables: ClassVar[dict[str, str]] = {"SHUTDOWN_GRACE": "1s", "TIMEOUT_BROWSER": "8s"}

    def test_a_request_that_takes_too_long_costs_the_next_one_little(self) -> None:
        self.back_within(60)
        pids = self.session()
        answer = self.server.ask("sleep", duration=60)
        self.assertEqual((answer.status, answer.value["success"]), (504, False))
        self.back_within(_SOON)
        self.assert_nothing_left(pids)

    def test_what_a_killed_server_leaves_is_ended_by_the_next(self) -> None:
        self.back_within(60)
        self.act("set_storage", key="kept", value="yes")
        pids = self.session()
        self.server.kill()
        self.assertTrue(any(map(alive, pids)))
        self.server.start()
        self.server.wait_until_up()
        eventually(lambda: not any(map(alive, pids)), "processes of the old server live on")
        self.back_within(60)

    def test_a_server_that_stops_in_mid_action_leaves_nothing(self) -> None:
        self.back_within(60)
        self.act("set_storage", key="lasting", value="yes")
        asked = InBackground(lambda: self.server.ask("sleep", duration=60))
        eventually(lambda: self.server.status()["busy"] == 1, "it is not busy")
        pids, left = self.session(), self.displays()
        self.assertEqual(self.server.terminate(), 0)
        with self.assertRaises(IndexError):
            asked.answer()
        self.assertEqual([pid for pid in pids if alive(pid)], [])
        self.assertEqual(self.displays() - left, set())
        self.server.start()
        self.server.wait_until_up()
        self.back_within(60)


class UselessTests(FaultCase):
    """Pages that hang, open dialogs for ever, take all memory, download for ever, open tabs."""

    variables: ClassVar[dict[str, str]] = {"BROWSER_MEMORY_LIMIT": "900MB"}

    def test_a_page_that_hangs(self) -> None:
        self.goto("/loop")
        self.act("sleep", duration=0.3)
        self.assertIn("does not answer", self.fail_to("get_text"))
        self.back_within(_SOON)

    def test_a_page_that_never_comes_and_is_told_where_it_is_come_from(self) -> None:
        self.back_within(60)
        url, referer = f"{self.pages.url}/hang", "http://example.com/"
        began = time.monotonic()
        self.assertIn("timeout", self.fail_to("goto", url=url, referer=referer, timeout=1))
        self.assertLess(time.monotonic() - began, _SOON)
        self.back_within(_SOON)

    def test_an_expression_that_hangs(self) -> None:
        self.back_within(60)
        self.assertIn("timeout", self.fail_to("eval_js", expression="for (;;);", timeout=1))
        self.back_within(2 * _SOON)

    def test_dialogs_for_ever(self) -> None:
        self.goto("/alerts")
        self.act("click", selector="#go")
        self.assertIn("dialog", self.fail_to("get_text"))
        self.back_within(_SOON)

    def test_a_page_that_takes_all_memory(self) -> None:
        self.goto("/hungry")
        eventually(lambda: "bytes of memory" in self.server.log, "it was left alone", 60)
        self.back_within(_SOON)

    def test_an_endless_download(self) -> None:
        self.goto("/download")
        self.act("click", selector="#go")
        self.act("sleep", duration=0.5)
        self.assertIn(
            ("endless.bin", False),
            [(file["name"], file["complete"]) for file in self.act("get_downloads")["downloads"]],
        )
        self.back_within(_SOON)
        # It goes on behind the page, until the browser ends.
        os.kill(self.server.processes()["chromium"][0], signal.SIGKILL)
        self.back_within(_SOON)
        names = [file["name"] for file in self.act("get_downloads")["downloads"]]
        self.assertNotIn("endless.bin", names)

    def test_a_hundred_tabs(self) -> None:
        self.goto("/tabs")
        self.act("click", selector="#go")
        self.assertLess(self.act("list_tabs")["count"], 5)
        steps: list[dict[str, Any]] = [{"action": "new_tab"}] * 100
        answer = self.server.ask("run_script", steps=steps)
        self.assertIn("tabs already", answer.value["error"])
        while self.act("list_tabs")["count"] > 1:
            self.act("close_tab")
        self.back_within(_SOON)
