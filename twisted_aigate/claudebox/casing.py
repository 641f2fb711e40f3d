"""
Claude Code's C{snake_case} field names as the C{camelCase} ones of our answers.

Only names of fields are re-cased. What is data stays: a tool's input and result, a structured
output, model names that are keys.
"""

from __future__ import annotations

import re
from typing import Any

_BOUNDARY = re.compile(r"_+([a-z0-9])")
_DATA = frozenset(("structured_output", "tool_input", "modelUsage", "result", "input", "content"))
"""Fields whose value is not Claude Code's own."""


def camel(name: str) -> str:
    """C{tool_use_id} as C{toolUseId}."""
    return _BOUNDARY.sub(lambda match: match[1].upper(), name)


def camelled(value: Any) -> Any:
    """A value with the names of all fields re-cased, down to what is data."""
    if isinstance(value, dict):
        return {
            camel(name): each if name in _DATA else camelled(each) for name, each in value.items()
        }
    if isinstance(value, list):
        return [camelled(each) for each in value]
    return value
