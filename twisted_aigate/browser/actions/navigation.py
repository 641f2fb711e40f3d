"""Actions that go somewhere."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from msgspec import Meta

from twisted_aigate.browser.actions.base import Action, ActionType, Data, Timeout, WaitUntil
from twisted_aigate.browser.actions.waiting import wait_for_quiet
from twisted_aigate.browser.browser import Browser
from twisted_aigate.browser.errors import ActionFailed
from twisted_aigate.browser.safety import checked_url

_NETWORK_IDLE = 0.5


class Goto(Action, frozen=True):
    """Open an address."""

    url: Annotated[str, Meta(min_length=1, description="absolute; http, https, data or about")]
    wait_until: WaitUntil = "load"
    referer: Annotated[str, Meta(description="the address that it is come from")] | None = None
    timeout: Timeout = 30.0


def goto(browser: Browser, asked: Goto) -> Data:
    """Open an address; an error of the network is told with what the proxy knows of it."""
    url = checked_url(asked.url)
    deadline = browser.pace.now() + asked.timeout
    try:
        if asked.referer is None:
            browser.page.open(url, asked.timeout)
        else:
            browser.page.open_from(url, checked_url(asked.referer), asked.timeout)
        return arrived(browser, asked.wait_until, deadline)
    except ActionFailed as error:
        if type(error) is not ActionFailed:
            raise
        # It may be another one by then: the browser was sent on, or has written it in its own way.
        refusal = browser.traffic.refusal
        why = refusal(url) or refusal(browser.page.address())
        if why is None:
            raise
        raise ActionFailed(f"{why} ({error})") from None


def arrived(browser: Browser, wait_until: WaitUntil, deadline: float) -> Data:
    """
    Wait until the page counts as there.

    @param deadline: When it must, in the browser's own time.
    """
    page = browser.page
    if wait_until in ("load", "networkidle"):
        info = page.loaded(_left(browser, deadline))
        if wait_until == "networkidle":
            wait_for_quiet(browser, _NETWORK_IDLE, _left(browser, deadline))
    else:
        info = page.opened()
    return {"url": info.url, "title": info.title}


def _left(browser: Browser, deadline: float) -> float:
    # In whole seconds: a driver that is told of another time-out costs a command.
    return max(math.ceil(deadline - browser.pace.now()), 0)


class Refresh(Action, frozen=True):
    """Load the page anew."""

    wait_until: WaitUntil = "load"
    timeout: Timeout = 30.0


def refresh(browser: Browser, asked: Refresh) -> Data:
    """Load the page anew."""
    deadline = browser.pace.now() + asked.timeout
    browser.page.reload(asked.timeout)
    return arrived(browser, asked.wait_until, deadline)


class BrowserAction(Action, frozen=True):
    """Go through the tab's history, or load the page anew."""

    command: Literal["back", "forward", "refresh"]
    wait_until: WaitUntil = "load"
    timeout: Timeout = 30.0


def browser_action(browser: Browser, asked: BrowserAction) -> Data:
    """Press one of the browser's own buttons."""
    page = browser.page
    deadline = browser.pace.now() + asked.timeout
    buttons = {"back": page.back, "forward": page.forward, "refresh": page.reload}
    buttons[asked.command](asked.timeout)
    return arrived(browser, asked.wait_until, deadline)


ACTIONS: tuple[ActionType[Any], ...] = (
    ActionType("goto", Goto, goto),
    ActionType("refresh", Refresh, refresh),
    ActionType("browser_action", BrowserAction, browser_action),
)
