"""
What a browser shows, driven through WebDriver (https://www.w3.org/TR/webdriver2/). For threads.

This module and L{driver} are the only ones that know selenium.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from attrs import frozen
from selenium.webdriver.common.by import By
from selenium.webdriver.common.options import ArgOptions
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.command import Command
from selenium.webdriver.remote.file_detector import (
    FileDetector,
    LocalFileDetector,
    UselessFileDetector,
)
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.remote.webelement import WebElement

from twisted_aigate.browser.dialogs import Dialogs
from twisted_aigate.browser.driver import Driver, translated
from twisted_aigate.browser.errors import ActionFailed, PageHung
from twisted_aigate.kernel.units import SECOND

Element = WebElement

COMMAND_TIMEOUT = 10 * SECOND
"""How long a command may take beyond what it was given; only a page that hangs takes longer."""

_START_TIMEOUT = 30 * SECOND
_QUIT_TIMEOUT = 3 * SECOND
_CDP = "executeCdpCommand"
_CDP_PATH = "/session/$sessionId/goog/cdp/execute"
_ERROR_PAGE = "chrome-error:"
_STATE = "[location.href, document.title, document.readyState]"
_INFO = f"return {_STATE};"
_LOADED = f"""
const done = arguments[arguments.length - 1];
const tell = () => done({_STATE});
if (document.readyState === 'complete') tell();
else addEventListener('load', tell, {{once: true}});
"""


@frozen
class PageInfo:
    """
    Which page is shown.

    @ivar url: Its address.
    @ivar title: Its title.
    @ivar state: C{document.readyState}.
    """

    url: str
    title: str
    state: str


class Page:
    """
    A session with a driver.

    @param url: Where the driver, or a Grid, listens.
    @param options: The browser's.
    @param dialogs: How dialogs are met.
    @param is_far: It does not see our files: those that it is given are sent there.
    @raise BrowserDied: There is no session to be had.
    @ivar dialogs: As given.
    """

    def __init__(
        self, url: str, options: ArgOptions, dialogs: Dialogs, *, is_far: bool = False
    ) -> None:
        self.dialogs = dialogs
        self._config = ClientConfig(
            remote_server_addr=url,
            keep_alive=True,
            timeout=int(_START_TIMEOUT),
            # A command that is sent twice is done twice.
            init_args_for_pool_manager={"init_args_for_pool_manager": {"retries": False}},
        )
        connection = RemoteConnection(client_config=self._config, ignore_proxy=True)
        # Its type is narrower than what it is used for.
        connection.extra_commands = cast("dict[str, Any]", {_CDP: ("POST", _CDP_PATH)})
        with translated():
            self._driver = Driver(
                command_executor=connection, options=options, file_detector=_detector(is_far)
            )
        self._driver.dialogs = dialogs
        self._guard()
        self._timeouts: tuple[float, float] | None = None
        self._config.timeout = int(COMMAND_TIMEOUT)

    def _guard(self) -> None:
        # A file dialog would show this machine's files.
        self.devtools("Page.setInterceptFileChooserDialog", {"enabled": True})

    @property
    def capabilities(self) -> Mapping[str, Any]:
        """What the session says of itself."""
        found: dict[str, Any] = self._driver.capabilities
        return found

    def quit(self) -> None:
        """End the browser as its user would; with a hung one this takes a few seconds in vain."""
        self._config.timeout = int(_QUIT_TIMEOUT)
        with translated():
            self._driver.quit()

    @contextmanager
    def _given(self, seconds: float) -> Iterator[None]:
        """Let pages load, and scripts run, so long."""
        wanted = (seconds, seconds)
        with translated():
            if self._timeouts != wanted:
                milliseconds = max(int(seconds * 1000), 1)
                limits = {"pageLoad": milliseconds, "script": milliseconds}
                self._driver.execute(Command.SET_TIMEOUTS, limits)
                self._timeouts = wanted
            self._config.timeout = int(seconds + COMMAND_TIMEOUT)
            try:
                yield
            finally:
                self._config.timeout = int(COMMAND_TIMEOUT)

    # Going somewhere.

    def open(self, url: str, timeout: float) -> None:
        """
        Open an address; its document is parsed then, its images may be missing yet.

        @raise ActionFailed: It is not to be had.
        """
        with self._given(timeout):
            self._driver.get(url)

    def open_from(self, url: str, referer: str, timeout: float) -> None:
        """
        As L{open}, having come from another address.

        @raise PageHung: It does not come in time. The driver waits for it and for nothing else.
        """
        with self._given(timeout):
            self._config.timeout = math.ceil(timeout)
            answer = self.devtools(
                "Page.navigate", {"url": url, "referrer": referer, "referrerPolicy": "unsafeUrl"}
            )
        if answer.get("errorText"):
            raise ActionFailed(str(answer["errorText"]))

    def loaded(self, timeout: float) -> PageInfo:
        """Wait until all that belongs to the page is there."""
        with self._given(timeout):
            # Mostly it is complete. A script takes twice as long to learn that.
            asked = {"expression": _STATE, "returnByValue": True}
            found = self.devtools("Runtime.evaluate", asked)["result"].get("value")
            if found is None or found[-1] != "complete":
                found = self._driver.execute_async_script(_LOADED)
            return self._checked(found)

    def opened(self) -> PageInfo:
        """
        Which page was opened.

        @raise ActionFailed: It is an error's: the one that was wanted is not to be had.
        """
        return self._checked(self.script(_INFO))

    def info(self) -> PageInfo:
        """Which page is shown, be it an error's."""
        return PageInfo(*self.script(_INFO))

    def address(self) -> str:
        """The address of what is shown; of an error's page, of what was not to be had."""
        history = self.devtools("Page.getNavigationHistory")
        return str(history["entries"][history["currentIndex"]]["url"])

    def _checked(self, found: list[str]) -> PageInfo:
        info = PageInfo(*found)
        if info.url.startswith(_ERROR_PAGE):
            # Some errors, a restricted port for one, are raised by no command.
            raise ActionFailed("the page could not be loaded")
        return info

    def back(self, timeout: float) -> None:
        """Go back in the tab's history."""
        with self._given(timeout):
            self._driver.back()

    def forward(self, timeout: float) -> None:
        """Go forward in it."""
        with self._given(timeout):
            self._driver.forward()

    def reload(self, timeout: float) -> None:
        """Load the page anew."""
        with self._given(timeout):
            self._driver.refresh()

    # Its content.

    def script(self, code: str, *arguments: Any) -> Any:
        """What the body of a JavaScript function returns, a promise's value awaited."""
        with translated():
            return self._driver.execute_script(code, *arguments)

    def script_within(self, timeout: float, code: str, *arguments: Any) -> Any:
        """As L{script}, ended after C{timeout} seconds."""
        with self._given(timeout):
            return self._driver.execute_script(code, *arguments)

    def devtools(self, command: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The answer to a command of Chromium's DevTools protocol."""
        with translated():
            asked = {"cmd": command, "params": dict(parameters or {})}
            return self._driver.execute(_CDP, asked)["value"]

    def find(self, selector: str) -> Element:
        """
        The first element that a selector finds: CSS, or XPath after C{xpath=}.

        @raise ActionFailed: There is none.
        """
        try:
            with translated():
                return self._driver.find_element(*_located(selector))
        except ActionFailed as error:
            raise ActionFailed(f"{error}: {selector}") from None

    def find_all(self, selector: str) -> list[Element]:
        """All elements that a selector finds."""
        with translated():
            return self._driver.find_elements(*_located(selector))

    @contextmanager
    def inside(self, frame: Element) -> Iterator[None]:
        """Have commands mean the page in a frame."""
        with translated():
            self._driver.switch_to.frame(frame)
        try:
            yield
        finally:
            with translated():
                self._driver.switch_to.parent_frame()

    def click(self, element: Element) -> None:
        """Click an element."""
        with translated():
            element.click()

    def clear(self, element: Element) -> None:
        """Empty a field."""
        with translated():
            element.clear()

    def send_keys(self, element: Element, text: str) -> None:
        """Type into an element; for a file field, the paths of files."""
        with translated():
            element.send_keys(text)

    def perform(self, sources: list[dict[str, Any]]) -> None:
        """Have input devices of the driver's do something (WebDriver's "Perform Actions")."""
        with translated():
            self._driver.execute(Command.W3C_ACTIONS, {"actions": sources})

    def png(self) -> bytes:
        """A picture of what the page's part of the window shows."""
        with translated():
            return self._driver.get_screenshot_as_png()

    def console(self) -> list[dict[str, Any]]:
        """What pages have written to their consoles since the last time this was asked."""
        with translated():
            found: list[dict[str, Any]] = self._driver.execute(
                Command.GET_LOG, {"type": "browser"}
            )["value"]
            return found

    def open_dialog(self) -> str | None:
        """What the dialog says that is open now; C{None}: none is."""
        try:
            with translated():
                text: str = self._driver.execute(Command.W3C_GET_ALERT_TEXT)["value"]
        except PageHung:
            raise
        except ActionFailed:
            return None
        return text

    def meet_dialog(self) -> None:
        """See to the dialog that is open, if one is: any command does."""
        self.script("return 1")

    # Its tabs.

    @property
    def tab(self) -> str:
        """The tab that commands mean."""
        with translated():
            found: str = self._driver.current_window_handle
            return found

    def tabs(self) -> list[str]:
        """All tabs."""
        with translated():
            found: list[str] = self._driver.window_handles
            return found

    def new_tab(self) -> None:
        """Open a tab, and have commands mean it."""
        with translated():
            self._driver.switch_to.new_window("tab")
        self._guard()

    def show(self, tab: str) -> None:
        """Have commands mean a tab, and the window show it."""
        with translated():
            self._driver.switch_to.window(tab)
        self.devtools("Page.bringToFront")
        self._guard()

    def close_tab(self) -> list[str]:
        """Close the tab; another one must be shown then."""
        with translated():
            found: list[str] = self._driver.execute(Command.CLOSE)["value"]
            return found


def _detector(is_far: bool) -> FileDetector:
    return LocalFileDetector() if is_far else UselessFileDetector()


def _located(selector: str) -> tuple[str, str]:
    if selector.startswith("xpath="):
        return By.XPATH, selector.removeprefix("xpath=")
    return By.CSS_SELECTOR, selector
