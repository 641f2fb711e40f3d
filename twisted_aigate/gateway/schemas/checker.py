"""
Checking a value against a schema that a stranger wrote.

Nothing is fetched: C{$ref} goes no further than the schema itself. The work is counted, since a
small schema can ask for more than there is time (references that double at each step), and patterns
are RE2's, which take time in proportion to the text.
Source: https://json-schema.org/draft/2020-12
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import re2
from attrs import evolve
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.exceptions import SchemaError
from jsonschema.protocols import Validator
from jsonschema.validators import extend, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from twisted_aigate.gateway.schemas.uncheckable import UncheckableError

_MOST_WORK = 30_000
"""Keywords of the schema that are looked at for one value: a second or so."""

_MOST_SAID = 300

_Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]


class _Work(FormatChecker):
    """Counts; it goes along as the checker of formats, of which none is checked."""

    def __init__(self) -> None:
        super().__init__(formats=())
        self.left = _MOST_WORK

    def spend(self, work: int) -> None:
        self.left -= work
        if self.left < 0:
            raise UncheckableError("checking it takes too long")


def _counted(keyword: _Keyword) -> _Keyword:
    def counted(
        validator: Any, value: Any, instance: Any, schema: Any
    ) -> Iterator[ValidationError] | None:
        # An object or a list may be walked as a whole.
        size = len(instance) if isinstance(instance, (dict, list)) else 1
        validator.format_checker.spend(1 + size // 16)
        return keyword(validator, value, instance, schema)

    return counted


def _matches(pattern: str, text: str) -> bool:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options).search(text) is not None
    except re2.error:
        raise UncheckableError(f"the pattern {pattern!r} is not one of RE2's") from None


def _pattern(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not _matches(value, instance):
        yield ValidationError(f"{instance!r} does not match {value!r}")


def _pattern_properties(
    validator: Any, value: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if validator.is_type(instance, "object"):
        for pattern, inner in value.items():
            for key, item in instance.items():
                if _matches(pattern, key):
                    yield from validator.descend(item, inner, path=key, schema_path=pattern)


def _additional_properties(
    validator: Any, value: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    patterns = schema.get("patternProperties", {})
    for key, item in instance.items():
        if key in schema.get("properties", {}) or any(_matches(each, key) for each in patterns):
            continue
        if value is False:
            yield ValidationError(f"the property {key!r} is not allowed")
        else:
            yield from validator.descend(item, value, path=key)


def _unevaluated_properties(
    validator: Any, value: Any, instance: Any, schema: Any
) -> Iterator[ValidationError] | None:
    if b'"patternProperties"' in msgspec.json.encode(schema):
        raise UncheckableError("it has unevaluatedProperties along with patternProperties")
    keyword: _Keyword = Draft202012Validator.VALIDATORS["unevaluatedProperties"]
    return keyword(validator, value, instance, schema)


def _unique_items(
    validator: Any, value: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    # As they are written: jsonschema compares each with each.
    if value and validator.is_type(instance, "array"):
        written = {msgspec.json.encode(item, order="deterministic") for item in instance}
        if len(written) < len(instance):
            yield ValidationError("it has items that are not unique")


_OURS: dict[str, _Keyword] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "unevaluatedProperties": _unevaluated_properties,
    "uniqueItems": _unique_items,
}


def _safe(kind: Any) -> Any:
    ours = {name: each for name, each in _OURS.items() if name in kind.VALIDATORS}
    keywords = {**kind.VALIDATORS, **ours}
    counted = {name: _counted(keyword) for name, keyword in keywords.items()}
    return extend(kind, counted)  # type: ignore[no-untyped-call]  # jsonschema's


class Checker:
    """
    Checks values against one schema. It may be used by several threads.

    @param schema: The schema, as JSON.
    @raise UncheckableError: It is no schema.
    """

    def __init__(self, schema: bytes) -> None:
        try:
            decoded = msgspec.json.decode(schema)
            kind = validator_for(decoded, default=Draft202012Validator)
            kind.check_schema(decoded)
        except SchemaError as error:
            raise UncheckableError(_said(error)) from None
        except (msgspec.MsgspecError, RecursionError, TypeError, AttributeError) as error:
            raise UncheckableError(f"it cannot be read: {error}") from None
        self._validator: Validator = _safe(kind)(decoded, registry=Registry())

    def fault(self, text: str) -> str | None:
        """
        What is wrong with a text that is to be a value that fits.

        @return: The first thing, in a line; C{None}: it fits.
        @raise UncheckableError: That cannot be known.
        """
        try:
            value = msgspec.json.decode(text)
        except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError) as error:
            return f"it is not JSON: {error}"
        try:
            # A validator is an attrs value; its interface does not say so.
            validator: Any = evolve(self._validator, format_checker=_Work())  # type: ignore[misc]
            found = next(iter(validator.iter_errors(value)), None)
        except (Unresolvable, RecursionError) as broken:
            raise UncheckableError(f"a reference leads nowhere: {broken}") from None
        return None if found is None else _said(found)


def _said(error: ValidationError | SchemaError) -> str:
    return f"{error.json_path}: {error.message}"[:_MOST_SAID]
