"""The blocks of the tree's description, as a user sends them; and the tree when it is off."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar
from unittest import TestCase

from tests.end_to_end.browser_case import BrowserCase
from tests.end_to_end.browser_server import TOKEN
from tests.end_to_end.server import Server
from tests.support.waiting import eventually

_URL = "/stealthy-auto-browse/"


class SeedTests(BrowserCase):
    variables: ClassVar[dict[str, str]] = {
        "HYBRIDS3_UPLOADS_KEY": "uploads-key-0123456789",
        "RATELIMIT_STORAGE": "off",
        "STEALTHY_AUTO_BROWSE_QUEUE_TIMEOUT": "8",
    }

    def curl(self, *arguments: str, path: str = _URL) -> bytes:
        token = f"Authorization: Bearer {TOKEN}"
        command = ["curl", "-sS", f"{self.server.url}{path}", "-H", token, *arguments]
        return subprocess.run(command, check=True, capture_output=True).stdout

    def block(self, text: str) -> Any:
        """What a JSON block is answered."""
        return json.loads(self.curl("-d", text.replace("https://example.com", self.pages.url)))

    def test_goto(self) -> None:
        answer = self.block(
            """{
            "action": "goto",
            "url": "https://example.com"
            }"""
        )
        self.assertIs(answer["success"], True)
        self.assertIsInstance(answer["timestamp"], float)
        self.assertEqual(answer["data"]["title"], "home")
        self.assertNotIn("error", answer)

    def test_a_script(self) -> None:
        answer = self.block(
            """{
            "action": "run_script",
            "steps": [
            {"action": "goto", "url": "https://example.com"},
            {"action": "wait_for_element", "selector": "h1", "timeout": 5},
            {"action": "get_text"}
            ]
            }"""
        )
        self.assertIs(answer["success"], True)
        self.assertIn("Hello", answer["data"]["steps"][2]["data"]["text"])

    def test_all_actions_of_its_list(self) -> None:
        listed = """goto, get_text, get_html, get_interactive_elements, screenshot, system_click,
            system_type, send_key, click, fill, scroll, mouse_move, wait_for_element,
            wait_for_text, eval_js, browser_action, run_script"""
        for name in listed.split(","):
            answer = self.block(json.dumps({"action": name.strip(), "no": "such parameter"}))
            self.assertNotIn("Unknown action", answer["error"])
            self.assertIn(f"Parameters of {name.strip()}:", answer["error"])

    def test_pictures(self) -> None:
        for kind in ("browser", "desktop"):
            self.assertEqual(self.curl(path=f"{_URL}screenshot/{kind}")[:4], b"\x89PNG")

    def test_a_picture_is_kept_in_storage(self) -> None:
        answer = self.block('{"action": "screenshot", "save": true}')
        self.assertNotIn("image", answer["data"])
        with urllib.request.urlopen(answer["data"]["url"]) as response:
            self.assertEqual(response.headers["content-type"], "image/png")
            self.assertEqual(len(response.read()), answer["data"]["size"])

    def test_the_cookie_brings_a_client_back(self) -> None:
        jar = str(self.server.folder / "cookies")
        self.block('{"action": "goto", "url": "https://example.com"}')
        self.curl("-c", jar, "-d", '{"action": "ping"}')
        with open(jar) as file:
            self.assertIn("INSTANCEID\tbrowser1", file.read())
        self.assertIn(b"home", self.curl("-b", jar, "-d", '{"action": "get_page_info"}'))

    def test_who_waits_too_long_gets_503(self) -> None:
        self.act("ping")
        with ThreadPoolExecutor(1) as other:
            other.submit(self.server.ask, "sleep", duration=10)
            eventually(lambda: self.server.status()["busy"] == 1, "it is not busy")
            answer = self.server.ask("ping")
        self.assertEqual((answer.status, answer.value["success"]), (503, False))
        self.assertIn("within 8 s", answer.value["error"])

    def test_health_and_status(self) -> None:
        health = json.loads(self.curl(path=f"{_URL}__queue/health"))
        self.assertEqual(health, {"status": "ok"})
        self.assertEqual(json.loads(self.curl(path=f"{_URL}__queue/status"))["num_replicas"], 1)


class OffTests(TestCase):
    def answer(self, **variables: str) -> tuple[int, str, str]:
        """What the tree answers, and what the server has logged."""
        server = Server(**variables)
        try:
            server.wait_until_up()
            request = urllib.request.Request(f"{server.url}{_URL}", b"{}")
            with self.assertRaises(urllib.error.HTTPError) as raised:
                urllib.request.urlopen(request)
            with raised.exception as refusal:
                return refusal.code, refusal.read().decode(), server.log
        finally:
            server.stop()

    def test_switched_off(self) -> None:
        """That the token is a well-known one is said all the same."""
        status, body, log = self.answer(BROWSER="0")
        self.assertEqual(status, 503)
        self.assertIn("BROWSER=0", body)
        self.assertRegex(log, "STEALTHY_AUTO_BROWSE_AUTH_TOKEN is a well-known default")

    def test_without_its_programs_it_says_what_to_install(self) -> None:
        status, body, log = self.answer(PATH="/nowhere")
        self.assertEqual(status, 503)
        self.assertIn("apt-get install chromium chromium-driver xvfb", body)
        self.assertIn("off: /stealthy-auto-browse/", log)
