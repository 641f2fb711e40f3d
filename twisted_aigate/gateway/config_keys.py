"""What stands in a configuration and is not read: found by walking it along its model."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import inspect


def unknown_keys(value: object, model: type[msgspec.Struct]) -> list[str]:
    """
    The keys that a model does not know.

    @param value: What was read, before the model took its part of it.
    @return: Each once, with the names on the way to it; an item of a list, and a name that is the
        user's own, is no part of the way.
    """
    return sorted(set(_unknown(value, inspect.type_info(model), "")))


def _unknown(value: object, kind: inspect.Type, where: str) -> Iterator[str]:
    if isinstance(kind, inspect.UnionType):
        for each in kind.types:
            yield from _unknown(value, each, where)
    elif isinstance(kind, inspect.ListType) and isinstance(value, list):
        for item in value:
            yield from _unknown(item, kind.item_type, where)
    elif isinstance(kind, inspect.DictType) and isinstance(value, dict):
        for item in value.values():
            yield from _unknown(item, kind.value_type, where)
    elif isinstance(kind, inspect.StructType) and isinstance(value, dict):
        known = {field.encode_name: field.type for field in kind.fields}
        for key, item in value.items():
            if key in known:
                yield from _unknown(item, known[key], f"{where}{key}.")
            else:
                yield f"{where}{key}"
