"""Values against schemas."""

from __future__ import annotations

import json
import socket
from typing import Any
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.gateway.schemas.checker import Checker
from twisted_aigate.gateway.schemas.uncheckable import UncheckableError

_CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "size": {"type": "integer", "minimum": 1}},
    "required": ["city"],
    "additionalProperties": False,
}


def _fault(schema: Any, value: Any) -> str | None:
    text = value if isinstance(value, str) else json.dumps(value)
    return Checker(json.dumps(schema).encode()).fault(text)


class CheckerTests(SynchronousTestCase):
    """What fits and what does not."""

    def test_fits(self) -> None:
        """Each keyword of ours beside jsonschema's."""
        for schema, value in (
            (_CITY, {"city": "Tbilisi", "size": 3}),
            ({"pattern": "^a+$"}, '"aaa"'),
            ({"pattern": "^a+$"}, "1"),
            ({"patternProperties": {"^x": {"type": "integer"}}}, {"x1": 1, "y": "z"}),
            (
                {"patternProperties": {"^x": {}}, "additionalProperties": {"type": "null"}},
                {"x1": 1, "y": None},
            ),
            ({"properties": {"a": {}}, "unevaluatedProperties": False}, {"a": 1}),
            ({"uniqueItems": True}, [{"a": 1, "b": 2}, {"a": 2}]),
            ({"uniqueItems": False}, [1, 1]),
            ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "array"}}}, []),
            ({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"const": 1}]}, [1]),
            ({"format": "email"}, '"no address"'),
            (True, "1"),
        ):
            self.assertIsNone(_fault(schema, value), (schema, value))

    def test_does_not_fit(self) -> None:
        """The first thing that is wrong, and where."""
        for schema, value, said in (
            (_CITY, {}, "$: 'city' is a required property"),
            (_CITY, {"city": "x", "size": 0}, "$.size: 0 is less than the minimum of 1"),
            (_CITY, {"city": "x", "odd": 0}, "$: the property 'odd' is not allowed"),
            (_CITY, "not JSON", "it is not JSON"),
            (_CITY, '{"city": "cut o', "it is not JSON"),
            (_CITY, "", "it is not JSON"),
            (_CITY, "[" * 100_000, "it is not JSON"),
            (_CITY, '"\ud800"', "it is not JSON"),
            ({"pattern": "^a+$"}, '"b"', "does not match"),
            ({"patternProperties": {"^x": {"type": "integer"}}}, {"x1": "1"}, "$.x1"),
            (
                {"patternProperties": {"^x": {}}, "additionalProperties": {"type": "null"}},
                {"y": 1}, "$.y",
            ),
            ({"uniqueItems": True}, [{"a": 1, "b": 2}, {"b": 2, "a": 1}], "not unique"),
            ({"unevaluatedProperties": False}, {"a": 1}, "Unevaluated"),
            ({"items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"type": "array"}}}, [1], "$[0]"),
            (False, "1", "False schema"),
        ):  # fmt: skip
            found = _fault(schema, value)
            assert found is not None, (schema, value)
            self.assertIn(said, found)
            self.assertLess(len(found), 400)

    def test_no_schema(self) -> None:
        """What cannot be a schema is known before there is a value."""
        for schema in ({"type": "strange"}, {"properties": 1}, [], "x", {"multipleOf": 0}):
            with self.assertRaises(UncheckableError):
                Checker(json.dumps(schema).encode())
        for text in (b"{", b"", b'{"a":' * 50_000):
            with self.assertRaises(UncheckableError):
                Checker(text)

    def test_nothing_is_fetched(self) -> None:
        """A reference to elsewhere, or to nowhere, is none."""
        for reference in ("http://127.0.0.1:1/schema", "file:///etc/passwd", "#/$defs/none"):
            no_socket = mock.patch.object(socket, "socket", side_effect=AssertionError)
            with no_socket, self.assertRaises(UncheckableError) as caught:
                _fault({"$ref": reference}, "1")
            self.assertIn("a reference", str(caught.exception))

    def test_references_that_double(self) -> None:
        """Work that grows without bounds comes to an end."""
        definitions: dict[str, Any] = {
            f"d{number}": {"allOf": [{"$ref": f"#/$defs/d{number + 1}"}] * 2}
            for number in range(60)
        }
        definitions["d60"] = {}
        with self.assertRaises(UncheckableError) as caught:
            _fault({"$ref": "#/$defs/d0", "$defs": definitions}, "1")
        self.assertIn("too long", str(caught.exception))

    def test_reference_to_itself(self) -> None:
        """So does what leads in a circle."""
        with self.assertRaises(UncheckableError):
            _fault({"$ref": "#"}, "1")

    def test_pattern_that_explodes(self) -> None:
        """Python's own patterns would not come back from it."""
        text = json.dumps("a" * 5000 + "b")
        self.assertIsNotNone(_fault({"pattern": "^(a+)+$"}, text))
        value = {"a" * 5000 + "b": 1}
        self.assertIsNone(_fault({"patternProperties": {"^(a+)+$": False}}, value))

    def test_pattern_that_is_not_taken(self) -> None:
        """One that needs more than a walk over the text cannot be checked."""
        for schema in ({"pattern": "(?=a)"}, {"pattern": "("}):
            with self.assertRaises(UncheckableError):
                _fault(schema, '"a"')
        schema = {"patternProperties": {"a": {}}, "unevaluatedProperties": False}
        with self.assertRaises(UncheckableError):
            _fault(schema, "{}")

    def test_many_items(self) -> None:
        """Items that cannot be ordered are not compared each with each."""
        self.assertIsNone(_fault({"uniqueItems": True}, [{"n": n} for n in range(50_000)]))
