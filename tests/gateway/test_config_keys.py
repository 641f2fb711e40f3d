"""Keys of a configuration that nobody reads."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.config_keys import unknown_keys


class _Inner(msgspec.Struct):
    known: int = 0


class _Outer(msgspec.Struct):
    inner: _Inner | None = None
    listed: list[_Inner] = []
    named: dict[str, str | _Inner] = {}
    free: dict[str, Any] = {}


class UnknownKeysTests(SynchronousTestCase):
    """What is found."""

    def test_everywhere(self) -> None:
        """At any depth, once, in the order of their names."""
        value = {
            "z": 1,
            "inner": {"known": 1, "a": {"b": 1}},
            "listed": [{"a": 1}, {"a": 2, "known": 1}],
            "named": {"mine": "text", "yours": {"b": 1}},
            "free": {"anything": {"goes": 1}},
        }
        found = ["inner.a", "listed.a", "named.b", "z"]
        self.assertEqual(unknown_keys(value, _Outer), found)

    def test_other_types(self) -> None:
        """What is of another type than its model has it is not looked into."""
        for value in ([], {"inner": [1], "listed": {"a": 1}, "named": [{"b": 1}]}, None):
            self.assertEqual(unknown_keys(value, _Outer), [])
