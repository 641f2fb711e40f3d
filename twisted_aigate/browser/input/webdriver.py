"""
Input by the driver (WebDriver's "Perform Actions"): for browsers whose display is out of reach.

Source: https://www.w3.org/TR/webdriver2/#actions
"""

from __future__ import annotations

from typing import Any

from twisted_aigate.browser.input.keys import combination, typed
from twisted_aigate.browser.pace import Pace
from twisted_aigate.browser.page import Page

_BUTTONS = {"left": 0, "middle": 1, "right": 2}
_NOTCH = 120
"""Pixels that a notch of the wheel scrolls."""


class WebDriverInput:
    """
    An L{Input} by the driver.

    @param page: Whose driver does it.
    @param pace: How time passes.
    """

    kind = "webdriver"

    def __init__(self, page: Page, pace: Pace) -> None:
        self._page = page
        self._pace = pace
        self._at = (0, 0)

    def close(self) -> None:
        """There is nothing to close."""

    def _pointer(self, *actions: dict[str, Any]) -> None:
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}}
        self._page.perform([{**mouse, "actions": list(actions)}])

    def move(self, x: float, y: float, duration: float | None) -> None:
        """See L{Input}."""
        self._at = (round(x), round(y))
        milliseconds = round((0.25 if duration is None else duration) * 1000)
        to = {"x": self._at[0], "y": self._at[1], "origin": "viewport"}
        self._pointer({"type": "pointerMove", "duration": milliseconds, **to})

    def click(self, button: str, times: int) -> None:
        """See L{Input}."""
        number = _BUTTONS[button]
        once = [{"type": "pointerDown", "button": number}, {"type": "pointerUp", "button": number}]
        self._pointer(*once * times)

    def scroll(self, notches: int, sideways: int) -> None:
        """See L{Input}."""
        turn = {
            "type": "scroll",
            "x": self._at[0],
            "y": self._at[1],
            "deltaX": sideways * _NOTCH,
            "deltaY": -notches * _NOTCH,
            "duration": 0,
            "origin": "viewport",
        }
        self._page.perform([{"type": "wheel", "id": "wheel", "actions": [turn]}])

    def type(self, text: str, interval: float) -> None:
        """See L{Input}."""
        for character in text.replace("\r\n", "\n"):
            self._keys([typed(character).webdriver])
            self._pace.wait(interval)

    def press(self, keys: str) -> None:
        """See L{Input}."""
        self._keys([key.webdriver for key in combination(keys)])

    def _keys(self, keys: list[str]) -> None:
        down = [{"type": "keyDown", "value": key} for key in keys]
        up = [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self._page.perform([{"type": "key", "id": "keyboard", "actions": [*down, *up]}])
