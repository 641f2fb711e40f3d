"""
The section C{mcp_servers} of the configuration file, as LiteLLM has it.

Source: https://docs.litellm.ai/docs/mcp
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from attrs import frozen

from twisted_aigate.http_client.messages import Fields, split_url
from twisted_aigate.kernel.settings import ConfigError, Configuration

SECTIONS = ("mcp_servers",)
"""The sections of the configuration file that are ours."""

_LEAST_SECRET = 8
_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")


class _Entry(msgspec.Struct):
    url: str | None = None
    transport: Literal["http", "sse", "stdio"] | None = None
    command: str | None = None
    args: list[str] = []
    env: dict[str, str | None] = {}
    auth_type: Literal["none", "api_key", "bearer_token", "basic", "authorization"] | None = None
    auth_value: str | None = None
    authentication_token: str | None = None
    static_headers: dict[str, str | None] = {}
    allowed_tools: list[str] | None = None


@frozen
class ServerConfig:
    """
    A server.

    @ivar name: Its name, which stands before those of its tools.
    @ivar url: Where it is; C{None}: it is started.
    @ivar sse: It speaks the older transport.
    @ivar fields: Header fields that it is sent.
    @ivar command: How it is started.
    @ivar environment: What its environment has beside what every child gets.
    @ivar allowed_tools: The tools that may be used; C{None}: all.
    """

    name: str
    url: str | None
    sse: bool
    fields: Fields
    command: tuple[str, ...]
    environment: Mapping[str, str]
    allowed_tools: frozenset[str] | None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What it is given that nobody else may read, should it say that again."""
        sent = [value.decode("ascii").rpartition(" ")[2] for _, value in self.fields]
        given = (*sent, *self.environment.values())
        # Shorter ones are words that anything may say.
        return tuple(text for text in given if len(text) >= _LEAST_SECRET)


def configured_servers(
    configuration: Configuration, taken: frozenset[str]
) -> tuple[ServerConfig, ...]:
    """
    Read the servers.

    @param taken: Names that servers of our own have.
    @raise SettingsError: They cannot be used.
    """
    try:
        given = configuration.file.get("mcp_servers", {})
        if not isinstance(given, dict):
            raise ConfigError("mcp_servers: not a mapping of names")
        return tuple(_server(str(name), value, taken) for name, value in given.items())
    except ConfigError as error:
        raise configuration.wrong_file(error) from None


def _server(name: str, value: Any, taken: frozenset[str]) -> ServerConfig:
    where = f"mcp_servers: {name}"
    if not _NAME.fullmatch(name):
        # A hyphen ends a server's name in those of its tools.
        raise ConfigError(f"{where}: a name is of letters, digits and underscores")
    if name in taken:
        raise ConfigError(f"{where}: it is the name of a server of aigate's own")
    try:
        entry = msgspec.convert(value, _Entry, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {error}") from None
    kind = entry.transport or ("stdio" if entry.url is None else "http")
    if kind == "stdio":
        if not entry.command:
            raise ConfigError(f"{where}: it has neither url nor command")
    else:
        _check_url(entry.url, where)
    return ServerConfig(
        name,
        None if kind == "stdio" else entry.url,
        kind == "sse",
        (*_authentication(entry, where), *_static(entry, where)),
        (entry.command or "", *entry.args),
        {key: value for key, value in entry.env.items() if value is not None},
        None if entry.allowed_tools is None else frozenset(entry.allowed_tools),
    )


def _check_url(url: str | None, where: str) -> None:
    try:
        split_url(url or "")
    except ValueError as error:
        raise ConfigError(f"{where}: url: {error}") from None
    if not (url or "").isascii():
        raise ConfigError(f"{where}: url: it is not ASCII")


def _authentication(entry: _Entry, where: str) -> Fields:
    value = entry.auth_value or entry.authentication_token
    if entry.auth_type in (None, "none"):
        return ()
    if value is None:
        raise ConfigError(f"{where}: auth_type {entry.auth_type} needs an auth_value")
    if entry.auth_type == "api_key":
        return (_field("X-API-Key", value, where),)
    if entry.auth_type == "bearer_token":
        value = f"Bearer {value}"
    elif entry.auth_type == "basic":
        # As it is sent, or as it is known.
        encoded = b64encode(value.encode("utf-8")).decode("ascii") if ":" in value else value
        value = f"Basic {encoded}"
    return (_field("Authorization", value, where),)


def _static(entry: _Entry, where: str) -> Fields:
    given = entry.static_headers.items()
    return tuple(_field(name, value, where) for name, value in given if value is not None)


def _field(name: str, value: str, where: str) -> tuple[bytes, bytes]:
    if not (name + value).isascii() or not (name + value).isprintable():
        raise ConfigError(f"{where}: the header {name} is not printable ASCII")
    return name.encode("ascii"), value.encode("ascii")
