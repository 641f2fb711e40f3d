"""Secrets do not show themselves."""

from __future__ import annotations

import copy

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.secrets import Secret, new_token


class SecretTests(SynchronousTestCase):
    def test_no_way_of_printing_shows_it(self) -> None:
        secret = Secret("swordfish")
        for shown in (
            str(secret),
            repr(secret),
            f"{secret}",
            f"{secret!r}",
            f"{secret!s}",
            "%s" % secret,  # noqa: UP031
            repr([secret]),
            repr({"a": secret}),
            repr(copy.copy(secret)),
        ):
            self.assertNotIn("swordfish", shown)
            self.assertIn("****", shown)

    def test_formatting_it_to_a_width_does_not_show_it(self) -> None:
        try:
            shown = f"{Secret('swordfish'):>20}"
        except TypeError:
            return
        self.assertNotIn("swordfish", shown)

    def test_it_is_revealed_on_demand(self) -> None:
        self.assertEqual(Secret("schwört").reveal(), "schwört")

    def test_it_matches_itself_alone(self) -> None:
        secret = Secret("swordfish")
        self.assertTrue(secret.matches(b"swordfish"))
        for candidate in (b"", b"swordfis", b"swordfish ", b"SWORDFISH", b"\xff"):
            self.assertFalse(secret.matches(candidate))

    def test_equal_secrets_are_equal_and_nothing_else_is(self) -> None:
        self.assertEqual(Secret("a"), Secret("a"))
        self.assertEqual(hash(Secret("a")), hash(Secret("a")))
        self.assertNotEqual(Secret("a"), Secret("b"))
        self.assertNotEqual(Secret("a"), "a")

    def test_an_empty_one_is_false(self) -> None:
        self.assertFalse(Secret(""))
        self.assertTrue(Secret("a"))


class NewTokenTests(SynchronousTestCase):
    def test_what_is_derived_lasts_and_is_another(self) -> None:
        secret = Secret("swordfish")
        derived = secret.derive("purpose", "sk-")
        self.assertEqual(derived, Secret("swordfish").derive("purpose", "sk-"))
        self.assertRegex(derived.reveal(), r"\Ask-[0-9a-f]{64}\Z")
        for other in (secret.derive("another", "sk-"), Secret("other").derive("purpose", "sk-")):
            self.assertNotEqual(derived, other)

    def test_tokens_are_long_fit_a_header_and_differ(self) -> None:
        tokens = {new_token("sk-") for _ in range(100)}
        self.assertEqual(len(tokens), 100)
        for token in tokens:
            self.assertRegex(token, r"^sk-[A-Za-z0-9_-]{43}$")
