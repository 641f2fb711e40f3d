"""Requests, checked before a browser is had for them."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.browser.actions.table import ACTIONS
from twisted_aigate.browser.errors import BrowserError
from twisted_aigate.browser.parsing import Asked, parse_request
from twisted_aigate.browser.script import Script


class ActionTests(SynchronousTestCase):
    def parse(self, **fields: Any) -> Asked:
        asked = parse_request(fields)
        assert isinstance(asked, Asked)
        return asked

    def refused(self, **fields: Any) -> str:
        error = self.assertRaises(BrowserError, parse_request, fields)
        self.assertEqual(error.status, 400)
        return str(error.message)

    def test_an_action_and_its_parameters(self) -> None:
        asked = self.parse(action="goto", url="http://example.com/", timeout=5)
        self.assertEqual(asked.action.name, "goto")
        self.assertEqual(asked.parameters, asked.action.model(url="http://example.com/", timeout=5))

    def test_an_unknown_action(self) -> None:
        for name in ("fly", "", None, 3, ["goto"]):
            with self.subTest(name):
                self.assertIn("goto", self.refused(action=name))

    def test_limits(self) -> None:
        for fields in (
            {"action": "goto", "url": "x", "timeout": 0},
            {"action": "goto", "url": "x", "timeout": 301},
            {"action": "goto", "url": ""},
            {"action": "sleep", "duration": -1},
            {"action": "sleep", "duration": float("nan")},
            {"action": "system_click", "x": -1, "y": 0},
            {"action": "system_click", "x": 0, "y": 0, "clicks": 9},
            {"action": "screenshot", "width": 0},
            {"action": "goto", "url": "x", "wait_until": "dawn"},
            {"action": "system_type", "text": "a" * 10_001},
        ):
            with self.subTest(fields):
                self.refused(**fields)

    def test_every_model_says_what_its_action_does(self) -> None:
        for name, action in ACTIONS.items():
            with self.subTest(name):
                self.assertTrue((action.model.__doc__ or "").strip().endswith("."))


class ScriptTests(SynchronousTestCase):
    def test_steps_say_what_is_done_about_errors(self) -> None:
        steps = [{"action": "ping"}, {"action": "ping", "on_error": "stop"}]
        script = parse_request({"action": "run_script", "steps": steps, "on_error": "continue"})
        assert isinstance(script, Script)
        self.assertEqual([step.options.on_error for step in script.steps], ["continue", "stop"])

    def test_what_is_no_script(self) -> None:
        for fields in (
            {},
            {"steps": 1},
            {"steps": [1]},
            {"steps": [], "on_error": "maybe"},
            {"steps": [], "more": 1},
            {"steps": [{"action": "ping", "output_id": ""}]},
        ):
            with self.subTest(fields):
                self.assertRaises(BrowserError, parse_request, {"action": "run_script", **fields})
