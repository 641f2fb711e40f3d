"""
Declaring a variable once: its name, kind, default and what is allowed.

A settings class is an attrs class whose attributes are made by L{variable}; L{read} builds it
from an environment, and L{describe} prints it back with secrets masked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import attrs

from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.settings.environment import Environment

_T = TypeVar("_T")
_METADATA = "aigate.variable"
_LOGIN = re.compile(r"(?<=://)[^/?#\s]*@")
"""Who a URL says that we are (RFC 3986, 3.2.1), mostly with a password."""


class SettingsError(Exception):
    """A variable is missing or wrong; its text is the one line that the operator reads."""


@attrs.frozen
class Kind:
    """
    What a variable's value must be.

    @ivar parse: Text to value; raises L{ValueError}.
    @ivar name: The kind in a word or two: C{a port}.
    @ivar allowed: What is allowed, as an operator would write it.
    @ivar nothing: How C{None} is shown.
    """

    parse: Callable[[str], Any]
    name: str
    allowed: str
    nothing: str = "(unset)"


@attrs.frozen
class _Variable:
    names: tuple[str, ...]
    kind: Kind
    default: str | None
    required: bool


def variable(
    name: str,
    kind: Kind,
    default: str | None = None,
    *,
    aliases: tuple[str, ...] = (),
    required: bool = False,
) -> Any:
    """
    Declare an attribute that is read from the environment.

    @param name: The variable; it wins over its aliases.
    @param kind: How to parse it and what to say when it is wrong.
    @param default: The default as text, parsed like any other value; C{None}: the value is None.
    @param aliases: Other names that are read too.
    @param required: There is no default and the start fails without a value.
    """
    declared = _Variable((name, *aliases), kind, default, required)
    return attrs.field(metadata={_METADATA: declared})


def _value(declared: _Variable, environment: Environment) -> Any:
    for name in declared.names:
        text = environment.get(name, "")
        if text != "":
            break
    else:
        if declared.required:
            raise SettingsError(
                f"{declared.names[0]}: {declared.kind.name} is needed ({declared.kind.allowed})"
            )
        if declared.default is None:
            return None
        name, text = declared.names[0], declared.default
    try:
        return declared.kind.parse(text)
    except ValueError:
        # The value itself may be a secret put under the wrong name: it is not repeated.
        raise SettingsError(
            f"{name}: not {declared.kind.name}; allowed: {declared.kind.allowed}"
        ) from None


def read(settings_class: type[_T], environment: Environment) -> _T:
    """
    Build a settings class, and the settings classes nested in it, from an environment.

    @raise SettingsError: A variable is missing or wrong.
    """
    values: dict[str, Any] = {}
    for attribute in attrs.fields(attrs.resolve_types(cast("Any", settings_class))):
        declared = attribute.metadata.get(_METADATA)
        if declared is None:
            values[attribute.name] = read(cast("type[Any]", attribute.type), environment)
        else:
            values[attribute.name] = _value(declared, environment)
    return settings_class(**values)


def read_variable(settings_class: type[Any], name: str, environment: Environment) -> Any:
    """
    The value of one attribute of a settings class, before all of them can be read.

    @raise SettingsError: Its variable is missing or wrong.
    """
    return _value(getattr(attrs.fields(settings_class), name).metadata[_METADATA], environment)


def _shown(value: object, kind: Kind) -> str:
    if isinstance(value, Secret):
        return "****"
    if value is None:
        return kind.nothing
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _LOGIN.sub("****@", str(value))


def declared(settings_class: type[Any]) -> Iterator[tuple[str, str | None]]:
    """
    The variables of a settings class, and of those nested in it, as (variable, default) pairs.

    @return: The default as text; C{None} where there is none.
    """
    for attribute in attrs.fields(attrs.resolve_types(settings_class)):
        found = attribute.metadata.get(_METADATA)
        if found is None:
            yield from declared(attribute.type)
        else:
            yield found.names[0], found.default


def describe(settings: Any) -> Iterator[tuple[str, str]]:
    """
    The effective configuration as (variable, value) pairs, secrets masked.

    @param settings: An instance that L{read} made.
    """
    for attribute in attrs.fields(type(settings)):
        value = getattr(settings, attribute.name)
        declared = attribute.metadata.get(_METADATA)
        if declared is None:
            yield from describe(value)
        else:
            yield declared.names[0], _shown(value, declared.kind)
