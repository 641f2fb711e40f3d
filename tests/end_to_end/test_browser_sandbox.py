"""Chromium's sandbox, which is kept whenever the server is not root."""

from __future__ import annotations

import contextlib
import os
import pwd
from pathlib import Path
from typing import ClassVar
from unittest import TestCase

from tests.end_to_end.browser_server import BrowserServer, need_browsers

_READS_ALL = "dac_read_search"
"""Python may stand in a folder that is root's alone."""


class NobodysServer(BrowserServer):
    """A server that is not root."""

    def start(self) -> None:
        """See L{Server}."""
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            identity = [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
            reads = [f"--inh-caps=-all,+{_READS_ALL}", f"--ambient-caps=+{_READS_ALL}"]
            self._on = ["setpriv", *identity, *reads, "--no-new-privs"]
            self.variables["HOME"] = str(self.folder)
        super().start()


class SandboxTests(TestCase):
    server: ClassVar[NobodysServer]

    @classmethod
    def setUpClass(cls) -> None:
        need_browsers()
        cls.server = NobodysServer()
        cls.addClassCleanup(cls.server.stop)
        cls.server.wait_until_up()

    def test_pages_are_in_it(self) -> None:
        self.server.act("goto", url="data:text/html,<title>inside</title>")
        ours = os.readlink(f"/proc/{self.server.process.pid}/ns/user")
        for pid in self.renderers():
            status = Path(f"/proc/{pid}/status").read_text()
            self.assertIn("Seccomp:\t2\n", status)
            self.assertIn("CapEff:\t0000000000000000\n", status)
            self.assertNotEqual(os.readlink(f"/proc/{pid}/ns/user"), ours)

    def test_input_arrives(self) -> None:
        page = "<button onclick='document.title=event.isTrusted'>press</button>"
        self.server.act("goto", url=f"data:text/html,{page}")
        (button,) = self.server.act("get_interactive_elements")["elements"]
        self.server.act("system_click", x=button["x"], y=button["y"])
        self.assertEqual(self.server.act("get_page_info")["title"], "true")

    def renderers(self) -> list[int]:
        """The processes that pages run in."""
        (driver,) = self.server.processes()["chromedriver"]
        found = []
        for path in Path("/proc").iterdir():
            # One that ends just now is none.
            with contextlib.suppress(OSError, ValueError):
                is_renderer = b"--type=renderer" in (path / "cmdline").read_bytes()
                if is_renderer and os.getsid(int(path.name)) == driver:
                    found.append(int(path.name))
        self.assertNotEqual(found, [])
        return found
