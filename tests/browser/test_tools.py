"""Browsers as tools, without browsers."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.browser.actions.table import ACTIONS
from twisted_aigate.browser.errors import BrowserError
from twisted_aigate.browser.service import Outcome, Served
from twisted_aigate.browser.tools import BrowserTools
from twisted_aigate.interfaces import ToolCaller, ToolError, UnknownTool

_PICTURE = {"image": "aGVsbG8=", "media_type": "image/png"}


class FakeBrowsers:
    """Has what was asked for wait until the test says what became of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, str | None, Deferred[Any]]] = []

    async def perform(self, asked: Any, pin: str | None, base_url: str) -> Served[Outcome]:
        waiting: Deferred[Any] = Deferred()
        self.asked.append((asked, pin, waiting))
        served: Served[Outcome] = await waiting
        return served

    @property
    def pins(self) -> list[str | None]:
        return [pin for _, pin, _ in self.asked]

    def answer(self, index: int, replica: str, data: Any = None, error: str | None = None) -> None:
        self.asked[index][2].callback(Served(replica, False, Outcome(data or {}, error)))


class Context:
    """A call."""

    caller = ToolCaller("someone")
    base_url = "http://x"

    def __init__(self, session: str | None) -> None:
        self.session = session

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        pass


class BrowserToolsTests(SynchronousTestCase):
    """BrowserTools."""

    def setUp(self) -> None:
        self.browsers = FakeBrowsers()
        browsers: Any = self.browsers
        self.tools = BrowserTools(browsers)

    def call(self, name: str, session: str | None = None, **arguments: Any) -> Deferred[Any]:
        return Deferred.fromCoroutine(self.tools.call(name, arguments, Context(session)))

    def test_each_action_is_a_tool(self) -> None:
        """Its parameters are the action's, and what it does is said."""
        calling = Deferred.fromCoroutine(self.tools.tools(ToolCaller("someone")))
        specs = {spec.name: spec for spec in self.successResultOf(calling)}
        self.assertEqual(set(specs), {*ACTIONS, "run_script"})
        self.assertEqual(specs["goto"].input_schema["required"], ["url"])
        self.assertTrue(all(spec.description for spec in specs.values()))
        self.assertTrue(all(spec.input_schema["type"] == "object" for spec in specs.values()))
        steps = specs["run_script"].input_schema["properties"]["steps"]["items"]
        self.assertEqual(steps["properties"]["action"]["enum"], list(ACTIONS))
        self.assertIn("Condition", specs["run_script"].input_schema["$defs"])

    def test_a_session_keeps_its_browser(self) -> None:
        """From its first call on, which the next ones wait for; others get any."""
        self.call("ping", "a")
        self.call("ping", "a")
        self.call("ping", "b")
        self.assertEqual(self.browsers.pins, [None, None])
        self.browsers.answer(0, "browser2")
        self.assertEqual(self.browsers.pins, [None, None, "browser2"])
        self.call("ping", "a")
        self.call("ping")
        self.assertEqual(self.browsers.pins[3:], ["browser2", None])

    def test_a_session_that_is_over_is_forgotten(self) -> None:
        """Its browser is anyone's."""
        self.call("ping", "a")
        self.browsers.answer(0, "browser2")
        self.tools.forget("a")
        self.tools.forget("unknown")
        self.call("ping", "a")
        self.assertEqual(self.browsers.pins, [None, None])

    def test_a_first_call_that_fails_pins_nothing(self) -> None:
        """Nor does it hold up those that waited for it."""
        first = self.call("ping", "a")
        self.call("ping", "a")
        self.browsers.asked[0][2].errback(BrowserError(503, "No browser came free."))
        message = self.failureResultOf(first, ToolError).value.message
        self.assertEqual(message, "No browser came free.")
        self.assertEqual(self.browsers.pins, [None, None])

    def test_pictures_are_shown(self) -> None:
        """Once, and are not in the text; those of a script's steps too."""
        data = {"steps": [{"data": _PICTURE}, {"data": {"x": None}}], "outputs": {"it": _PICTURE}}
        calling = self.call("run_script", steps=[{"action": "ping"}])
        self.browsers.answer(0, "browser1", data)
        result = self.successResultOf(calling)
        self.assertEqual([block["type"] for block in result.content], ["text", "image"])
        self.assertEqual(result.content[1]["data"], _PICTURE["image"])
        self.assertNotIn(_PICTURE["image"], str(result.structured))
        self.assertEqual(result.structured["data"]["steps"][1], {"data": {"x": None}})

    def test_what_goes_wrong(self) -> None:
        """On the page: an error with what was found; in the arguments: what is allowed."""
        calling = self.call("click", selector="#none")
        self.browsers.answer(0, "browser1", {"a": 1}, "there is no such element")
        result = self.successResultOf(calling)
        self.assertTrue(result.is_error)
        self.assertEqual(result.structured["error"], "there is no such element")
        wrong = self.call("goto", address="x")
        self.assertIn("address", self.failureResultOf(wrong, ToolError).value.message)
        self.failureResultOf(self.call("no_such_action"), UnknownTool)
