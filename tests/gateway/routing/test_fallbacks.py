"""Which models stand in for one that failed."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.routing.failures import Meaning
from twisted_aigate.gateway.routing.fallbacks import fallbacks_of
from twisted_aigate.gateway.routing.policy import Policy

_GENERAL = (Meaning.RETRY, Meaning.ELSEWHERE)
_SPECIAL = (Meaning.CONTEXT_WINDOW, Meaning.CONTENT_POLICY)


class FallbackTests(SynchronousTestCase):
    """By kind of failure."""

    def test_kinds(self) -> None:
        """Each kind has its own chain; a wrong call has none."""
        policy = Policy(
            fallbacks={"a": ("b", "c")},
            context_window_fallbacks={"a": ("large",)},
            content_policy_fallbacks={"a": ("tolerant",)},
            default_fallbacks=("d",),
        )
        for meaning, expected in (
            *((meaning, ("b", "c")) for meaning in _GENERAL),
            (Meaning.CONTEXT_WINDOW, ("large",)),
            (Meaning.CONTENT_POLICY, ("tolerant",)),
            (Meaning.FINAL, ()),
        ):
            self.assertEqual(fallbacks_of(policy, "a", meaning), expected, meaning)

    def test_default(self) -> None:
        """For names without an entry; an entry that is empty is one."""
        policy = Policy(fallbacks={"a": ("b",), "alone": ()}, default_fallbacks=("d",))
        self.assertEqual(fallbacks_of(policy, "a", Meaning.RETRY), ("b",))
        self.assertEqual(fallbacks_of(policy, "other", Meaning.RETRY), ("d",))
        self.assertEqual(fallbacks_of(policy, "alone", Meaning.RETRY), ())
        self.assertEqual(fallbacks_of(policy, "d", Meaning.RETRY), ())

    def test_star(self) -> None:
        """The entry of all names, in each table; one of a name's own wins."""
        table = {"*": ("d",), "a": ("b",)}
        policy = Policy(
            fallbacks=table,
            context_window_fallbacks=table,
            content_policy_fallbacks=table,
            default_fallbacks=("e",),
        )
        for meaning in (*_GENERAL, *_SPECIAL):
            self.assertEqual(fallbacks_of(policy, "a", meaning), ("b",))
            self.assertEqual(fallbacks_of(policy, "x", meaning), ("d",))

    def test_kinds_without_a_table(self) -> None:
        """They have the general chain; with a table, who is not in it has none."""
        policy = Policy(fallbacks={"a": ("b",)})
        for meaning in _SPECIAL:
            self.assertEqual(fallbacks_of(policy, "a", meaning), ("b",))
        other = {"other": ("large",)}
        policy = Policy(
            fallbacks={"a": ("b",)}, context_window_fallbacks=other, content_policy_fallbacks=other
        )
        for meaning in _SPECIAL:
            self.assertEqual(fallbacks_of(policy, "a", meaning), ())

    def test_itself_and_twice(self) -> None:
        """No model stands in for itself, and none is asked twice."""
        chain = {"a": ("a", "b", "b", "a", "c", "b")}
        policy = Policy(fallbacks=chain, context_window_fallbacks=chain)
        for meaning in (Meaning.RETRY, Meaning.CONTEXT_WINDOW):
            self.assertEqual(fallbacks_of(policy, "a", meaning), ("b", "c"))

    def test_nothing(self) -> None:
        """Without any there are none."""
        for meaning in Meaning:
            self.assertEqual(fallbacks_of(Policy(), "a", meaning), ())
