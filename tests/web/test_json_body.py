"""JSON bodies parsed into models."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.json_body import parse, parse_fields


class Inner(msgspec.Struct):
    size: int


class Outer(msgspec.Struct):
    name: str
    items: list[Inner] = []
    kind: Inner | None = None


DECODER = msgspec.json.Decoder(Outer)


class ParseTests(SynchronousTestCase):
    def refused(self, body: bytes) -> HTTPError:
        with self.assertRaises(HTTPError) as raised:
            parse(DECODER, body)
        self.assertEqual(raised.exception.status, 400)
        return raised.exception

    def test_a_body_becomes_the_model(self) -> None:
        self.assertEqual(
            parse(DECODER, b'{"name": "a", "items": [{"size": 1}]}'), Outer("a", [Inner(1)])
        )

    def test_a_missing_field_is_named(self) -> None:
        for body, name in (
            (b"{}", "name"),
            (b'{"name": "a", "kind": {}}', "kind.size"),
            (b'{"name": "a", "items": [{"size": 1}, {}]}', "items[1].size"),
        ):
            error = self.refused(body)
            self.assertEqual(error.param, name)
            self.assertEqual(error.message, f"Missing required parameter: '{name}'.")

    def test_a_field_of_the_wrong_type_is_named(self) -> None:
        for body, name in (
            (b'{"name": 1}', "name"),
            (b'{"name": "a", "items": [{"size": "x"}]}', "items[0].size"),
            (b'{"name": "a", "kind": 7}', "kind"),
        ):
            error = self.refused(body)
            self.assertEqual(error.param, name)
            self.assertIn(name, error.message)

    def test_a_body_of_the_wrong_type_names_no_field(self) -> None:
        for body in (b"[]", b"1", b"null", b'"x"'):
            self.assertIsNone(self.refused(body).param)

    def test_what_is_no_json_is_refused(self) -> None:
        for body in (b"", b"{", b"{'name': 1}", b'{"name": "a"} x', b'{"name": "\xff"}', b"NaN"):
            self.assertIn("JSON", self.refused(body).message)

    def test_depth_without_end_is_refused(self) -> None:
        self.refused(b'{"name": "a", "other": ' + b"[" * 100_000)

    def test_a_refusal_does_not_repeat_what_was_sent(self) -> None:
        for body in (b'{"name": 1, "key": "sk-secret"}', b'{"key": "sk-secret"', b'"sk-secret"'):
            self.assertNotIn("sk-secret", self.refused(body).message)

    @given(st.binary(max_size=80))
    def test_whatever_comes_is_parsed_or_refused(self, body: bytes) -> None:
        try:
            parse(DECODER, body)
        except HTTPError as error:
            self.assertEqual(error.status, 400)


class FieldsTests(SynchronousTestCase):
    def test_fields_keep_the_text_that_they_came_in(self) -> None:
        fields = parse_fields(b'{"a": 1.50, "b": {"c" : [1, 2]}}')
        self.assertEqual(bytes(fields["a"]), b"1.50")
        self.assertEqual(bytes(fields["b"]), b'{"c" : [1, 2]}')

    def test_only_an_object_has_fields(self) -> None:
        for body in (b"[]", b"1", b"{"):
            self.assertRaises(HTTPError, parse_fields, body)

    def test_a_value_can_be_put_among_them(self) -> None:
        fields = parse_fields(b'{"a": 1}')
        fields["b"] = msgspec.Raw(b'{"c": true}')
        whole = msgspec.json.decode(msgspec.json.encode(fields))
        self.assertEqual(whole, {"a": 1, "b": {"c": True}})
