"""Actions that wait for something."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from typing import Annotated, Any, Literal

from msgspec import Meta

from twisted_aigate.browser.actions.base import Action, ActionType, Data, Seconds, Selector, Timeout
from twisted_aigate.browser.browser import Browser

_STATE_OF = """
const wanted = arguments[0];
const all = %s;
const shown = all.some(e => {
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  return box.width > 0 && box.height > 0 && style.visibility !== 'hidden';
});
return [all.length > 0, shown];
"""
_BY_CSS = _STATE_OF % "[...document.querySelectorAll(wanted)]"
_BY_XPATH = _STATE_OF % (
    "(() => { const found = document.evaluate(wanted, document, null, 7, null);"
    " return [...Array(found.snapshotLength).keys()].map(i => found.snapshotItem(i))"
    ".filter(e => e.nodeType === 1); })()"
)
_HAS_TEXT = """
const root = arguments[1] ? document.querySelector(arguments[1]) : document.body;
return root !== null && root.innerText.includes(arguments[0]);
"""
_STATES: dict[str, Callable[[bool, bool], bool]] = {
    "attached": lambda there, shown: there,
    "detached": lambda there, shown: not there,
    "visible": lambda there, shown: shown,
    "hidden": lambda there, shown: not shown,
}


class WaitForElement(Action, frozen=True):
    """Wait until an element is there, or shown, or no more."""

    selector: Selector
    state: Literal["attached", "detached", "visible", "hidden"] = "visible"
    timeout: Timeout = 30.0


def element_state(browser: Browser, selector: str) -> tuple[bool, bool]:
    """Whether a selector finds an element, and whether one of them is shown."""
    code = _BY_CSS
    if selector.startswith("xpath="):
        code, selector = _BY_XPATH, selector.removeprefix("xpath=")
    # Not through the element itself, which may be gone when it is asked.
    there, shown = browser.page.script(code, selector)
    return there, shown


def wait_for_element(browser: Browser, asked: WaitForElement) -> Data:
    """Wait for an element."""
    holds = _STATES[asked.state]
    browser.pace.until(
        lambda: True if holds(*element_state(browser, asked.selector)) else None,
        asked.timeout,
        f"{asked.selector} ({asked.state})",
    )
    return {"selector": asked.selector, "state": asked.state}


class WaitForText(Action, frozen=True):
    """Wait until the page, or an element of it, shows a text."""

    text: Annotated[str, Meta(min_length=1)]
    selector: Annotated[str, Meta(min_length=1, description="CSS")] | None = None
    timeout: Timeout = 30.0


def has_text(browser: Browser, text: str, selector: str | None = None) -> bool:
    """Whether the page shows a text."""
    return bool(browser.page.script(_HAS_TEXT, text, selector))


def wait_for_text(browser: Browser, asked: WaitForText) -> Data:
    """Wait for a text."""
    browser.pace.until(
        lambda: True if has_text(browser, asked.text, asked.selector) else None,
        asked.timeout,
        f"the text {asked.text!r}",
    )
    return {"text": asked.text}


class WaitForUrl(Action, frozen=True):
    """Wait until the page has an address."""

    url: Annotated[str, Meta(min_length=1, description="a part of it, or a pattern with `*`")]
    timeout: Timeout = 30.0


def matches_url(wanted: str, url: str) -> bool:
    """Whether an address is one that is meant by a part or pattern."""
    return fnmatch.fnmatchcase(url, wanted) if "*" in wanted else wanted in url


def wait_for_url(browser: Browser, asked: WaitForUrl) -> Data:
    """Wait for an address."""

    def look() -> str | None:
        url = browser.page.info().url
        return url if matches_url(asked.url, url) else None

    return {"url": browser.pace.until(look, asked.timeout, f"the address {asked.url!r}")}


class WaitForNetworkIdle(Action, frozen=True):
    """Wait until the page is loaded and nothing goes over the network."""

    idle: Annotated[Seconds, Meta(description="seconds that nothing must go")] = 0.5
    timeout: Timeout = 30.0


def wait_for_quiet(browser: Browser, idle: float, timeout: float) -> None:
    """
    Wait until nothing has gone over the network for C{idle} seconds.

    @raise ActionFailed: It has not come to that in time.
    """

    def look() -> bool | None:
        if browser.traffic.quiet_for() < idle:
            return None
        return True if browser.page.info().state == "complete" else None

    browser.pace.until(look, timeout, "a quiet network")


def wait_for_network_idle(browser: Browser, asked: WaitForNetworkIdle) -> Data:
    """Wait for a quiet network."""
    wait_for_quiet(browser, asked.idle, asked.timeout)
    return {"idle": asked.idle}


class Sleep(Action, frozen=True):
    """Wait for a time."""

    duration: Seconds


def sleep_for(browser: Browser, asked: Sleep) -> Data:
    """Wait."""
    browser.pace.wait(asked.duration)
    return {"duration": asked.duration}


class Ping(Action, frozen=True):
    """See whether the browser is there."""


def ping(browser: Browser, asked: Ping) -> Data:
    """Ask it something."""
    return {"message": "pong", "url": browser.page.info().url}


ACTIONS: tuple[ActionType[Any], ...] = (
    ActionType("wait_for_element", WaitForElement, wait_for_element),
    ActionType("wait_for_text", WaitForText, wait_for_text),
    ActionType("wait_for_url", WaitForUrl, wait_for_url),
    ActionType("wait_for_network_idle", WaitForNetworkIdle, wait_for_network_idle),
    ActionType("ping", Ping, ping),
    ActionType("sleep", Sleep, sleep_for),
)
