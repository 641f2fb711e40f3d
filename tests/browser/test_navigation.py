"""How long going somewhere may take."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.browser.actions.navigation import (
    BrowserAction,
    Goto,
    Refresh,
    browser_action,
    goto,
    refresh,
)
from twisted_aigate.browser.page import PageInfo


class SlowPage:
    """A page whose document takes its time; C{given} is how long the rest of it may take."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.given: list[float] = []
        self._clock = clock
        self._seconds = seconds

    def open(self, url: str, timeout: float) -> None:
        self._clock.advance(self._seconds)

    def reload(self, timeout: float) -> None:
        self._clock.advance(self._seconds)

    back = forward = reload

    def loaded(self, timeout: float) -> PageInfo:
        self.given.append(timeout)
        return PageInfo("http://x/", "x", "complete")


class SlowBrowser:
    def __init__(self, seconds: float) -> None:
        clock = Clock()
        self.page = SlowPage(clock, seconds)
        self.pace = type("Pace", (), {"now": staticmethod(clock.seconds)})()


class TimeoutTests(SynchronousTestCase):
    def given(self, seconds: float) -> list[float]:
        """What is left of 30 seconds for images when the document took so many."""
        browser: Any = SlowBrowser(seconds)
        goto(browser, Goto(url="http://x/", timeout=30))
        refresh(browser, Refresh(timeout=30))
        browser_action(browser, BrowserAction(command="back", timeout=30))
        given: list[float] = browser.page.given
        return given

    def test_what_the_document_took_is_not_given_to_its_images_again(self) -> None:
        self.assertEqual(self.given(20), [10, 10, 10])

    def test_a_page_that_comes_at_once_leaves_the_driver_its_timeout(self) -> None:
        self.assertEqual(self.given(0.04), [30, 30, 30])

    def test_nothing_left_is_no_time_at_all(self) -> None:
        self.assertEqual(self.given(31), [0, 0, 0])
