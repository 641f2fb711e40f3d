"""Keys that are kept sealed."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.jobs.models import Owner
from twisted_aigate.jobs.sealing import Seal
from twisted_aigate.kernel.secrets import Secret


class SealTests(SynchronousTestCase):
    """Under two master keys."""

    def setUp(self) -> None:
        self.seal = Seal(Secret("sk-one"))

    def test_owners(self) -> None:
        """The master sees all; two keys are two owners, and their names are not the keys."""
        self.assertEqual(self.seal.owner(b"sk-one"), Owner("master"))
        alice, bob = self.seal.owner(b"sk-alice"), self.seal.owner(b"sk-bob")
        self.assertTrue(self.seal.owner(b"sk-one").sees_all)
        self.assertFalse(alice.sees_all)
        self.assertNotEqual(alice.name, bob.name)
        self.assertNotIn("sk-alice", alice.name)

    def test_sealed(self) -> None:
        """What is kept is not the key, and opens to it under the same master key alone."""
        sealed = self.seal.close(self.seal.owner(b"sk-alice"))
        self.assertNotIn("alice", sealed)
        self.assertEqual(Seal(Secret("sk-one")).open(sealed), b"sk-alice")
        self.assertEqual(Seal(Secret("sk-two")).open(sealed), b"")

    def test_master(self) -> None:
        """The master key is not kept at all: it is the one of the day."""
        sealed = self.seal.close(self.seal.owner(b"sk-one"))
        self.assertIsNone(sealed)
        self.assertEqual(Seal(Secret("sk-two")).open(sealed), b"sk-two")
