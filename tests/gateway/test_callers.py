"""Who may use what."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.callers import MASTER, Caller
from twisted_aigate.gateway.errors import GatewayError


class CallerTests(SynchronousTestCase):
    def test_the_master_may_use_all(self) -> None:
        MASTER.check("anything")
        self.assertTrue(MASTER.may_use("anything"))

    def test_others_may_use_what_they_are_given(self) -> None:
        caller = Caller("a", frozenset(("m",)))
        caller.check("m")
        with self.assertRaises(GatewayError) as raised:
            caller.check("n")
        self.assertEqual(raised.exception.status, 403)
        self.assertEqual(raised.exception.code, "key_model_access_denied")
