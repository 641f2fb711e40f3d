"""Who may connect to a display."""

from __future__ import annotations

import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase
from Xlib.xauth import FamilyLocal, Xauthority

from twisted_aigate.browser.authority import write_authority


class AuthorityTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp()) / "Xauthority"

    def secret(self, display: int) -> bytes:
        host = socket.gethostname().encode()
        scheme, secret = Xauthority(str(self.path)).get_best_auth(FamilyLocal, host, display)
        self.assertEqual(scheme, b"MIT-MAGIC-COOKIE-1")
        found: bytes = secret
        return found

    def test_it_opens_every_display(self) -> None:
        write_authority(self.path)
        self.assertEqual(len(self.secret(0)), 16)
        self.assertEqual(self.secret(0), self.secret(99))

    def test_it_is_nobodys_but_ours(self) -> None:
        write_authority(self.path)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_it_is_another_one_each_time(self) -> None:
        write_authority(self.path)
        before = self.secret(0)
        write_authority(self.path)
        self.assertNotEqual(self.secret(0), before)
