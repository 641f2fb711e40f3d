"""
A session with a browser's driver, and its errors as ours. For threads.

This module and L{page} are the only ones that know selenium.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from selenium.common.exceptions import (
    InvalidSelectorException,
    InvalidSessionIdException,
    NoSuchElementException,
    NoSuchWindowException,
    SessionNotCreatedException,
    TimeoutException,
    UnexpectedAlertPresentException,
    WebDriverException,
)
from selenium.webdriver.remote.command import Command
from selenium.webdriver.remote.webdriver import WebDriver
from urllib3.exceptions import HTTPError, ReadTimeoutError

from twisted_aigate.browser.dialogs import Dialogs
from twisted_aigate.browser.errors import ActionFailed, BrowserDied, PageHung

_MOST_DIALOGS = 10
"""Dialogs in the way of one command; a page that opens more is in a loop."""

_OF_DIALOGS = frozenset(
    (
        Command.W3C_GET_ALERT_TEXT,
        Command.W3C_ACCEPT_ALERT,
        Command.W3C_DISMISS_ALERT,
        Command.W3C_SET_ALERT_VALUE,
        Command.QUIT,
    )
)
_OF_TABS = frozenset((Command.SWITCH_TO_WINDOW, Command.CLOSE, Command.W3C_GET_WINDOW_HANDLES))
_DEAD = ("disconnected", "not reachable", "session deleted", "unable to connect to renderer")
_CRASHED = "tab crashed"


def _said(error: WebDriverException) -> str:
    # A driver's message ends in its own stack and its versions, which are nobody's business.
    text = (error.msg or type(error).__name__).split("\n", 1)[0].strip()
    return text.removeprefix("unknown error: ")


@contextmanager
def translated() -> Iterator[None]:
    """Raise selenium's and urllib3's errors as ours."""
    try:
        yield
    except (InvalidSessionIdException, SessionNotCreatedException) as error:
        raise BrowserDied(_said(error)) from None
    except NoSuchElementException:
        raise ActionFailed("no such element") from None
    except InvalidSelectorException as error:
        raise ActionFailed(f"no valid selector: {_said(error)}") from None
    except NoSuchWindowException:
        raise ActionFailed("the tab was closed") from None
    except TimeoutException:
        raise ActionFailed("timeout") from None
    except WebDriverException as error:
        said = _said(error)
        if _CRASHED in said:
            raise PageHung("the page crashed") from None
        if any(word in said for word in _DEAD):
            raise BrowserDied(said) from None
        raise ActionFailed(said) from None
    except ReadTimeoutError:
        raise PageHung("timeout: the page does not answer") from None
    except (HTTPError, OSError) as error:
        raise BrowserDied(f"its driver does not answer: {type(error).__name__}") from None


class Driver(WebDriver):
    """
    A session whose commands are done whatever the page has put in their way.

    Dialogs are met; when a page has closed its own tab, another one is shown.

    @ivar dialogs: How they are met; C{None}: they are in the way.
    """

    dialogs: Dialogs | None = None

    def execute(self, driver_command: Any, params: dict[str, Any] | None = None) -> Any:
        """Execute a command, once nothing is in its way."""
        for _ in range(_MOST_DIALOGS):
            try:
                return super().execute(driver_command, None if params is None else dict(params))
            except UnexpectedAlertPresentException as error:
                if self.dialogs is None or driver_command in _OF_DIALOGS:
                    raise
                self._meet(self.dialogs, error.alert_text or "")
            except NoSuchWindowException:
                if driver_command in _OF_TABS or not self._show_another_tab():
                    raise
        raise PageHung("the page opens one dialog after the other")

    def _show_another_tab(self) -> bool:
        # The page has closed its own, as a person would see.
        tabs = super().execute(Command.W3C_GET_WINDOW_HANDLES)["value"]
        if tabs:
            super().execute(Command.SWITCH_TO_WINDOW, {"handle": tabs[-1]})
        return bool(tabs)

    def _meet(self, dialogs: Dialogs, message: str) -> None:
        dialog = dialogs.met(message)
        if dialog.text is not None:
            try:
                super().execute(Command.W3C_SET_ALERT_VALUE, {"text": dialog.text})
            except WebDriverException:
                # An alert or a question takes no text.
                dialogs.last = type(dialog)(message, dialog.accepted, None)
        command = Command.W3C_ACCEPT_ALERT if dialog.accepted else Command.W3C_DISMISS_ALERT
        super().execute(command)
