"""One server, and pages, for all the tests of a class."""

from __future__ import annotations

from typing import Any, ClassVar
from unittest import TestCase

from tests.end_to_end.browser_pages import Pages
from tests.end_to_end.browser_server import BrowserServer, need_browsers


class BrowserCase(TestCase):
    """
    Tests that share a server and its browsers.

    @cvar variables: The server's configuration.
    """

    variables: ClassVar[dict[str, str]] = {}
    server: ClassVar[BrowserServer]
    pages: ClassVar[Pages]

    @classmethod
    def setUpClass(cls) -> None:
        need_browsers()
        cls.pages = Pages()
        cls.addClassCleanup(cls.pages.stop)
        cls.server = BrowserServer(**cls.variables)
        cls.addClassCleanup(cls.server.stop)
        cls.server.wait_until_up()

    def act(self, action: str, **parameters: Any) -> Any:
        """What an action that succeeds has found."""
        return self.server.act(action, **parameters)

    def fail_to(self, action: str, **parameters: Any) -> str:
        """Why an action fails."""
        return self.server.fail(action, **parameters)

    def goto(self, path: str, **parameters: Any) -> Any:
        """Open one of the pages."""
        return self.act("goto", url=self.pages.url + path, **parameters)

    def js(self, expression: str) -> Any:
        """The value of a piece of JavaScript on the page."""
        return self.act("eval_js", expression=expression)["result"]
