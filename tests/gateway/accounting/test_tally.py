"""Sums of what calls took, for who watches."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.accounting.records import Spent
from twisted_aigate.gateway.accounting.tally import Tally


def _spent(name: str) -> Spent:
    return Spent("r", "/x", "k", None, None, None, "p/m", name, "id", 1, 1, 1, 0, False, 0.0, 0.0)


class TallyTests(SynchronousTestCase):
    def test_names_that_callers_make_up_have_an_end(self) -> None:
        tally = Tally()
        for number in range(1500):
            tally.add(_spent(f"m{number}"))
        tally.add(_spent("m0"))
        calls = dict(next(iter(tally.families())).samples)
        self.assertEqual(len(calls), 1001)
        self.assertEqual((calls["m0",], calls["other models",]), (2, 500))
