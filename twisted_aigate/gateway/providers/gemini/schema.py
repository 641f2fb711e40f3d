"""
JSON schemas as Gemini's functions take them: a part of OpenAPI's.

Source: https://ai.google.dev/api/caching#Schema
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

_SAME = (
    "title", "description", "minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength",
    "minProperties", "maxProperties", "pattern",
)  # fmt: skip
_FORMATS = {
    "STRING": ("date-time", "enum"),
    "INTEGER": ("int32", "int64"),
    "NUMBER": ("float", "double"),
}
_DEEPEST = 24
"""Levels; a schema that refers to itself has no end."""


def openapi_schema(schema: Schema) -> Schema:
    """
    A schema within the part.

    References are written out where they stand; C{null} becomes C{nullable}; what the part does
    not have is left out.
    """
    definitions = {
        f"#/{name}/{key}": value
        for name in ("$defs", "definitions")
        for key, value in _mapping(schema.get(name)).items()
    }
    return _converted(schema, definitions, 0)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _converted(schema: Any, definitions: Mapping[str, Any], depth: int) -> Schema:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return {"type": "OBJECT"}
    if "$ref" in schema:
        referred = _mapping(definitions.get(str(schema["$ref"])))
        rest = {name: value for name, value in schema.items() if name != "$ref"}
        return _converted({**referred, **rest}, definitions, depth + 1)
    for part in schema.get("allOf") or ():
        rest = {name: value for name, value in schema.items() if name != "allOf"}
        schema = _merged(rest, _resolved(part, definitions))
    variants, nullable = _variants(schema)
    made: Schema = {name: schema[name] for name in _SAME if name in schema}
    if nullable:
        made["nullable"] = True
    if len(variants) == 1:
        return {**_converted(variants[0], definitions, depth + 1), **made}
    if variants:
        return {**made, "anyOf": [_converted(each, definitions, depth + 1) for each in variants]}
    kind = _kind(schema)
    return {**made, "type": kind, **_of_kind(kind, schema, definitions, depth)}


def _resolved(schema: Any, definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    found = _mapping(schema)
    return _mapping(definitions.get(str(found["$ref"]))) if "$ref" in found else found


def _merged(one: Schema, other: Mapping[str, Any]) -> Schema:
    properties = {**_mapping(one.get("properties")), **_mapping(other.get("properties"))}
    required = [*(one.get("required") or ()), *(other.get("required") or ())]
    merged = {**other, **one}
    if properties:
        merged["properties"] = properties
    if required:
        merged["required"] = required
    return merged


def _variants(schema: Schema) -> tuple[list[Schema], bool]:
    """The schemas of which one holds, and whether C{null} is among them."""
    kinds = schema.get("type")
    found = schema.get("anyOf") or schema.get("oneOf") or ()
    if isinstance(kinds, list):
        rest = {name: value for name, value in schema.items() if name != "type"}
        found = [{**rest, "type": kind} for kind in kinds]
    variants = [each for each in found if _mapping(each).get("type") != "null"]
    return variants, len(variants) < len(found)


def _kind(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, str):
        return kind.upper()
    if "properties" in schema:
        return "OBJECT"
    return "ARRAY" if "items" in schema else "STRING"


def _of_kind(kind: str, schema: Schema, definitions: Mapping[str, Any], depth: int) -> Schema:
    made: Schema = {}
    if schema.get("format") in _FORMATS.get(kind, ()):
        made["format"] = schema["format"]
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    if kind == "STRING" and values:
        # The empty string is none that it takes.
        made["enum"] = [str(value) for value in values if value not in (None, "")]
    if kind == "ARRAY":
        made["items"] = _converted(schema.get("items", {}), definitions, depth + 1)
    if kind == "OBJECT":
        properties = _mapping(schema.get("properties"))
        if properties:
            made["properties"] = {
                name: _converted(each, definitions, depth + 1) for name, each in properties.items()
            }
        required = [name for name in schema.get("required") or () if name in properties]
        if required:
            made["required"] = required
    return made
