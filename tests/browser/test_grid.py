"""Sessions of a Grid, with a browser that is none."""

from __future__ import annotations

from typing import Any
from unittest import mock

from twisted.trial.unittest import TestCase

from twisted_aigate.browser.connecting import UnknownTraffic
from twisted_aigate.browser.errors import BrowserDied
from twisted_aigate.browser.grid import GridSession
from twisted_aigate.browser.session import Footprint
from twisted_aigate.kernel.threads import Threads


class GridSessionTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.browser: Any = mock.Mock()
        self.session = GridSession(self.browser, Threads(reactor, 1, "grid"))

    async def test_it_is_asked_for_something_now_and_then(self) -> None:
        self.assertEqual(await self.session.footprint(), Footprint(0, 0))
        self.browser.page.tabs.assert_called_once_with()
        await self.session.end(asked=True)
        self.browser.page.quit.assert_called_once_with()

    async def test_so_its_end_is_noticed(self) -> None:
        self.browser.page.tabs.side_effect = BrowserDied("no such session")
        with self.assertRaises(BrowserDied):
            await self.session.footprint()
        await self.session.end(asked=False)

    async def test_but_not_while_it_works(self) -> None:
        working = self.session.run(lambda browser: None)
        self.assertEqual(self.successResultOf(self.session.footprint()), Footprint(0, 0))
        await working
        self.browser.page.tabs.assert_not_called()
        await self.session.end(asked=True)

    async def test_one_that_has_ended_already_can_be_ended(self) -> None:
        self.browser.page.quit.side_effect = BrowserDied("no such session")
        await self.session.end(asked=True)

    def test_of_its_traffic_nothing_is_known(self) -> None:
        self.assertGreater(UnknownTraffic().quiet_for(), 1e9)
        self.assertIsNone(UnknownTraffic().refusal("http://example.com"))
