"""What a request asks of the cache."""

from __future__ import annotations

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.cache.controls import NONE, CacheField, Controls, read_controls


def field(value: object) -> CacheField:
    return msgspec.convert(value, CacheField)


class ControlsTests(SynchronousTestCase):
    def test_nothing(self) -> None:
        self.assertIs(read_controls(None, None), NONE)
        self.assertEqual(read_controls(field({}), b""), NONE)

    def test_the_body(self) -> None:
        said = {
            "no-cache": True,
            "no-store": True,
            "use-cache": True,
            "ttl": 5,
            "s-maxage": 7,
            "namespace": "n",
        }
        self.assertEqual(
            read_controls(field(said), None), Controls(True, True, True, 5.0, 7.0, "n")
        )

    def test_the_header(self) -> None:
        expected = {
            b"no-cache": Controls(no_cache=True),
            b"No-Store": Controls(no_store=True),
            b"no-cache, no-store": Controls(no_cache=True, no_store=True),
            b"max-age=30, s-maxage=10": Controls(s_maxage=10),
            b"max-age=soon, immutable": NONE,
        }
        for header, controls in expected.items():
            self.assertEqual(read_controls(None, header), controls)

    def test_the_body_wins(self) -> None:
        self.assertEqual(
            read_controls(field({"no-cache": False}), b"no-cache, no-store"),
            Controls(no_store=True),
        )

    def test_wrong(self) -> None:
        for value in ({"ttl": -1}, {"s-maxage": "long"}, {"no-cache": "yes"}, "no-cache"):
            self.assertRaises(msgspec.ValidationError, field, value)
