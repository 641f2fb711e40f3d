"""Who may do what."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from tests.support.storage import (
    ALICE,
    BOB,
    KEYS,
    MASTER_KEY,
    PRIVATE,
    PRIVATE_KEY,
    UPLOADS,
    UPLOADS_KEY,
)
from twisted_aigate.storage.access import AccessKeys, may_make_buckets, may_read, owns
from twisted_aigate.storage.models import Bucket

OF_ALICE = Bucket("pictures", "alice", False, 0.0, 0, 0.0)
OF_MASTER = Bucket("made", "master", False, 0.0, 0, 0.0)


class RulesTests(SynchronousTestCase):
    """Each key on each bucket."""

    def test_owns(self) -> None:
        """The master all, a bucket's key that one, a user those that it made."""
        owned = {
            key.public: [
                bucket.name
                for bucket in (UPLOADS, PRIVATE, OF_ALICE, OF_MASTER)
                if owns(key, bucket)
            ]
            for key in KEYS
        }
        self.assertEqual(
            owned,
            {
                "master": ["uploads", "private", "pictures", "made"],
                "uploads": ["uploads"],
                "private": ["private"],
                "AKALICE": ["pictures"],
                "AKBOB": [],
            },
        )
        self.assertFalse(owns(None, UPLOADS))

    def test_may_read(self) -> None:
        """Everyone what is public, and otherwise who owns it."""
        for key in (None, *KEYS):
            self.assertTrue(may_read(key, UPLOADS))
            self.assertEqual(may_read(key, PRIVATE), owns(key, PRIVATE))
            self.assertTrue(may_read(key, evolve(PRIVATE, public=True)))

    def test_may_make_buckets(self) -> None:
        """The master and users."""
        makers = [key for key in (None, *KEYS) if may_make_buckets(key)]
        self.assertEqual(makers, [MASTER_KEY, ALICE, BOB])


class AccessKeysTests(SynchronousTestCase):
    """Finding a key."""

    def test_found(self) -> None:
        """By the token of a plain caller, and by the access key of one that signs."""
        keys = AccessKeys(KEYS)
        for key in KEYS:
            self.assertIs(keys.by_token(key.secret.reveal().encode()), key)
            self.assertIs(keys.by_public(key.public), key)

    def test_not_found(self) -> None:
        """An access key is no token, and a part of a token is none."""
        keys = AccessKeys(KEYS)
        for token in (b"", b"master", b"sk-maste", b"sk-master ", b"\xff"):
            self.assertIsNone(keys.by_token(token), token)
        for public in ("", "sk-master", "MASTER", "\xff"):
            self.assertIsNone(keys.by_public(public), public)
        self.assertIsNone(AccessKeys(()).by_token(b""))

    def test_replaced(self) -> None:
        """The new ones count, the old ones no more."""
        keys = AccessKeys((UPLOADS_KEY,))
        keys.replace((PRIVATE_KEY,))
        self.assertIsNone(keys.by_token(b"sk-uploads"))
        self.assertIsNone(keys.by_public("uploads"))
        self.assertIs(keys.by_token(b"sk-private"), PRIVATE_KEY)
