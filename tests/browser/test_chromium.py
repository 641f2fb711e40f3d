"""The flags that Chromium is started with."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.browser.chromium import grid_options, local_options


class SandboxTests(SynchronousTestCase):
    def flags(self, user: int) -> list[str]:
        self.patch(os, "geteuid", lambda: user)
        options = local_options("/usr/bin/chromium", Path("/profile"), Path("/downloads"), 8080)
        found: list[str] = options.arguments
        return found

    def test_it_is_on(self) -> None:
        flags = self.flags(1000)
        self.assertEqual([flag for flag in flags if "sandbox" in flag], [])

    def test_but_for_root_with_whom_chromium_does_not_start_otherwise(self) -> None:
        flags = self.flags(0)
        self.assertEqual([flag for flag in flags if "sandbox" in flag], ["--no-sandbox"])

    def test_a_grids_browser_keeps_its_own(self) -> None:
        self.patch(os, "geteuid", lambda: 0)
        self.assertEqual([flag for flag in grid_options().arguments if "sandbox" in flag], [])


class TrafficTests(SynchronousTestCase):
    def test_all_goes_through_the_proxy(self) -> None:
        options = local_options("/usr/bin/chromium", Path("/profile"), Path("/downloads"), 8080)
        self.assertIn("--proxy-server=http://127.0.0.1:8080", options.arguments)
        # Loopback is reached directly unless it is said otherwise.
        self.assertIn("--proxy-bypass-list=<-loopback>", options.arguments)
