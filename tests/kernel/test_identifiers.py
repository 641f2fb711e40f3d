"""Request ids."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.identifiers import request_id

FRESH = r"^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$"


class RequestIdTests(SynchronousTestCase):
    def test_the_clients_own_is_kept(self) -> None:
        for offered in (b"a", b"A-Z.a_z-0.9", b"x" * 64):
            self.assertEqual(request_id(offered), offered.decode())

    def test_none_and_bad_ones_become_a_fresh_uuid4(self) -> None:
        for offered in (None, b"", b"x" * 65, b"a b", b"a\n", b"\na", b"a/b", b"\xc3\xa4", b"a,b"):
            self.assertRegex(request_id(offered), FRESH)

    def test_fresh_ones_differ(self) -> None:
        self.assertEqual(len({request_id(None) for _ in range(100)}), 100)

    @given(st.binary(max_size=80))
    def test_whatever_is_offered_gives_one_that_is_safe_anywhere(self, offered: bytes) -> None:
        self.assertRegex(request_id(offered), r"\A[A-Za-z0-9._-]{1,64}\Z")
