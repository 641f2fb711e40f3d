"""
JSON held against the types of a vendor's own client: what its API is said to take.

The clients do not check what they send, and pydantic passes over what it does not know; this walks
the annotations themselves, and takes nothing that they do not name.
"""

from __future__ import annotations

import base64
import binascii
import collections.abc
import enum
import os
import types
import typing
from typing import Any

import pydantic
import typing_extensions

_LISTS = (list, collections.abc.Iterable, collections.abc.Sequence)
_FILES = (typing.IO, os.PathLike)
_WRAPPERS = (
    typing.Annotated, typing.Required, typing.NotRequired,
    typing_extensions.Required, typing_extensions.NotRequired,
)  # fmt: skip


def problems(value: Any, annotation: Any, where: str = "$") -> list[str]:
    """
    What is wrong with a value.

    @param annotation: A type of the client's: a C{TypedDict}, a pydantic model, or made of those.
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any or annotation is object or isinstance(annotation, typing.TypeVar):
        return []
    if origin in _WRAPPERS:
        return problems(value, arguments[0], where)
    if origin in (typing.Union, types.UnionType):
        return _of_union(value, arguments, where)
    if origin is typing.Literal:
        return [] if value in arguments else [f"{where}: {value!r} is none of {arguments}"]
    if origin in (dict, collections.abc.Mapping):
        return _of_mapping(value, arguments[1], where)
    if origin in _LISTS or getattr(origin, "__name__", "") == "SequenceNotStr":
        return _of_list(value, arguments[0], where)
    if typing_extensions.is_typeddict(annotation):
        hints = typing_extensions.get_type_hints(annotation, include_extras=True)
        required = annotation.__required_keys__
        return _of_object(value, hints, required, where)
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        fields = annotation.model_fields
        named = {field.alias or name: field.annotation for name, field in fields.items()}
        required = {field.alias or name for name, field in fields.items() if field.is_required()}
        return _of_object(value, named, required, where)
    return _of_scalar(value, annotation, where)


def _of_union(value: Any, members: tuple[Any, ...], where: str) -> list[str]:
    found = [problems(value, member, where) for member in members]
    if not all(found):
        return []
    # The nearest member is the one that the deepest complaint is about.
    return max(found, key=lambda said: max(map(len, said)))


def _of_list(value: Any, item: Any, where: str) -> list[str]:
    if not isinstance(value, list):
        return [f"{where}: {value!r} is no list"]
    return [said for n, each in enumerate(value) for said in problems(each, item, f"{where}.{n}")]


def _of_mapping(value: Any, item: Any, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where}: {value!r} is no object"]
    return [said for n, each in value.items() for said in problems(each, item, f"{where}.{n}")]


def _of_object(
    value: Any, hints: dict[str, Any], required: collections.abc.Iterable[str], where: str
) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where}: {value!r} is no object"]
    found = [f"{where}.{name}: missing" for name in required if name not in value]
    for name, each in value.items():
        if name not in hints:
            found.append(f"{where}.{name}: not known")
        else:
            found += problems(each, hints[name], f"{where}.{name}")
    return found


def _of_scalar(value: Any, kind: Any, where: str) -> list[str]:
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        good = value in [member.value for member in kind]
    elif kind is bytes:
        good = isinstance(value, str) and _is_base64(value)
    elif kind is float:
        good = isinstance(value, int | float) and not isinstance(value, bool)
    elif kind is int:
        good = isinstance(value, int) and not isinstance(value, bool)
    elif kind in (None, type(None)):
        good = value is None
    elif kind in (dict, list, str, bool):
        good = isinstance(value, kind)
    elif kind in _FILES or typing.get_origin(kind) in _FILES:
        good = False  # the client reads it, and sends what is in it
    else:
        raise AssertionError(f"{where}: the type {kind!r} is not known here")
    return [] if good else [f"{where}: {value!r} is no {getattr(kind, '__name__', kind)}"]


def _is_base64(value: str) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        return False
    return True
