"""Actions on tabs."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from twisted_aigate.browser.actions.base import Action, ActionType, Data, Timeout, WaitUntil
from twisted_aigate.browser.actions.navigation import Goto, goto
from twisted_aigate.browser.browser import Browser
from twisted_aigate.browser.errors import ActionFailed

MOST_TABS = 20
"""Tabs that a browser may have."""

_Index = Annotated[int, Meta(ge=0, description="as in `list_tabs`")]


class ListTabs(Action, frozen=True):
    """The open tabs."""


def list_tabs(browser: Browser, asked: ListTabs) -> Data:
    """List the tabs."""
    targets = browser.page.devtools("Target.getTargets")["targetInfos"]
    known = {target["targetId"]: target for target in targets}
    active = _active(browser)
    tabs = [
        {
            "index": index,
            "url": known.get(tab, {}).get("url", ""),
            "title": known.get(tab, {}).get("title", ""),
            "active": tab == active,
        }
        for index, tab in enumerate(browser.page.tabs())
    ]
    return {"tabs": tabs, "count": len(tabs)}


def _active(browser: Browser) -> str | None:
    try:
        return browser.page.tab
    except ActionFailed:
        # The page has closed it.
        return None


class NewTab(Action, frozen=True):
    """Open a tab, and an address in it; it is the active one then."""

    url: Annotated[str, Meta(min_length=1, description="as for `goto`")] | None = None
    wait_until: WaitUntil = "load"
    timeout: Timeout = 30.0


def new_tab(browser: Browser, asked: NewTab) -> Data:
    """Open a tab."""
    if len(browser.page.tabs()) >= MOST_TABS:
        raise ActionFailed(f"there are {MOST_TABS} tabs already")
    browser.page.new_tab()
    if asked.url is not None:
        there = Goto(url=asked.url, wait_until=asked.wait_until, timeout=asked.timeout)
        goto(browser, there)
    return list_tabs(browser, ListTabs())


class SwitchTab(Action, frozen=True):
    """Have another tab be the active one."""

    index: _Index


def _at(browser: Browser, index: int) -> str:
    tabs = browser.page.tabs()
    if index >= len(tabs):
        raise ActionFailed(f"there is no tab {index}; there are {len(tabs)}")
    return tabs[index]


def switch_tab(browser: Browser, asked: SwitchTab) -> Data:
    """Switch to a tab."""
    browser.page.show(_at(browser, asked.index))
    info = browser.page.info()
    return {"index": asked.index, "url": info.url, "title": info.title}


class CloseTab(Action, frozen=True):
    """Close a tab, the active one if none is named; the last one is emptied in place of that."""

    index: _Index | None = None


def close_tab(browser: Browser, asked: CloseTab) -> Data:
    """Close a tab."""
    page = browser.page
    active = _active(browser)
    closing = active if asked.index is None else _at(browser, asked.index)
    if len(page.tabs()) == 1:
        page.new_tab()
        active = page.tab
    if closing is not None:
        page.show(closing)
        left = page.close_tab()
        page.show(active if active in left else left[-1])
    return list_tabs(browser, ListTabs())


ACTIONS: tuple[ActionType[Any], ...] = (
    ActionType("list_tabs", ListTabs, list_tabs),
    ActionType("new_tab", NewTab, new_tab),
    ActionType("switch_tab", SwitchTab, switch_tab),
    ActionType("close_tab", CloseTab, close_tab),
)
