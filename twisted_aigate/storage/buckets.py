"""The buckets of the configuration, and the keys that open them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from attrs import frozen

from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.settings import ConfigError, Configuration
from twisted_aigate.kernel.units import parse_duration, parse_size
from twisted_aigate.storage.models import Bucket

SECTIONS = ("buckets", "users")
"""The sections of the configuration file that are ours."""

RESERVED = frozenset(("health", "presign", "mcp"))
"""Names that are paths of the plain API and so cannot be buckets."""

_NAME = re.compile(r"(?!xn--|\d+\.\d+\.\d+\.\d+$)[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]")


def valid_bucket_name(name: str) -> bool:
    """
    Whether S3 would take it as a bucket's name.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    return _NAME.fullmatch(name) is not None and name not in RESERVED


@frozen
class AccessKey:
    """
    A key pair.

    @ivar public: The access key, as S3 has it.
    @ivar secret: The secret key; also the Bearer token of plain callers.
    @ivar owner: Who has it: C{master}, a bucket's name, or a user's.
    @ivar bucket: The only bucket that it opens; C{None}: those that its owner owns.
    @ivar master: It opens everything.
    """

    public: str
    secret: Secret
    owner: str
    bucket: str | None = None
    master: bool = False


class _BucketEntry(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    public: bool = False
    public_key: str | None = None
    ttl: str | int = "0"
    max_file_size: str | int = "0"


class _UserEntry(msgspec.Struct, forbid_unknown_fields=True):
    access_key: str
    secret_key: str


class _Sections(msgspec.Struct):
    buckets: dict[str, _BucketEntry] = {}
    users: dict[str, _UserEntry] = {}


MASTER = "master"
"""The owner of what the master key makes."""


@frozen
class ConfiguredStorage:
    """What the configuration says of storage."""

    buckets: tuple[Bucket, ...]
    keys: tuple[AccessKey, ...]


def _bucket(name: str, entry: _BucketEntry) -> Bucket:
    if not valid_bucket_name(name):
        raise ConfigError(f"buckets: {name!r} is no name for a bucket")
    try:
        ttl, size = parse_duration(str(entry.ttl)), parse_size(str(entry.max_file_size))
    except ValueError as error:
        raise ConfigError(f"buckets: {name}: {error}") from None
    return Bucket(name, name, entry.public, ttl, size, 0.0, configured=True)


def _secret(text: str, where: str) -> Secret:
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError(f"{where}: a key is printable ASCII without spaces, and not empty")
    return Secret(text)


def configured_storage(configuration: Configuration) -> ConfiguredStorage:
    """
    Read the buckets and the keys.

    @raise SettingsError: They cannot be used.
    """
    try:
        return _read(configuration)
    except ConfigError as error:
        raise configuration.wrong_file(error) from None


def _read(configuration: Configuration) -> ConfiguredStorage:
    settings = configuration.settings.storage
    sections = _sections(configuration.file)
    buckets: list[Bucket] = []
    keys: list[AccessKey] = []
    if settings.master_key is not None:
        keys.append(AccessKey(settings.master_public_key, settings.master_key, MASTER, master=True))
    if "uploads" not in sections.buckets:
        buckets.append(
            Bucket(
                "uploads", "uploads", True, settings.uploads_ttl, settings.uploads_max_size, 0.0,
                configured=True,
            )
        )  # fmt: skip
        if settings.uploads_key is not None:
            keys.append(AccessKey("uploads", settings.uploads_key, "uploads", "uploads"))
    for name, entry in sections.buckets.items():
        buckets.append(_bucket(name, entry))
        secret = _secret(entry.key, f"buckets: {name}: key")
        keys.append(AccessKey(entry.public_key or name, secret, name, name))
    for name, user in sections.users.items():
        secret = _secret(user.secret_key, f"users: {name}: secret_key")
        keys.append(AccessKey(user.access_key, secret, name))
    publics = [key.public for key in keys]
    twice = {public for public in publics if publics.count(public) > 1}
    if twice:
        raise ConfigError(f"the access key {sorted(twice)[0]!r} is given out twice")
    owners = {name for name in sections.users if name in sections.buckets or name == MASTER}
    if owners:
        raise ConfigError(f"users: {sorted(owners)[0]!r} is the name of a bucket, or master")
    return ConfiguredStorage(tuple(buckets), tuple(keys))


def _sections(file: Mapping[str, Any]) -> _Sections:
    ours = {name: file[name] for name in SECTIONS if name in file}
    try:
        return msgspec.convert(ours, _Sections, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(str(error)) from None
