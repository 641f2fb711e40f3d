"""
JSON schemas as Claude models take them: for answers, and for tools whose calls must keep to one.

Their constraints are a subset; what is outside it moves into the description, where the model reads
it. Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from __future__ import annotations

from typing import Any

import msgspec

Schema = dict[str, Any]

_KEPT = ("type", "enum", "const", "title", "default", "$ref")
_MANY = {"properties", "$defs", "definitions"}
_VARIANTS = {"anyOf": "anyOf", "oneOf": "anyOf", "allOf": "allOf"}
_FORMATS = frozenset(
    (
        "date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid",
    )
)  # fmt: skip
_DROPPED = frozenset(("$schema", "$id", "additionalProperties", "strict"))


def closed_schema(schema: Any) -> Any:
    """A schema within the subset; objects have no properties but those that are named."""
    if not isinstance(schema, dict):
        return schema
    closed: Schema = {}
    outside: Schema = {}
    for name, value in schema.items():
        if name in _KEPT or name == "required" or _is_enforced(name, value):
            closed[name] = value
        elif name in _MANY and isinstance(value, dict):
            closed[name] = {key: closed_schema(each) for key, each in value.items()}
        elif name == "items":
            closed[name] = closed_schema(value)
        elif name in _VARIANTS and isinstance(value, list):
            closed[_VARIANTS[name]] = [closed_schema(each) for each in value]
        elif name not in _DROPPED and name != "description":
            outside[name] = value
    if schema.get("type") == "object" or "properties" in schema:
        closed["additionalProperties"] = False
    description = "\n\n".join(filter(None, (schema.get("description"), _said(outside))))
    return {**closed, "description": description} if description else closed


def _is_enforced(name: str, value: Any) -> bool:
    return (name == "format" and value in _FORMATS) or (name == "minItems" and value in (0, 1))


def _said(outside: Schema) -> str:
    return msgspec.json.encode(outside).decode("utf-8") if outside else ""
