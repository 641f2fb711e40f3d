"""
Input through an X server's XTest extension: pages see a person's. For a browser's thread.

Source: https://www.x.org/releases/current/doc/xextproto/xtest.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from Xlib import X
from Xlib.display import Display
from Xlib.error import ConnectionClosedError, DisplayError
from Xlib.ext import xtest

from twisted_aigate.browser.errors import BrowserDied
from twisted_aigate.browser.input.keyboard import Keyboard
from twisted_aigate.browser.pace import Pace
from twisted_aigate.browser.page import Page

_BUTTONS = {"left": 1, "middle": 2, "right": 3}
_UP, _DOWN, _LEFT, _RIGHT = 4, 5, 6, 7
_STEP = 0.01
_HOLD = 0.04
_SETTLE = 0.03
"""Seconds in which the browser hears of what was done, before it is asked what came of it."""

_BETWEEN_CLICKS = 0.08
_BETWEEN_NOTCHES = 0.03
_PIXELS_A_SECOND = 2500.0
_GEOMETRY = """
const scale = devicePixelRatio;
return [screenX + (outerWidth - innerWidth * scale) / 2,
        screenY + outerHeight - innerHeight * scale, scale];
"""


@contextmanager
def _on_display() -> Iterator[None]:
    """Raise what the display's end does to its clients as ours."""
    try:
        yield
    except (ConnectionClosedError, DisplayError, OSError) as error:
        raise BrowserDied(f"its display does not answer: {type(error).__name__}") from None


class SystemInput:
    """
    An L{Input} on a display.

    @param display: The display's number.
    @param page: Tells where on the screen it is.
    @param pace: How time passes.
    @param random: Makes movements uneven.
    @raise BrowserDied: The display does not answer.
    """

    kind = "system"

    def __init__(self, display: int, page: Page, pace: Pace, random: Random) -> None:
        self._page = page
        self._pace = pace
        self._random = random
        with _on_display():
            self._display = Display(f":{display}")
            self._keyboard = Keyboard(self._display, pace, random)

    def close(self) -> None:
        """Close the connection."""
        with _on_display():
            self._display.close()

    def move(self, x: float, y: float, duration: float | None) -> None:
        """See L{Input}: a curve, fast in its middle and slow at its ends."""
        left, top, scale = self._geometry()
        end = (left + x * scale, top + y * scale)
        with _on_display():
            at = self._display.screen().root.query_pointer()
            start = (float(at.root_x), float(at.root_y))
            distance = math.dist(start, end)
            if duration is None:
                duration = (0.1 + distance / _PIXELS_A_SECOND) * self._random.uniform(0.8, 1.2)
            for point in self._path(start, end, distance, max(int(duration / _STEP), 1)):
                self._put(*point)
                self._pace.wait(_STEP)
            self._put(*end)
            self._pace.wait(_SETTLE)

    def _geometry(self) -> tuple[float, float, float]:
        if self._page.open_dialog() is not None:
            # No script runs under a dialog, which a person would click too.
            return 0.0, 0.0, 1.0
        left, top, scale = self._page.script(_GEOMETRY)
        return left, top, scale

    def _path(
        self, start: tuple[float, float], end: tuple[float, float], distance: float, steps: int
    ) -> Iterator[tuple[float, float]]:
        # A cubic Bézier curve, whose inner points lie aside of the straight line.
        bends = [self._random.uniform(-0.15, 0.15) * distance for _ in range(2)]
        across = (end[0] - start[0], end[1] - start[1])
        length = distance or 1.0
        normal = (-across[1] / length, across[0] / length)
        inner = [
            tuple(start[i] + across[i] * share + normal[i] * bend for i in range(2))
            for share, bend in zip((0.3, 0.7), bends, strict=True)
        ]
        for step in range(1, steps):
            t = (1 - math.cos(math.pi * step / steps)) / 2
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            points = (start, inner[0], inner[1], end)
            x, y = (sum(w * p[i] for w, p in zip(weights, points, strict=True)) for i in range(2))
            yield x, y

    def _put(self, x: float, y: float) -> None:
        xtest.fake_input(self._display, X.MotionNotify, x=round(x), y=round(y))
        self._display.sync()

    def click(self, button: str, times: int) -> None:
        """See L{Input}."""
        number = _BUTTONS[button]
        with _on_display():
            for time in range(times):
                if time:
                    self._pace.wait(_BETWEEN_CLICKS)
                xtest.fake_input(self._display, X.ButtonPress, number)
                self._display.sync()
                self._pace.wait(_HOLD * self._random.uniform(0.5, 1.5))
                xtest.fake_input(self._display, X.ButtonRelease, number)
                self._display.sync()
            self._pace.wait(_SETTLE)

    def scroll(self, notches: int, sideways: int) -> None:
        """See L{Input}."""
        turns = [(_UP if notches > 0 else _DOWN)] * abs(notches)
        turns += [(_RIGHT if sideways > 0 else _LEFT)] * abs(sideways)
        with _on_display():
            for button in turns:
                xtest.fake_input(self._display, X.ButtonPress, button)
                xtest.fake_input(self._display, X.ButtonRelease, button)
                self._display.sync()
                self._pace.wait(_BETWEEN_NOTCHES)

    def type(self, text: str, interval: float) -> None:
        """See L{Input}."""
        with _on_display():
            self._keyboard.type(text, interval)
            self._pace.wait(_SETTLE)

    def press(self, keys: str) -> None:
        """See L{Input}."""
        with _on_display():
            self._keyboard.press(keys)
            self._pace.wait(_SETTLE)
